"""The second engine over a million fills of one date."""

from __future__ import annotations

import random
import time
from typing import Any

import polars as pl
import pytest

from settlement.run.engine import Engine
from settlement.run.tables import FILL_COLUMNS
from settlement.wire.columns import Columns, Piece
from settlement.wire.partition import partition_of
from tests.run.logbook import MONDAY, TUESDAY, Logbook, signed

FILLS, MEMBERS, PARTITIONS, SECONDS = 1_000_000, 2_000, 4, 30


@pytest.mark.long
def test_a_million_fills_take_seconds() -> None:
    """Lines and all checks of a million fills by 2,000 members in 5 contracts take seconds, not minutes."""
    log = Logbook(partitions=PARTITIONS)
    contracts = [f"H{n}" for n in range(5)]
    for contract in contracts:
        log.listing(contract, fee="0.35")
    names = [f"M{n:04d}-H" for n in range(MEMBERS)]
    log.accounts(*names)
    engine, rows = Engine(partitions=PARTITIONS), _rows(log, names, contracts)
    prices = [{"contract": c, "price_nano": 2_362_000_000, "value_minor": 172_426, "tier": "given"} for c in contracts]
    for partition, own in rows.items():
        values = log.values(partition)
        engine.load(partition, Columns(engine.columnar)(b"".join(values), [len(value) for value in values]))
        frame = pl.DataFrame(own, schema=FILL_COLUMNS, orient="row")
        engine.load(partition, [Piece(name="fill", first=0, count=len(own), frame=frame)])
        seq = len(values) + len(own)
        cut = {
            "stream_seq": seq, "business_date": MONDAY, "next_date": TUESDAY, "sessions": [], "open_breaks": [],
            "fills": len(own), "lots": sum(row[10] for row in own), "absolute_lots": sum(row[10] for row in own),
            "lots_value_minor": sum(signed(row[8], row[10]) * row[12] for row in own), "control_id": "C",
        }  # fmt: skip
        cycle = {
            "stream_seq": seq + 1, "business_date": MONDAY, "kind": "end_of_day", "number": 1,
            "effective_date": MONDAY, "control_id": "P", "prices": prices,
        }  # fmt: skip
        engine.load(partition, [Piece(name="cut", first=0, count=1, records=(cut,))])
        engine.load(partition, [Piece(name="prices", first=0, count=1, records=(cycle,))])
    began = time.monotonic()
    [key] = engine.cycles()
    lines = engine.margin_lines(key)
    lined = time.monotonic() - began
    assert engine.breaches(key) == []
    checked = time.monotonic() - began - lined
    print(f"{FILLS:,} fills: {len(lines):,} lines in {lined:.1f} s, all checks in {checked:.1f} s")  # noqa: T201  the figure
    assert lined + checked < SECONDS


def _rows(log: Logbook, names: list[str], contracts: list[str]) -> dict[int, list[tuple[Any, ...]]]:
    rng = random.Random(1)
    place = {name: partition_of(name, PARTITIONS) for name in names}
    rows: dict[int, list[tuple[Any, ...]]] = {partition: [] for partition in range(PARTITIONS)}
    values = {tick: log.value(contracts[0], f"2.{tick}") for tick in range(350, 400)}
    for number in range(FILLS // 2):
        tick, contract, lots = rng.randrange(350, 400), rng.choice(contracts), rng.randrange(1, 9)
        for account, side in zip(rng.sample(names, 2), ("BUY", "SELL"), strict=True):
            own = rows[place[account]]
            seq = len(log.records[place[account]]) + len(own)
            own.append(
                (
                    seq,
                    MONDAY,
                    MONDAY,
                    "trade",
                    f"T{number}/{side}",
                    f"T{number}",
                    account,
                    contract,
                    side,
                    "OPEN",
                    lots,
                    2000000000 + tick * 1000000,
                    values[tick],
                    -35 * lots,
                    0,
                    0,
                    "regular",
                    -1,
                    "",
                    number,
                    "",
                    "",
                )
            )
    return rows
