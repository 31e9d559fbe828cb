"""Each invariant broken once: the engine names the rule, the contract, the accounts and the records."""

from __future__ import annotations

import pytest

from settlement.domain.margin import CycleKey
from settlement.run.breach import Breach, BreachError, Place
from tests.run.logbook import MONDAY, TUESDAY, WEDNESDAY, Logbook

PRICES = {"GPUH": "2.3620"}


def book(fee: str = "0.35") -> Logbook:
    """Return a log with GPUH and three accounts."""
    log = Logbook()
    log.listing(fee=fee)
    log.accounts("A", "D", "C")
    return log


def breaches(log: Logbook, cycle: CycleKey) -> list[Breach]:
    """Return what a log breaks in a cycle."""
    return log.engine().breaches(cycle)


def place(log: Logbook, record: dict[str, object]) -> Place:
    """Return where a record of the log stands."""
    return next(
        Place(partition, seq)
        for partition, records in log.records.items()
        for seq, (_, other) in enumerate(records)
        if other is record
    )


@pytest.mark.rule("VM-4")
def test_an_unbalanced_fill() -> None:
    """A trade whose sides differ by one lot is named with its accounts and fills."""
    log = book(fee="0")
    trade = log.trade("A", "D", 10, "2.3500")
    log.find(trade, "D")["lots"] = 9
    found = breaches(log, log.settle(PRICES))
    named = next(b for b in found if b.rule == "VM-4" and trade in b.message)
    assert (named.contract, named.accounts) == ("GPUH", ("A", "D"))
    assert set(named.stream_seqs) == {place(log, log.find(trade, "A")), place(log, log.find(trade, "D"))}
    assert any("all accounts" in b.message and "1 from 0" in b.message for b in found)


@pytest.mark.rule("CUT-1")
@pytest.mark.parametrize("column", ["fills", "lots", "absolute_lots", "lots_value_minor"])
def test_a_wrong_control_sum(column: str) -> None:
    """Each control sum of the cut that differs by one from the log is a breach at that cut."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    cycle = log.settle(PRICES)
    name, record = log.records[0][-2]
    assert name == "cut"
    record[column] += 1
    [found] = breaches(log, cycle)
    assert found.rule == "CUT-1"
    assert found.stream_seqs[0] == place(log, record)


@pytest.mark.rule("CUT-1")
def test_a_lost_fill_shows_in_the_control_sums() -> None:
    """A trade that vanished on both sides still balances; the gateway's count tells."""
    log = book()
    trade = log.trade("A", "D", 10, "2.3500")
    log.trade("A", "D", 1, "2.3500")
    log.cut(TUESDAY)
    for records in log.records.values():
        records[:] = [
            (n, {**r, "stream_seq": seq})
            for seq, (n, r) in enumerate((n, r) for n, r in records if r.get("trade_id") != trade)
        ]
    cycle = log.prices("end_of_day", PRICES, date=MONDAY)
    assert {b.rule for b in breaches(log, cycle)} == {"CUT-1"}


@pytest.mark.rule("CUT-1")
def test_a_fill_of_a_closed_date_behind_its_prices() -> None:
    """A fill that names a settled date would move the start of the next day: refused there, by name."""
    log = book(fee="0")
    log.trade("A", "D", 10, "2.3500")
    log.settle(PRICES, TUESDAY)
    late = log.trade("A", "D", 1, "2.3500", business_date=MONDAY)
    found = breaches(log, log.settle(PRICES, WEDNESDAY))
    assert {b.rule for b in found} == {"CUT-1"}
    assert any(place(log, log.find(late, "A")) in b.stream_seqs and b.contract == "GPUH" for b in found)


@pytest.mark.rule("VM-5")
def test_a_missing_price() -> None:
    """A contract with a fill and no price stops the cycle, naming who trades it; a price is never zero by default."""
    log = book()
    log.listing("H200")
    log.trade("A", "D", 10, "2.3500", contract="H200")
    cycle = log.settle(PRICES)
    engine = log.engine()
    [found] = [b for b in engine.breaches(cycle) if b.rule == "VM-5"]
    assert (found.contract, found.accounts, len(found.stream_seqs)) == ("H200", ("A", "D"), 2)
    with pytest.raises(BreachError, match="Expected a settlement price of H200"):
        engine.margin_lines(cycle)


@pytest.mark.rule("VM-5")
def test_a_missing_prior_price() -> None:
    """A position that was brought forward without an opening price stops the cycle."""
    log = book()
    log.fill("A", "BUY", 10, "2.3500", kind="carry")
    log.fill("D", "SELL", 10, "2.3500", kind="carry")
    cycle = log.settle(PRICES)
    assert ["prior settlement price" in b.message for b in breaches(log, cycle) if b.rule == "VM-5"] == [True]


