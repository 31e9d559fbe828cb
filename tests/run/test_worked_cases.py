"""The worked cases of the rulebook through the SQL engine, from records written by hand."""

from __future__ import annotations

import pytest

from settlement.domain.margin import CycleKey, MarginLine, fees, payments
from tests.run.logbook import MONDAY, TUESDAY, WEDNESDAY, Logbook


def book(*names: str, fee: str = "0") -> Logbook:
    """Return a log with GPUH listed and net house accounts."""
    log = Logbook()
    log.listing(fee=fee)
    log.accounts(*names)
    return log


def lines(log: Logbook, cycle: CycleKey) -> dict[str, MarginLine]:
    """Return a cycle's lines by account, of a log that breaks nothing."""
    engine = log.engine()
    assert engine.breaches(cycle) == []
    return {line.account: line for line in engine.margin_lines(cycle)}


def totals(log: Logbook, cycle: CycleKey) -> dict[str, int]:
    """Return what each account receives in minor units."""
    return {account: line.total_minor for account, line in lines(log, cycle).items()}


@pytest.mark.rule("VM-1", "VM-3")
def test_e01_first_day() -> None:
    """E01: bought 10 at 2.3500 and settled at 2.3620, A receives 87.60 and B pays it."""
    log = book("A", "D")
    log.trade("A", "D", 10, "2.3500")
    cycle = log.settle({"GPUH": "2.3620"})
    found = lines(log, cycle)
    assert {a: (x.tvar_minor, x.smtm_minor, x.start, x.end) for a, x in found.items()} == {
        "A": (8760, 0, 0, 10),
        "D": (-8760, 0, 0, -10),
    }
    assert found["A"].previous_nano is None


@pytest.mark.rule("VM-2")
def test_e02_carried() -> None:
    """E02: a carried book is marked per contract, -149.60, not on the rounded position."""
    log = book("A", "D")
    log.carry("2.3620", {"A": 10, "D": -10})
    cycle = log.settle({"GPUH": "2.3415"})
    found = lines(log, cycle)
    assert {a: (x.smtm_minor, x.start) for a, x in found.items()} == {"A": (-14960, 10), "D": (14960, -10)}
    assert found["A"].previous_nano == 2_362_000_000
    assert found["A"].bought == 0


@pytest.mark.rule("VM-1", "VM-2")
def test_e04_partial_close() -> None:
    """E04: a carried long sells 4 of 10; start and trades are marked apart."""
    log = book("A", "D", "C")
    log.carry("2.3620", {"A": 10, "D": -10})
    log.trade("C", "A", 4, "2.3700")
    cycle = log.settle({"GPUH": "2.3655"})
    assert {a: (x.total_minor, x.end) for a, x in lines(log, cycle).items()} == {
        "A": (3872, 6),
        "D": (-2560, -10),
        "C": (-1312, 4),
    }


@pytest.mark.rule("VM-1", "VM-3")
@pytest.mark.parametrize("settlement", ["2.3100", "2.5000"])
def test_e05_day_trade(settlement: str) -> None:
    """E05: what is bought and sold within the day pays the difference at any settlement price."""
    log = book("A", "D")
    log.trade("A", "D", 5, "2.3100")
    log.trade("D", "A", 5, "2.3275")
    found = lines(log, log.settle({"GPUH": settlement}))
    assert (found["A"].total_minor, found["A"].end, found["A"].bought, found["A"].sold) == (6390, 0, 5, 5)


@pytest.mark.rule("VM-1", "VM-2")
def test_e06_through_zero() -> None:
    """E06: a long of 3 sells 8 and ends short 5."""
    log = book("A", "D")
    log.carry("2.3600", {"A": 3, "D": -3})
    log.trade("D", "A", 8, "2.3550")
    line = lines(log, log.settle({"GPUH": "2.3490"}))["A"]
    assert (line.smtm_minor, line.tvar_minor, line.total_minor, line.end) == (-2409, 3504, 1095, -5)


@pytest.mark.rule("COR-1", "FEE-1", "VM-3")
def test_e07_bust_in_the_day() -> None:
    """E07: a bust before the cut leaves nothing but a line of zeros."""
    log = book("A", "D", fee="0.35")
    log.bust(log.trade("A", "D", 10, "2.3500"))
    found = lines(log, log.settle({"GPUH": "2.3620"}))
    assert {a: (x.bought, x.sold, x.end, x.total_minor) for a, x in found.items()} == {
        "A": (0, 0, 0, 0),
        "D": (0, 0, 0, 0),
    }


