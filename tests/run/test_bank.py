"""The bank's answers on a real broker and a real database: entries of the chain, and only a confirmation moves cash."""

from __future__ import annotations

import psycopg
import pytest

from settlement.ledger.model import Outcome
from settlement.ledger.session import as_poster, connect
from settlement.replay import Options, replay
from tests.replay.memory import MemorySource
from tests.run.logbook import MONDAY, Logbook
from tests.run.parts import Platform
from tests.run.test_settlement import first_day

DAY = f"{MONDAY // 10000}-11-23/end_of_day/1"
HOUSE = f"{DAY}/C/HOUSE/USD"
READERS = pytest.mark.parametrize("independent", [False, True], ids=["fast", "independent"])


class Bank:
    """A settled day, and what the bank says of one payment."""

    def __init__(self) -> None:
        self.log: Logbook = first_day()
        self.number = 0

    def says(self, state: str, amount_minor: int, payment: str = HOUSE) -> None:
        """Write an answer into every partition."""
        self.number += 1
        self.log.everywhere(
            "payment_state", business_date=self.log.date, number=self.number, payment=payment, state=state,
            amount_minor=amount_minor, reason="closed" if state == "failed" else "", reference=f"R{self.number}",
            control_id=f"bank/{self.number}",
        )  # fmt: skip


def owed(platform: Platform) -> int:
    """Settle the first day alone and return what C's house is owed."""
    platform.send_log(log := first_day())
    platform.send_results(log)
    platform.run().settle_all()
    return int(platform.query("SELECT amount_minor FROM ledger.payment WHERE member = 'C'")[0][0])


def balance(platform: Platform, account: str) -> int:
    """Return what an account's journals add up to."""
    return int(platform.query(f"SELECT amount_minor FROM ledger.balance WHERE account_id = '{account}'")[0][0])


def settled(platform: Platform, bank: Bank) -> list[str]:
    """Send what the bank said, settle, and return why each answer moved nothing."""
    for partition in range(bank.log.partitions):
        platform.send("fills", partition, bank.log.values(partition))  # the day before are twins
    platform.run().settle_all()
    return [str(row[0]) for row in platform.query("SELECT refused FROM ledger.bank_answer ORDER BY cycle_seq")]


def states(platform: Platform) -> list[str]:
    """Return the states of the payment in their order."""
    return [str(row[0]) for row in platform.query("SELECT state FROM ledger.payment_state ORDER BY number")]


@pytest.mark.rule("PAY-1")
def test_only_a_confirmation_closes_a_payment(platform: Platform) -> None:
    """Instructed, failed and instructed again leave it open; confirmed closes it against the bank's cash account."""
    amount = owed(platform)
    bank = Bank()
    for state in ("instructed", "failed", "instructed"):
        bank.says(state, amount)
    assert settled(platform, bank) == [""] * 3
    assert balance(platform, "C/HOUSE/USD") == amount
    bank.says("confirmed", amount)
    assert settled(platform, bank) == [""] * 4
    assert (balance(platform, "C/HOUSE/USD"), balance(platform, "CCP/bank/USD")) == (0, amount)
    assert states(platform) == ["instructed", "failed", "instructed", "confirmed"]
    assert platform.query("SELECT sum(amount_minor) FROM ledger.posting") == [(0,)]
    again = platform.run(every=True).settle_all()
    assert [one.outcome for one in again] == [Outcome.UNCHANGED] * 5


@pytest.mark.rule("PAY-1")
def test_what_does_not_fit_moves_nothing_and_is_kept_with_its_reason(platform: Platform) -> None:
    """Another amount, an unknown payment, a wrong order and a second confirmation stand in the books, without cash."""
    amount = owed(platform)
    bank = Bank()
    bank.says("confirmed", amount)
    bank.says("instructed", amount + 1)
    bank.says("instructed", amount, f"{DAY}/NOBODY/HOUSE/USD")
    bank.says("instructed", amount, "2026-11-24/end_of_day/1/C/HOUSE/USD")
    bank.says("instructed", amount)
    bank.says("confirmed", amount)
    bank.says("confirmed", amount)
    bank.says("failed", amount)
    assert settled(platform, bank) == [
        "Expected instructed after calculated, was confirmed.",
        f"Expected the amount {amount} in minor units, was {amount + 1}.",
        f"Expected a payment of a cycle before it, was {DAY}/NOBODY/HOUSE/USD.",
        "Expected a payment of a cycle before it, was 2026-11-24/end_of_day/1/C/HOUSE/USD.",
        "",
        "",
        "Expected nothing more after confirmed, was confirmed.",
        "Expected nothing more after confirmed, was failed.",
    ]
    assert states(platform) == ["instructed", "confirmed"]
    assert (balance(platform, "C/HOUSE/USD"), balance(platform, "CCP/bank/USD")) == (0, amount)