@pytest.mark.rule("ENT-7")
def test_an_open_break() -> None:
    """A refused trade stops its date until two different people waive it, or it is resubmitted."""
    stuck = [{"feed": "X", "source_seq": 7, "trade_id": "T9"}]

    def log_with(*people: str, resubmitted: bool = False) -> list[Breach]:
        log = book()
        log.trade("A", "D", 10, "2.3500")
        log.cut(TUESDAY, open_breaks=stuck)
        if people:
            log.everywhere(
                "waiver", business_date=MONDAY, feed="X", break_seq=7, requested_by=people[0], approved_by=people[1],
                reason="r", control_id="W",
            )  # fmt: skip
        if resubmitted:
            log.trade("A", "D", 1, "2.3500", trade_id="T9", feed="X", source_seq=12)
        return breaches(log, log.prices("end_of_day", PRICES, date=MONDAY))

    [found] = log_with()
    assert (found.rule, len(found.stream_seqs)) == ("ENT-7", 2)
    assert "T9 (7 of feed X)" in found.message
    assert len(log_with("ann", "ann")) == 1
    assert log_with("ann", "bob") == []
    assert log_with(resubmitted=True) == []


@pytest.mark.rule("ENT-7")
@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 0),
        ({"trades": 3}, 1),
        ({"trades": 2, "rejected_trades": 1}, 0),
        ({"lots": 11}, 1),
        ({"accepted_trades": 2, "trades": 2}, 2),
        ({"accepted_lots": 9, "lots": 9}, 2),
    ],
)
def test_session_totals(changes: dict[str, int], count: int) -> None:
    """The exchange's totals are what was accepted and refused, and what was accepted is in the log."""
    log = book()
    log.trade("A", "D", 10, "2.3500", feed="X")
    session = {
        "feed": "X", "trades": 1, "lots": 10, "accepted_trades": 1, "accepted_lots": 10, "rejected_trades": 0,
        "rejected_lots": 0,
    }  # fmt: skip
    log.cut(TUESDAY, sessions=[{**session, **changes}])
    found = breaches(log, log.prices("end_of_day", PRICES, date=MONDAY))
    assert [b.rule for b in found] == ["ENT-7"] * count


@pytest.mark.rule("COR-1")
@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("lots", 1), ("price_nano", 1_000_000), ("value_minor", 73), ("fee_minor", 1), ("cres_minor", 1),
        ("adj_minor", 1),
        ("account", "C"), ("side", "SELL"), ("position_effect", "CLOSE"), ("corrects", "nothing"), ("trade_id", "T0"),
    ],
)  # fmt: skip
def test_a_bust_that_does_not_repeat_its_fill(column: str, change: int | str) -> None:
    """A bust whose offset differs in anything, by one tick or one lot, is named with the fill that it reverses."""
    log = book()
    log.bust(log.trade("A", "D", 10, "2.3500"))
    bust = next(
        r for rs in log.records.values() for n, r in rs if n == "fill" and r["kind"] == "bust" and r["account"] == "A"
    )
    bust[column] = bust[column] + change if isinstance(change, int) else change
    found = [b for b in breaches(log, log.settle(PRICES)) if b.rule == "COR-1"]
    assert found
    named = next(b for b in found if "repeats what it reverses" in b.message)
    assert place(log, bust) in named.stream_seqs
    assert named.contract == "GPUH"


@pytest.mark.rule("COR-1")
def test_a_bust_that_both_sides_repeat_wrongly_is_seen() -> None:
    """Offsets one tick away on both sides balance with each other, and are refused all the same."""
    log = book()
    log.bust(log.trade("A", "D", 10, "2.3500"))
    for records in log.records.values():
        for name, record in records:
            if name == "fill" and record["kind"] == "bust":
                record |= {"price_nano": 2_351_000_000, "value_minor": log.value("GPUH", "2.351")}
    found = breaches(log, log.settle(PRICES))
    assert {b.rule for b in found} == {"COR-1"}
    assert "Expected price 2350000000 (1e-9), was 2351000000" in str([b.message for b in found])


@pytest.mark.rule("COR-1")
def test_half_a_bust_and_a_double_one() -> None:
    """Of a busted trade each fill is reversed once: not one side only, and not twice."""
    half = book(fee="0")
    half.bust(half.trade("A", "D", 10, "2.3500"))
    for records in half.records.values():
        records[:] = [
            (n, {**r, "stream_seq": seq})
            for seq, (n, r) in enumerate(
                (n, r) for n, r in records if not (r.get("kind") == "bust" and r["account"] == "D")
            )
        ]
    assert any("taken back once" in b.message and b.accounts == ("D",) for b in breaches(half, half.settle(PRICES)))
    twice = book()
    trade = twice.trade("A", "D", 10, "2.3500")
    twice.bust(trade)
    twice.bust(trade)
    assert any("was 20" in b.message for b in breaches(twice, twice.settle(PRICES)))