@pytest.mark.rule("COR-1")
def test_e08_bust_after_settlement() -> None:
    """E08: a bust on the next day pays back exactly what was received."""
    log = book("A", "D", fee="0.35")
    trade = log.trade("A", "D", 10, "2.3500")
    first = log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.bust(trade)
    second = log.settle({"GPUH": "2.3415"}, WEDNESDAY)
    line = lines(log, second)["A"]
    assert (line.smtm_minor, line.tvar_minor, line.bought, line.end) == (-14960, 6200, -10, 0)
    before, after = totals(log, first), totals(log, second)
    assert {account: before[account] + after[account] for account in before} == {"A": 0, "D": 0}


@pytest.mark.rule("VAL-1", "VM-4")
def test_e11_below_a_cent() -> None:
    """E11: one long against three shorts sums to zero, since V is rounded per contract."""
    log = book("A", "X", "Y", "Z")
    for seller in "XYZ":
        log.trade("A", seller, 1, "2.3501")
    assert totals(log, log.settle({"GPUH": "2.3506"})) == {"A": 111, "X": -37, "Y": -37, "Z": -37}


@pytest.mark.rule("PAY-1")
def test_e15_origins() -> None:
    """E15: a member's house and client receive and pay apart, never netted to 0."""
    log = book()
    log.account("M-H", member="M")
    log.account("M-C", member="M", origin="CLIENT")
    log.trade("M-H", "M-C", 10, "2.3500")
    cycle = log.settle({"GPUH": "2.3620"})
    engine = log.engine()
    paid = payments(cycle, engine.margin_lines(cycle), engine.accounts(), engine.currencies(), {})
    assert [(p.member, p.origin, p.amount_minor) for p in paid] == [("M", "CLIENT", -8760), ("M", "HOUSE", 8760)]


@pytest.mark.rule("ACC-1")
def test_e16_gross_client_account() -> None:
    """E16: a gross account keeps 10 long and 4 short apart and is marked on net 6."""
    log = book("A", "D")
    log.account("G", member="M", origin="CLIENT", positions="GROSS")
    log.trade("G", "A", 10, "2.3500")
    log.trade("D", "G", 4, "2.3500")
    first = log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.trade("G", "A", 1, "2.3620", effects=("CLOSE", "OPEN"))
    second = log.settle({"GPUH": "2.3620"}, WEDNESDAY)
    line, later = lines(log, first)["G"], lines(log, second)["G"]
    assert (line.total_minor, line.end, line.end_long, line.end_short) == (5256, 6, 10, 4)
    assert (later.start_long, later.start_short, later.end_long, later.end_short, later.end) == (10, 4, 10, 3, 7)
    assert {a: (x.end_long, x.end_short) for a, x in lines(log, first).items() if a != "G"} == {
        "A": (0, 0),
        "D": (0, 0),
    }


@pytest.mark.rule("ACC-1", "COR-1")
def test_busts_of_a_gross_account_reverse_its_side() -> None:
    """A bust of a gross account's close brings its lots back on the side they were on."""
    log = book("A")
    log.account("G", positions="GROSS")
    log.trade("G", "A", 5, "2.3500")
    log.bust(log.trade("A", "G", 5, "2.3600", effects=("OPEN", "CLOSE")))
    line = lines(log, log.settle({"GPUH": "2.3620"}))["G"]
    assert (line.end_long, line.end_short, line.end, line.sold) == (5, 0, 5, 0)


@pytest.mark.rule("PAY-1", "VAL-1")
def test_e18_currencies() -> None:
    """E18: currencies are paid apart, and V follows each one's decimals: 257230 yen at 352.37."""
    log = book("A", "D")
    log.listing("EURH", currency="EUR", size="100")
    log.listing("JPYH", currency="JPY")
    log.trade("A", "D", 10, "2.3500")
    log.trade("D", "A", 1, "2.00", contract="EURH")
    log.trade("A", "D", 1, "352.37", contract="JPYH")
    cycle = log.settle({"GPUH": "2.3620", "EURH": "3.00", "JPYH": "352.37"})
    engine = log.engine()
    assert engine.breaches(cycle) == []
    paid = payments(cycle, engine.margin_lines(cycle), engine.accounts(), engine.currencies(), {})
    assert [(p.member, p.currency, p.amount_minor) for p in paid if p.member == "A"] == [
        ("A", "EUR", -10000),
        ("A", "USD", 8760),
    ]
    assert next(p["value_minor"] for p in engine.prices(cycle) if p["contract"] == "JPYH") == 257_230