@READERS
@pytest.mark.rule("PAY-1")
@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("payment_state", "", ""),
        ("payment_state", "SET state = 'failed' WHERE state = 'confirmed'", f"states of {HOUSE}"),
        ("bank_answer", "SET state = 'failed', reason = 'x' WHERE state = 'confirmed'", "bank of 2026-11-24/bank/2"),
        ("bank_answer", "SET reference = 'R9' WHERE state = 'instructed'", "bank of 2026-11-24/bank/1"),
        ("posting", "SET amount_minor = amount_minor + 1 WHERE account_id = 'CCP/bank/USD'", "2026-11-24/bank/2"),
    ],
)
def test_the_audit_names_an_altered_answer(
    platform: Platform, table: str, change: str, named: str, *, independent: bool
) -> None:
    """The audit recomputes the bank's entries from the log, passes untouched books, and names what was altered."""
    amount = owed(platform)
    bank = Bank()
    bank.says("instructed", amount)
    bank.says("confirmed", amount)
    assert settled(platform, bank) == ["", ""]
    options = Options(independent=independent, prefix=platform.prefix)
    with connect(platform.dsn) as conn:
        if change:
            conn.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER")
            conn.execute(f"UPDATE ledger.{table} {change}")
            conn.commit()
        report = replay(MemorySource.posted(bank.log, conn), conn, options)
    assert report.bank_answers == 2
    assert report.passed is (not change), report.differences
    assert not change or any(named in one.place for one in report.differences), report.differences


ENTRY = """
INSERT INTO ledger.cycle (seq, prev, business_date, kind, number, effective_date, control_id, generation,
                          n_prices, n_lines, n_payments, n_journals, n_marks, n_outbox, sha256)
SELECT seq + 1, seq, business_date, 'bank', number + 1, business_date, 'X', generation, 0, 0, 0, 0, n_marks, 0, sha256
FROM ledger.cycle WHERE seq = 2;
INSERT INTO ledger.partition_mark
SELECT 3, partition, stream_seq + 1, rolling_sha256 FROM ledger.partition_mark WHERE cycle_seq = 2;"""
CONFIRMED = """
INSERT INTO ledger.bank_answer
SELECT 3, payment, member, origin, currency, 'confirmed', amount_minor{more}, '', '', '{refused}'
FROM ledger.bank_answer;"""
STATE = """
INSERT INTO ledger.payment_state SELECT cycle_seq, member, origin, currency, {number}, 'confirmed', 'X'
FROM ledger.payment_state;"""


@pytest.mark.rule("PAY-1")
@pytest.mark.parametrize(
    ("forged", "code"),
    [
        ("", "NV004"),
        (CONFIRMED.format(more="", refused=""), "NV014"),
        (CONFIRMED.format(more=" + 1", refused="") + STATE.format(number=2), "NV014"),
        (CONFIRMED.format(more="", refused="") + STATE.format(number=3), "NV014"),
        (CONFIRMED.format(more="", refused="") + STATE.format(number=2), "NV007"),
        (CONFIRMED.format(more="", refused="late"), None),
    ],
    ids=["no answer", "no state", "another amount", "another number", "no journal", "moves nothing"],
)
def test_the_database_refuses_an_entry_that_is_not_whole(platform: Platform, forged: str, code: str | None) -> None:
    """An entry needs its answer, the payment's state, its amount and its journal; one that moves nothing, none."""
    bank = Bank()
    bank.says("instructed", owed(platform))
    assert settled(platform, bank) == [""]
    with connect(platform.dsn) as conn:
        if code is None:
            with as_poster(conn):
                conn.execute(ENTRY + forged)
            return
        with pytest.raises(psycopg.Error) as caught, as_poster(conn):
            conn.execute(ENTRY + forged)
    assert caught.value.sqlstate == code, caught.value