@pytest.mark.rule("VAL-1", "FEE-1")
def test_an_original_is_checked_against_the_terms_in_force() -> None:
    """V and fee of an original follow from the terms at its place, a new version from its listing on."""
    log = book()
    wrong = log.trade("A", "D", 10, "2.3500")
    log.listing(fee="0.50")
    log.trade("A", "D", 10, "2.3500")
    cycle = log.settle(PRICES)
    assert breaches(log, cycle) == []
    log.find(wrong, "A")["fee_minor"] -= 1
    log.find(wrong, "D")["value_minor"] += 1
    found = [b for b in breaches(log, cycle) if b.rule in {"VAL-1", "FEE-1"}]
    assert [(b.rule, b.accounts) for b in found] == [("FEE-1", ("A",)), ("VAL-1", ("D",))]


@pytest.mark.rule("VAL-1")
@pytest.mark.parametrize("rounding", ["half-up", "half-even", "down"])
def test_all_roundings_in_sql(rounding: str) -> None:
    """The SQL engine rounds V as the domain does: ties, negative prices and prices at the limit, in every mode."""
    log = Logbook()
    log.listing("H100", size="100", rounding=rounding)
    log.listing("HUGE", size="0.01", rounding=rounding)
    log.accounts("A", "D")
    for price in ("2.3505", "-2.3505", "0.00005", "-0.00005", "0.00015", "-0.00015", "0.000149999", "0"):
        log.trade("A", "D", 1, price, contract="H100")
    log.trade("A", "D", 1, "9199999999.999999999", contract="HUGE")
    cycle = log.settle({"H100": "2.35", "HUGE": "-9199999999.999999999"})
    assert breaches(log, cycle) == []
    for number in range(1, log.trades + 1):
        log.find(f"T{number}", "A")["value_minor"] += 1
        log.find(f"T{number}", "D")["value_minor"] -= 1
    wrong = [b for b in breaches(log, cycle) if b.rule == "VAL-1"]
    assert len(wrong) == 2 * log.trades


@pytest.mark.rule("VAL-1")
def test_a_settlement_price_whose_value_is_wrong() -> None:
    """V of a settlement price is recomputed too."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    cycle = log.settle(PRICES)
    for records in log.records.values():
        records[-1][1]["prices"][0]["value_minor"] += 1
    assert [(b.rule, b.contract) for b in breaches(log, cycle)] == [("VAL-1", "GPUH")]


@pytest.mark.rule("CUT-1")
def test_partitions_that_say_different_things() -> None:
    """Prices that differ between partitions are a breach."""
    log = book(fee="0")
    log.trade("A", "D", 10, "2.3500")
    cycle = log.settle(PRICES)
    prices = log.records[1][-1][1]
    prices["prices"] = [{**prices["prices"][0], "tier": "vwap"}]
    assert [b.rule for b in breaches(log, cycle)] == ["CUT-1"]


@pytest.mark.rule("CUT-1")
@pytest.mark.parametrize("kind", ["intraday", "final"])
def test_a_cut_behind_a_cycle_is_none_of_its_matters(kind: str) -> None:
    """The cut that follows a cycle of its date may be read in one partition and not in another yet: no breach."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    cycle = log.prices(kind, PRICES)
    totals = dict.fromkeys(("accepted_trades", "accepted_lots", "rejected_trades", "rejected_lots"), 0)
    unsettled = [{"feed": "x", "source_seq": 3, "trade_id": "T9"}]
    log.cut(TUESDAY, sessions=[{"feed": "x", "trades": 0, "lots": 0, **totals}], open_breaks=unsettled)
    log.records[1].pop()
    assert breaches(log, cycle) == []


@pytest.mark.rule("ENT-8")
def test_cycles_out_of_order() -> None:
    """A date that is settled before an earlier one, and a number that leaves one out, are refused."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.cut(TUESDAY)
    log.cut(WEDNESDAY)
    early = log.prices("end_of_day", PRICES, date=TUESDAY)
    assert ["20261123 to be settled first" in b.message for b in breaches(log, early) if b.rule == "ENT-8"] == [True]
    log.numbers[WEDNESDAY, "intraday"] = 1
    skipped = log.prices("intraday", PRICES)
    assert any("Expected 1 as the next number" in b.message for b in breaches(log, skipped))


@pytest.mark.rule("ACC-1")
def test_a_fill_of_an_account_that_was_never_opened() -> None:
    """An account without an opening record is a breach."""
    log = book()
    log.trade("A", "NOBODY", 1, "2.35")
    assert [(b.rule, b.accounts) for b in breaches(log, log.settle(PRICES))] == [("ACC-1", ("NOBODY",))]


@pytest.mark.rule("CUT-1")
def test_prices_without_a_cut() -> None:
    """An end of day without a cut of its date is refused."""
    log = book()
    log.trade("A", "D", 1, "2.35")
    assert {b.rule for b in breaches(log, log.prices("end_of_day", PRICES))} == {"CUT-1"}
