"""What must hold of any scenario: partitions, splitting and order change no figure, refused events change nothing."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.scenario.run import Run, run_scenario, settled
from tests.scenario.generated import Line, read, scenario_lines, without_numbers

pytestmark = [pytest.mark.timeout(170)]
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
FEW = settings(QUICK, max_examples=8)


def snapshots(run: Run) -> list[bytes]:
    """Return the state of every fold behind the log."""
    run.offline.flush()
    return [shard.fold.snapshot() for shards in run.offline.shards.values() for shard in shards]


@given(scenario_lines())
@QUICK
def test_the_number_of_partitions_changes_nothing(lines: list[Line]) -> None:
    """The document is the same over 1, 2, 3, 4 and 7 partitions."""
    scenario = read(lines)
    expected = settled(scenario, partitions=1).figures()
    for partitions in (2, 3, 4, 7):
        assert settled(scenario, partitions=partitions).figures() == expected


@pytest.mark.rule("VM-4", "VM-3", "PAY-1", "FEE-1")
@given(scenario_lines())
@FEW
def test_both_engines_agree_and_every_cycle_sums_to_zero(lines: list[Line]) -> None:
    """Every line of every cycle is the same by both engines, and payments and fees cancel out in each currency."""
    result = run_scenario(read(lines))
    assert list(result.disagreements) == []
    for cycle in result.document["cycles"]:
        assert all(not amount for amount in balance(cycle).values()), cycle
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for amounts in result.document["totals"].values():
        for currency, amount in amounts.items():
            sums[currency] += Decimal(amount)
    assert not any(sums.values())
    for contract in ("G", "J"):
        assert sum(net(held[contract]) for held in result.document["positions"].values() if contract in held) == 0


def balance(cycle: dict[str, Any]) -> dict[str, Decimal]:
    """Return what a cycle's payments and fees leave over, by currency."""
    left: defaultdict[str, Decimal] = defaultdict(Decimal)
    for payment in cycle["payments"]:
        left[payment["currency"]] += Decimal(payment["amount"])
    for line in cycle["lines"]:
        left[line["currency"]] -= Decimal(line["amounts"].get("FEE", "0"))
    return left


def net(lots: int | dict[str, int]) -> int:
    """Return signed lots."""
    return lots if isinstance(lots, int) else lots["long"] - lots["short"]


@pytest.mark.rule("ENT-1")
@given(scenario_lines())
@QUICK
def test_refused_events_leave_everything_as_it_was(lines: list[Line]) -> None:
    """Without its refused events a scenario has the same figures, and every fold byte for byte the same state.

    Refused settles and cuts stay where they are: they have a say in which dates a file opens.
    """
    run = settled(read(lines))
    document, refused = run.figures(), {rejection["event"] for rejection in run.rejections}
    kept = [line for place, line in enumerate(lines, 1) if place not in refused or line.startswith(("settle", "cut"))]
    again = settled(read(kept))
    assert without_numbers(again.figures()) == without_numbers(document)
    assert all(kept[rejection["event"] - 1].startswith(("settle", "cut")) for rejection in again.rejections)
    assert snapshots(again) == snapshots(run)


_SIMPLE = st.tuples(
    st.sampled_from("ABCD"),
    st.sampled_from("ABCD"),
    st.integers(1, 9),
    st.sampled_from(["2.35", "2.3515", "-0.0005", "2.4"]),
)


def simple(trades: list[tuple[str, str, int, str]]) -> list[Line]:
    """Return trades as events."""
    return [f"trade: {{contract: G, buyer: {b}, seller: {s}, lots: {n}, price: {p}}}" for b, s, n, p in trades]


SETTLE = "settle: {date: 2026-11-23, prices: {G: 2.3605}}"


@pytest.mark.rule("VAL-1", "VM-1")
@given(st.lists(_SIMPLE, max_size=8), st.data())
@QUICK
def test_splitting_a_trade_changes_nothing(trades: list[tuple[str, str, int, str]], data: st.DataObject) -> None:
    """A trade of n lots and n trades of parts of it settle to the same lines, payments and fees."""
    parts: list[tuple[str, str, int, str]] = []
    for buyer, seller, lots, price in trades:
        first = data.draw(st.integers(1, lots))
        parts += [(buyer, seller, part, price) for part in (first, lots - first) if part]
    assert settled(read([*simple(parts), SETTLE])).figures() == settled(read([*simple(trades), SETTLE])).figures()


@pytest.mark.rule("VM-1")
@given(st.lists(_SIMPLE, max_size=8), st.randoms(use_true_random=False))
@QUICK
def test_the_order_within_a_day_changes_nothing(trades: list[tuple[str, str, int, str]], random: Any) -> None:
    """The same trades in another order settle to the same lines, payments and fees."""
    shuffled = list(trades)
    random.shuffle(shuffled)
    assert settled(read([*simple(shuffled), SETTLE])).figures() == settled(read([*simple(trades), SETTLE])).figures()


@pytest.mark.rule("COR-1")
@given(st.lists(_SIMPLE, min_size=1, max_size=5))
@QUICK
def test_busting_everything_later_gives_everything_back(trades: list[tuple[str, str, int, str]]) -> None:
    """When each trade of a settled date is busted on the next one, every account's total is 0.00, fees included."""
    entered = [line.replace("{", f"{{id: T{n}, ", 1) for n, line in enumerate(simple(trades))]
    busts = [f"bust: {{trade: T{n}}}" for n in range(len(trades))]
    document = settled(read([*entered, SETTLE, *busts, "settle: {date: 2026-11-24, prices: {G: 2.1}}"])).figures()
    assert not document["rejections"]
    assert {amount for amounts in document["totals"].values() for amount in amounts.values()} == {"0.00"}
    assert {lots for held in document["positions"].values() for lots in held.values()} == {0}
