"""Final settlement, corrected prices and transfers in the SQL engine, from records written by hand."""

from __future__ import annotations

import pytest

from tests.run.logbook import MONDAY, TUESDAY, WEDNESDAY, Logbook


def book() -> Logbook:
    """Return a log with GPUH listed and three accounts."""
    log = Logbook()
    log.listing()
    log.accounts("A", "D", "C")
    return log


@pytest.mark.rule("FSP-3")
def test_a_final_pays_the_rest_and_ends_the_position() -> None:
    """A final line carries the day's TVAR and FMTM on the start, expires all lots, and no later cycle knows them."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.trade("C", "A", 4, "2.3620")
    final = log.prices("final", {"GPUH": "2.3490"})
    after = log.settle({}, WEDNESDAY)
    engine = log.engine()
    assert engine.breaches(final) == []
    found = {x.account: x for x in engine.margin_lines(final)}
    assert {a: (x.start, x.expired, x.end, x.smtm_minor) for a, x in found.items()} == {
        "A": (10, 6, 0, 0),
        "D": (-10, -10, 0, 0),
        "C": (0, 4, 0, 0),
    }
    assert (found["A"].fmtm_minor, found["A"].tvar_minor) == (10 * (171477 - 172426), -4 * (171477 - 172426))
    assert engine.margin_lines(after) == []
    assert engine.breaches(after) == []


@pytest.mark.rule("FSP-3", "ITD-1")
def test_a_final_owes_what_an_unsettled_last_day_left() -> None:
    """Trades of a date that was cut and never priced are paid by the final, minus what its intraday cycle paid."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.prices("intraday", {"GPUH": "2.3550"})
    log.cut(TUESDAY)
    final = log.prices("final", {"GPUH": "2.3620"})
    line = {x.account: x for x in log.engine().margin_lines(final)}["A"]
    assert (line.tvar_minor, line.imtm_minor, line.expired, line.previous_nano) == (8760, -3650, 10, None)


@pytest.mark.rule("CUT-1", "FSP-3")
def test_a_final_hides_no_breach_of_an_earlier_cycle() -> None:
    """The audit reads the whole log: a day that began with another book is still found when its contract has closed."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.fill("A", "BUY", 1, "2.3620", business_date=MONDAY)  # of a date that is closed
    log.fill("D", "SELL", 1, "2.3620", business_date=MONDAY)
    day = log.settle({"GPUH": "2.3490"}, WEDNESDAY)
    log.prices("final", {"GPUH": "2.3490"})
    messages = [breach.message for breach in log.engine().breaches(day)]
    assert any("to be yesterday's end" in message for message in messages), messages


@pytest.mark.rule("COR-2")
def test_a_corrected_price_adjusts_the_book_and_becomes_the_prior_one() -> None:
    """A correction of the last settled date pays ADJ on its book; the next day starts from the corrected price."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.trade("A", "C", 5, "2.3600")
    correction = log.prices("correction", {"GPUH": "2.3655"}, effective=MONDAY)
    last = log.settle({"GPUH": "2.3620"}, WEDNESDAY)
    engine = log.engine()
    assert engine.breaches(correction) == engine.breaches(last) == []
    assert {x.account: (x.adj_minor, x.start, x.end) for x in engine.margin_lines(correction)} == {
        "A": (2560, 10, 10),
        "D": (-2560, -10, -10),
    }
    assert {x.account: x.smtm_minor for x in engine.margin_lines(last)} == {"A": -2560, "D": 2560, "C": 0}


@pytest.mark.rule("COR-2")
def test_a_corrected_price_of_an_earlier_date_pays_nothing() -> None:
    """A correction of a date behind the last settled one has no lines and leaves the prior price."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.settle({"GPUH": "2.3600"}, WEDNESDAY)
    correction = log.prices("correction", {"GPUH": "2.3655"}, effective=MONDAY)
    last = log.settle({"GPUH": "2.3600"}, 20261126)
    engine = log.engine()
    assert engine.margin_lines(correction) == []
    assert {x.smtm_minor for x in engine.margin_lines(last)} == {0}


@pytest.mark.rule("TRF-1")
def test_a_transfer_is_marked_at_its_price_and_shown_apart() -> None:
    """Transferred lots are signed, neither bought nor sold, and marked from the price they were booked at."""
    log = book()
    log.trade("A", "D", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.fill("A", "BUY", -6, "2.3620", kind="transfer", trade_id="X1")
    log.fill("C", "BUY", 6, "2.3620", kind="transfer", trade_id="X1")
    last = log.settle({"GPUH": "2.3655"}, WEDNESDAY)
    engine = log.engine()
    assert engine.breaches(last) == []
    found = {x.account: x for x in engine.margin_lines(last)}
    assert (found["A"].transferred, found["A"].bought, found["A"].total_minor) == (-6, 0, 4 * 256)
    assert (found["C"].transferred, found["C"].sold, found["C"].total_minor) == (6, 0, 6 * 256)


@pytest.mark.rule("COR-2", "VM-5")
def test_a_cash_adjustment_needs_no_price() -> None:
    """Cash without lots is paid as ADJ at the end of the day, without a position or a settlement price."""
    log = book()
    log.fill("A", "BUY", 0, "0", kind="cash", adj_minor=-500, trade_id="K1")
    log.fill("D", "SELL", 0, "0", kind="cash", adj_minor=500, trade_id="K1")
    cycle = log.settle({}, TUESDAY)
    engine = log.engine()
    assert engine.breaches(cycle) == []
    assert {x.account: (x.adj_minor, x.price_nano) for x in engine.margin_lines(cycle)} == {
        "A": (-500, None),
        "D": (500, None),
    }
