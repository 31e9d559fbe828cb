"""Statements of a posted end of day: announced with the posting, written once it is posted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from settlement.domain import margin
from settlement.domain.dates import format_date
from settlement.domain.margin import CycleKey
from settlement.ledger.model import OutboxRow
from settlement.run.engine import Engine
from settlement.statements.statement import Day, Statement, statements_of
from settlement.wire import codec

TOPIC: Final = "statements"


class Statements:
    """Makes the statements of the cycles that the settlement run posts."""

    def __init__(self, folder: Path, *, prefix: str = "") -> None:
        """Name the folder, `<data>/statements`; prefix: before the topic's name."""
        self._folder, self._prefix = folder, prefix
        self._made: tuple[CycleKey, list[Statement]] | None = None

    def announced(self, engine: Engine, cycle: CycleKey, cycle_seq: int) -> list[OutboxRow]:
        """Return one notice a member for an end of day; nothing for other cycles."""
        return [
            OutboxRow(
                topic=self._prefix + TOPIC,
                key=made.member,
                value=codec.encode("statement_notice", _notice(made, cycle_seq)),
            )
            for made in self._of(engine, cycle)
        ]

    def write(self, engine: Engine, cycle: CycleKey) -> None:
        """Write the files of a posted cycle; the same again changes nothing."""
        for made in self._of(engine, cycle):
            folder = self._folder / format_date(made.business_date)
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in made.files.items():
                _write(folder / name, content)

    def _of(self, engine: Engine, cycle: CycleKey) -> list[Statement]:
        if cycle.kind != "end_of_day":
            return []
        if self._made is None or self._made[0] != cycle:
            self._made = cycle, statements_of(day_of(engine, cycle))
        return self._made[1]


def day_of(engine: Engine, end_of_day: CycleKey) -> Day:
    """Return what the log says of a business date, up to its end of day: what comes later changes nothing."""
    business_date = end_of_day.business_date
    accounts, currencies = engine.accounts(end_of_day), engine.currencies()
    by_cycle = {key: engine.margin_lines(key) for key in engine.cycles() if key.business_date == business_date}
    return Day(
        business_date=business_date,
        accounts=accounts,
        currencies=currencies,
        lines=[line for lines in by_cycle.values() for line in lines],
        fills=engine.fills_on(business_date),
        payments={
            f"{key.kind}/{key.number}": margin.payments(key, lines, accounts, currencies, engine.banks(key))
            for key, lines in by_cycle.items()
        },
    )


def _notice(made: Statement, cycle_seq: int) -> dict[str, object]:
    names = sorted(made.files)
    files = [f"{format_date(made.business_date)}/{name}" for name in names]
    return {
        "cycle_seq": cycle_seq,
        "business_date": made.business_date,
        "member": made.member,
        "files": files,
        "sha256": made.sha256,
    }


def _write(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing."""
    if file.exists() and file.read_bytes() == content:
        return
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(file)
