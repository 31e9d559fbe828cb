"""When payments are due: by the currency's banking days, in both engines, the ledger, the notices and the audit."""

from __future__ import annotations

import pytest

from settlement.domain.calendar import Calendar
from settlement.domain.margin import payments
from settlement.domain.value_date import value_date
from settlement.ledger import queries
from settlement.ledger.session import as_auditor, connect
from settlement.replay import Options, replay
from settlement.run.breach import BreachError
from settlement.wire import codec
from tests.replay.memory import MemorySource
from tests.run.logbook import TUESDAY, WEDNESDAY, Logbook
from tests.run.parts import Platform
from tests.run.test_settlement import first_day

FRIDAY, SATURDAY, NEXT_MONDAY = 20261127, 20261128, 20261130
THANKSGIVING = 20261126
BANK = Calendar(frozenset({THANKSGIVING}))


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize(
    ("kind", "business_date", "due"),
    [
        ("intraday", WEDNESDAY, WEDNESDAY),
        ("intraday", THANKSGIVING, FRIDAY),
        ("intraday", SATURDAY, NEXT_MONDAY),
        ("end_of_day", TUESDAY, WEDNESDAY),
        ("end_of_day", WEDNESDAY, FRIDAY),
        ("end_of_day", THANKSGIVING, FRIDAY),
        ("final", WEDNESDAY, FRIDAY),
        ("correction", FRIDAY, NEXT_MONDAY),
    ],
)
def test_a_payment_is_due_on_a_banking_day(kind: str, business_date: int, due: int) -> None:
    """Intraday on the date itself where the bank is open, everything else on the first banking day after it."""
    assert value_date(kind, business_date, BANK) == due


def wednesday(*holidays: int, currency: str = "USD") -> Logbook:
    """Return a date settled on the eve of Thanksgiving, a bank calendar before its prices where there are holidays."""
    log = Logbook(date=WEDNESDAY)
    log.listing()
    log.accounts("A", "B")
    if holidays:
        log.everywhere("bank_calendar", currency=currency, holidays=list(holidays), control_id="K")
    log.trade("A", "B", 10, "2.3500")
    return log


@pytest.mark.rule("PAY-2")
def test_the_engine_follows_the_calendar_that_stands_before_the_prices() -> None:
    """A calendar behind a cycle's prices changes later cycles only; the newest one holds, of its own currency alone."""
    log = wednesday()
    log.everywhere("bank_calendar", currency="CNY", holidays=[FRIDAY], control_id="K1")
    first = log.settle({"GPUH": "2.3620"}, FRIDAY)
    log.everywhere("bank_calendar", currency="USD", holidays=[THANKSGIVING, NEXT_MONDAY], control_id="K2")
    log.everywhere("bank_calendar", currency="USD", holidays=[THANKSGIVING], control_id="K3")
    second = log.settle({"GPUH": "2.3600"}, NEXT_MONDAY)
    engine = log.engine()
    assert engine.banks(first) == {"CNY": Calendar(frozenset({FRIDAY}))}
    assert engine.banks(second) == {"CNY": Calendar(frozenset({FRIDAY})), "USD": BANK}
    assert engine.breaches(first) == engine.breaches(second) == []
    dated = [
        {one.value_date for one in payments(key, engine.margin_lines(key), engine.accounts(), {"GPUH": "USD"}, banks)}
        for key, banks in ((first, engine.banks(first)), (second, engine.banks(second)))
    ]
    assert dated == [{THANKSGIVING}, {NEXT_MONDAY}]


@pytest.mark.rule("PAY-2")
def test_another_calendar_in_one_partition_is_a_breach(platform: Platform) -> None:
    """A date on which the partitions disagree about the bank's holidays posts nothing."""
    log = wednesday(THANKSGIVING)
    next(record for name, record in log.records[1] if name == "bank_calendar")["holidays"] = []
    log.settle({"GPUH": "2.3620"}, FRIDAY)
    platform.send_log(log)
    platform.send_results(log)
    with pytest.raises(BreachError, match="bank calendars"):
        platform.run().settle_all()
    assert platform.query("SELECT count(*) FROM ledger.cycle") == [(0,)]


def settled(platform: Platform) -> Logbook:
    """Post a date whose payments are due behind a bank's holiday."""
    log = wednesday(THANKSGIVING)
    log.settle({"GPUH": "2.3620"}, FRIDAY)
    platform.send_log(log)
    platform.send_results(log)
    platform.run().settle_all()
    return log


@pytest.mark.rule("PAY-2")
def test_ledger_and_notices_carry_the_value_date(platform: Platform) -> None:
    """Each payment in the books and on `settlements` says when it is due, behind the bank's holiday."""
    settled(platform)
    with connect(platform.dsn) as conn, as_auditor(conn):
        paid = queries.payments(conn)
        notices = [codec.decode(row.value) for row in queries.outbox(conn, after=(0, 0), limit=100)]
    assert [(one.member, one.value_date) for one in paid] == [("A", FRIDAY), ("B", FRIDAY)]
    assert [told["value_date"] for name, told in notices if name == "payment_notice"] == [FRIDAY, FRIDAY]


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize("independent", [False, True], ids=["fast", "independent"])
@pytest.mark.parametrize("day", [None, "2026-11-30"])
def test_the_audit_names_an_altered_value_date(platform: Platform, day: str | None, *, independent: bool) -> None:
    """The audit dates every payment anew from the log's calendars, passes untouched books, names the altered one."""
    log = settled(platform)
    with connect(platform.dsn) as conn:
        if day:
            conn.execute("ALTER TABLE ledger.payment DISABLE TRIGGER USER")
            conn.execute(f"UPDATE ledger.payment SET value_date = '{day}' WHERE member = 'A'")
            conn.commit()
        options = Options(independent=independent, prefix=platform.prefix)
        report = replay(MemorySource.posted(log, conn), conn, options)
    assert report.passed is (day is None), report.differences
    if day:
        named = [str(one) for one in report.differences if one.place == "ledger payments of 2026-11-25/end_of_day/1"]
        assert len(named) == 1
        assert "A/HOUSE/USD value_date=20261127" in named[0]
        assert "value_date=20261130" in named[0]


@pytest.mark.rule("PAY-2")
def test_the_audit_finds_a_calendar_that_the_ledger_was_not_posted_by(platform: Platform) -> None:
    """A log that never had the holiday gives other value dates than the books."""
    settled(platform)
    other = wednesday(NEXT_MONDAY)
    other.settle({"GPUH": "2.3620"}, FRIDAY)
    with connect(platform.dsn) as conn:
        report = replay(MemorySource.posted(other, conn), conn, Options(prefix=platform.prefix))
    assert any("value_date=20261126" in str(one) for one in report.differences), report.differences


@pytest.mark.rule("PAY-2")
def test_without_a_bank_calendar_weekdays_are_banking_days(platform: Platform) -> None:
    """The payments of a Monday in a currency without a bank calendar are due on Tuesday."""
    platform.send_log(log := first_day())
    platform.send_results(log)
    platform.run().settle_all()
    assert platform.query("SELECT DISTINCT value_date::text FROM ledger.payment") == [("2026-11-24",)]