@pytest.mark.rule("ITD-1")
def test_e19_intraday() -> None:
    """E19: the intraday cycle pays the mark so far, the end of the day takes it back."""
    log = book("A", "D")
    log.trade("A", "D", 10, "2.3500")
    first = log.prices("intraday", {"GPUH": "2.3550"})
    log.trade("D", "A", 3, "2.3580")
    second = log.prices("intraday", {"GPUH": "2.3550"})
    last = log.settle({"GPUH": "2.3620"})
    line = lines(log, first)["A"]
    assert (line.imtm_minor, line.total_minor, line.end) == (3650, 3650, 10)
    change = 3 * (172134 - 171915)  # the sale at 2.358, marked at 2.355
    assert lines(log, second)["A"].imtm_minor == change
    end = lines(log, last)["A"]
    assert (end.tvar_minor, end.imtm_minor, end.total_minor) == (7884, -3650 - change, 4234 - change)


@pytest.mark.rule("ITD-1", "VM-5")
def test_intraday_leaves_out_what_it_does_not_price() -> None:
    """An intraday cycle that omits a contract has no line of it, and the next one continues from the one before."""
    log = book("A", "D")
    log.listing("H200")
    log.trade("A", "D", 10, "2.3500")
    log.trade("A", "D", 1, "2.3500", contract="H200")
    log.prices("intraday", {"GPUH": "2.3550", "H200": "2.3550"})
    only = log.prices("intraday", {"H200": "2.3620"})
    last = log.settle({"GPUH": "2.3620", "H200": "2.3620"})
    engine = log.engine()
    assert {(x.contract, x.account, x.imtm_minor) for x in engine.margin_lines(only)} == {
        ("H200", "A", 511),
        ("H200", "D", -511),
    }
    assert engine.breaches(last) == []
    assert {(x.contract, x.imtm_minor) for x in engine.margin_lines(last) if x.account == "A"} == {
        ("GPUH", -3650),
        ("H200", -876),
    }


@pytest.mark.rule("FEE-1", "PAY-1", "VM-4")
def test_e33_fees() -> None:
    """E33: 0.35 a side and lot goes to the clearing house, through the member's house payment for a client too."""
    log = book("A", fee="0.35")
    log.account("B-C", member="D", origin="CLIENT")
    log.trade("A", "B-C", 10, "2.3500")
    cycle = log.settle({"GPUH": "2.3620"})
    engine = log.engine()
    found = engine.margin_lines(cycle)
    paid = payments(cycle, found, engine.accounts(), engine.currencies(), {})
    assert [x.fee_minor for x in found] == [-350, -350]
    assert [(p.member, p.origin, p.amount_minor) for p in paid] == [
        ("A", "HOUSE", 8410),
        ("D", "CLIENT", -8760),
        ("D", "HOUSE", -350),
    ]
    assert fees(found, engine.currencies()) == {"USD": 700}
    assert sum(p.amount_minor for p in paid) + 700 == 0


@pytest.mark.rule("CUT-1")
def test_fills_of_the_next_date_wait_for_it() -> None:
    """Fills between a cut and its prices are of the next date, and change nothing of the one that is cut."""
    log = book("A", "D")
    log.trade("A", "D", 10, "2.3500")
    log.cut(TUESDAY)
    log.trade("A", "D", 7, "2.3600")
    first = log.prices("end_of_day", {"GPUH": "2.3620"}, date=MONDAY)
    second = log.settle({"GPUH": "2.3620"}, WEDNESDAY)
    assert (lines(log, first)["A"].end, lines(log, second)["A"].start, lines(log, second)["A"].end) == (10, 10, 17)


@pytest.mark.rule("VM-3")
def test_lines_are_numbered_within_their_partition() -> None:
    """Lines come sorted bytewise by account and contract, numbered from 0 in each partition, idle positions too."""
    names = [f"{letter}{n}" for letter in "aB" for n in range(6)]
    log = book(*names)
    for i in range(0, 12, 2):
        log.trade(names[i], names[i + 1], 1, "2.35")
    log.settle({"GPUH": "2.36"}, TUESDAY)
    cycle = log.settle({"GPUH": "2.36"}, WEDNESDAY)
    found = log.engine().margin_lines(cycle)
    assert [x.account for x in found] == sorted(names)
    for partition in (0, 1):
        own = [x for x in found if x.partition == partition]
        assert [x.line for x in own] == list(range(len(own)))
