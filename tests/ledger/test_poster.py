"""Posting: once, whole, in order, balanced; the same again changes nothing, other content is refused."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from settlement.ledger import queries
from settlement.ledger.content import content_sha256
from settlement.ledger.errors import CycleOutOfOrder, LedgerError, LedgerRefused, PostedDifferently
from settlement.ledger.model import CycleId, CyclePosting, Generation, Outcome
from settlement.ledger.poster import is_transient, open_generation, post, post_durably
from settlement.ledger.session import connect
from tests.ledger.books import GENERATION, a_cycle, an_answer, chain, fees, payments


def test_a_chain_of_cycles_is_read_back_as_it_was_posted(conn: Connection[Any]) -> None:
    """What was posted is what is read, cycle by cycle, and its content hash is the stored one."""
    postings = chain(6)
    assert [post(conn, posting) for posting in postings] == [Outcome.POSTED] * 6
    for posting in postings:
        found = queries.posted(conn, posting.cycle)
        header = queries.find_cycle(conn, posting.cycle)
        assert header is not None
        assert content_sha256(found) == content_sha256(posting) == header.sha256
        assert found.outbox == posting.outbox
    assert [cycle.cycle for cycle in queries.cycles(conn)] == [posting.cycle for posting in postings]


def test_posting_again_changes_nothing_whatever_the_order_of_the_rows(conn: Connection[Any]) -> None:
    """The same cycle is UNCHANGED the second time, with its rows in another order too, and when it is not the last."""
    first, second = chain(2)
    post(conn, first)
    post(conn, second)
    shuffled = replace(
        first,
        lines=first.lines[::-1],
        payments=first.payments[::-1],
        prices=first.prices[::-1],
        marks=first.marks[::-1],
    )
    assert post(conn, shuffled) is Outcome.UNCHANGED
    assert post(conn, second) is Outcome.UNCHANGED
    assert len(queries.cycles(conn)) == 2


def _one_cent(posting: CyclePosting) -> CyclePosting:
    line, other = posting.lines[0], posting.lines[1]
    lines = (
        replace(line, tvar_minor=line.tvar_minor + 1),
        replace(other, tvar_minor=other.tvar_minor - 1),
        *posting.lines[2:],
    )
    return replace(posting, lines=lines, payments=payments(posting.cycle, lines))


DIFFERENCES: list[tuple[str, Callable[[CyclePosting], CyclePosting], str, str]] = [
    ("cycle", lambda p: replace(p, control_id="another"), "control_id=prices/", "control_id=another"),
    (
        "prices",
        lambda p: replace(p, prices=(replace(p.prices[0], tier="previous"), *p.prices[1:])),
        "tier=vwap",
        "tier=previous",
    ),
    ("lines", _one_cent, "M01-C/H100-2026-09 tvar_minor=", "M01-C/H100-2026-09 tvar_minor="),
    ("lines", lambda p: replace(p, lines=p.lines[1:]), "M01-H", "no line"),
    ("payments", lambda p: replace(p, payments=p.payments[1:]), "M01", "no line"),
    ("fees", lambda p: replace(p, fees=()), "CNY", "no line"),
    (
        "marks",
        lambda p: replace(p, marks=(*p.marks[:3], replace(p.marks[3], stream_seq=7))),
        "3 stream_seq=3",
        "3 stream_seq=7",
    ),
    ("outbox", lambda p: replace(p, outbox=p.outbox[:2]), "outbox", "no line"),
    ("outbox", lambda p: replace(p, outbox=(*p.outbox, p.outbox[0])), "no line", '"line":4'),
]


@pytest.mark.parametrize(("section", "change", "expected", "was"), DIFFERENCES)
def test_other_content_of_a_posted_cycle_is_refused_with_its_first_difference(
    conn: Connection[Any], section: str, change: Callable[[CyclePosting], CyclePosting], expected: str, was: str
) -> None:
    """A posted cycle is compared line by line: the error names the section, what is posted and what was offered."""
    posting = chain(1)[0]
    post(conn, posting)
    with pytest.raises(PostedDifferently) as refused:
        post(conn, change(posting))
    assert refused.value.section == section
    assert expected in (refused.value.expected or "no line")
    assert was in (refused.value.was or "no line")
    assert post(conn, posting) is Outcome.UNCHANGED


def test_a_gap_and_a_wrong_predecessor_are_refused(conn: Connection[Any]) -> None:
    """A cycle that does not follow the last posted one is out of order, and nothing of it is posted."""
    first, second, third = chain(3)
    with pytest.raises(CycleOutOfOrder, match="Expected the cycle after none"):
        post(conn, second)
    post(conn, first)
    with pytest.raises(CycleOutOfOrder, match=r"was 2026-08-04/intraday/1, which follows 2026-08-03/end_of_day/1"):
        post(conn, third)
    with pytest.raises(CycleOutOfOrder):
        post(conn, replace(second, previous=None))
    assert [cycle.cycle for cycle in queries.cycles(conn)] == [first.cycle]


@pytest.mark.parametrize(
    "cycle",
    [CycleId(20260731, "end_of_day", 1), CycleId(20260803, "intraday", 2), CycleId(20260803, "end_of_day", 2 + 1)],
    ids=str,
)
def test_a_cycle_of_a_closed_day_or_with_a_skipped_number_is_out_of_order(
    conn: Connection[Any], cycle: CycleId
) -> None:
    """The ledger knows the order of dates, kinds and numbers itself."""
    for posting in chain(2):
        post(conn, posting)
    with pytest.raises(CycleOutOfOrder):
        post(conn, a_cycle(cycle, chain(2)[1].cycle, place=2))


@pytest.mark.rule("VM-4", "PAY-1")
def test_every_currency_has_one_balanced_journal_of_its_payments_and_fees(conn: Connection[Any]) -> None:
    """A journal's legs are the payments of its currency and what CCP/fees collects, and they sum to zero."""
    posting = chain(1)[0]
    post(conn, posting)
    journals = queries.journals(conn, posting.cycle)
    assert [journal.id for journal in journals] == ["2026-08-03/intraday/1/CNY", "2026-08-03/intraday/1/USD"]
    for journal in journals:
        assert sum(leg.amount_minor for leg in journal.legs) == 0
        legs = {leg.account_id: leg.amount_minor for leg in journal.legs}
        wanted = {f"{p.member}/{p.origin}/{p.currency}": p.amount_minor for p in posting.payments}
        wanted |= {f"CCP/fees/{fee.currency}": fee.amount_minor for fee in posting.fees}
        assert legs == {account: amount for account, amount in wanted.items() if account.endswith(journal.currency)}


def test_a_cycle_with_nothing_to_pay_has_no_journal(conn: Connection[Any]) -> None:
    """Lines that are all zero post a cycle with neither payments nor journals; so does a day without a position."""
    posting = chain(1)[0]
    still = tuple(replace(line, tvar_minor=0, smtm_minor=0, fee_minor=0) for line in posting.lines)
    quiet = replace(posting, lines=still, payments=payments(posting.cycle, still), fees=fees(still))
    assert post(conn, quiet) is Outcome.POSTED
    empty = a_cycle(CycleId(20260803, "end_of_day", 1), posting.cycle, place=1)
    empty = replace(empty, prices=(), lines=(), payments=(), fees=(), outbox=())
    assert post(conn, empty) is Outcome.POSTED
    assert queries.journals(conn) == []
    assert queries.posted(conn, empty.cycle).lines == ()
    assert post(conn, empty) is Outcome.UNCHANGED


@pytest.mark.rule("VM-4")
def test_an_unbalanced_posting_is_refused_before_and_by_the_database(conn: Connection[Any]) -> None:
    """Payments that do not balance are refused with their currency; those that the lines do not give, by the guard."""
    posting = chain(1)[0]
    first, second, *rest = posting.payments
    with pytest.raises(LedgerRefused, match=r"in (USD|CNY) to sum to 0 \(VM-4\), was 1"):
        post(conn, replace(posting, payments=(replace(first, amount_minor=first.amount_minor + 1), second, *rest)))
    house, client = (
        next(p for p in posting.payments if (p.member, p.origin, p.currency) == ("M01", origin, "USD"))
        for origin in ("HOUSE", "CLIENT")
    )
    netted = tuple(p for p in posting.payments if p not in (house, client))
    netted += (replace(house, amount_minor=house.amount_minor + client.amount_minor),)
    with pytest.raises(LedgerRefused, match=r"payment of M01/CLIENT/USD .* \(PAY-1\)") as refused:
        post(conn, replace(posting, payments=netted))
    assert refused.value.code == "NV006"
    assert queries.cycles(conn) == []


def test_a_line_of_another_cycle_is_refused(conn: Connection[Any]) -> None:
    """Lines belong to the cycle that they are posted with."""
    posting, other = chain(2)
    with pytest.raises(
        LedgerRefused, match="Expected lines of 2026-08-03/intraday/1, was one of 2026-08-03/end_of_day/1"
    ):
        post(conn, replace(posting, lines=other.lines))


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1])
def test_an_amount_beyond_64_bits_is_refused_and_the_limit_is_posted(conn: Connection[Any], amount: int) -> None:
    """The largest amounts are kept to the minor unit; one beyond is an error and posts nothing."""
    posting = chain(1)[0]
    lines = [replace(line, tvar_minor=0, smtm_minor=0, fee_minor=0) for line in posting.lines]
    limit = 2**63 - 1

    def with_amount(minor: int) -> CyclePosting:
        changed = (replace(lines[0], tvar_minor=minor), replace(lines[1], tvar_minor=-minor), *lines[2:])
        return replace(posting, lines=changed, payments=payments(posting.cycle, changed), fees=())

    with pytest.raises(LedgerRefused, match="22003"):
        post(conn, with_amount(amount))
    with pytest.raises(LedgerRefused, match="22003"):
        post(conn, replace(posting, lines=(replace(posting.lines[0], tvar_minor=amount), *posting.lines[1:])))
    assert queries.cycles(conn) == []
    assert post(conn, with_amount(limit)) is Outcome.POSTED
    assert {payment.amount_minor for payment in queries.payments(conn)} == {limit, -limit}


def test_two_posters_at_once_post_a_cycle_once(dsn: str, conn: Connection[Any]) -> None:
    """Of eight posters of the same cycles, one posts each and the others find it unchanged."""
    postings = chain(4)
    outcomes: list[Outcome] = []

    def run() -> None:
        outcomes.extend(post_durably(lambda: connect(dsn), posting) for posting in postings)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Outcome.POSTED] * 4 + [Outcome.UNCHANGED] * 28
    assert len(queries.cycles(conn)) == 4


def test_a_connection_inside_a_transaction_is_refused(dsn: str) -> None:
    """A posting's COMMIT must be its own: an open transaction is refused, not joined."""
    with psycopg.connect(dsn) as conn:
        conn.execute("SELECT 1")
        with pytest.raises(LedgerError, match="Expected an idle connection"):
            post(conn, chain(1)[0])
        conn.rollback()
        assert post(conn, chain(1)[0]) is Outcome.POSTED


def test_a_session_is_the_same_after_posting(conn: Connection[Any]) -> None:
    """Role and timeouts end with the transaction, also after a refusal."""
    asked = (
        "SELECT current_user, current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    )
    before = conn.execute(asked.encode()).fetchone()
    post(conn, chain(1)[0])
    with pytest.raises(CycleOutOfOrder):
        post(conn, chain(3)[2])
    assert conn.execute(asked.encode()).fetchone() == before


def test_without_a_generation_nothing_is_posted(bare_dsn: str) -> None:
    """The ledger must know its cluster and partitions first; another cluster, or a skipped generation, is refused."""
    from settlement.ledger.migrate import migrate

    with connect(bare_dsn) as conn:
        migrate(conn)
        with pytest.raises(LedgerError, match="Expected an open generation, was none"):
            post(conn, chain(1)[0])
        assert open_generation(conn, GENERATION) is Outcome.POSTED
        assert open_generation(conn, GENERATION) is Outcome.UNCHANGED
        with pytest.raises(LedgerError, match="belongs to another log"):
            open_generation(conn, replace(GENERATION, cluster_id="another"))
        with pytest.raises(LedgerRefused, match="Expected generation 2"):
            open_generation(conn, Generation(generation=3, partitions=8, cluster_id="test-cluster"))
        assert post(conn, chain(1)[0]) is Outcome.POSTED


def test_a_new_generation_counts_its_marks_afresh(conn: Connection[Any]) -> None:
    """After a generation with other partitions its marks begin again, and those of the old one are refused."""
    first, second, third = chain(3)
    post(conn, first)
    open_generation(conn, Generation(generation=2, partitions=2, cluster_id="test-cluster"))
    with pytest.raises(LedgerRefused, match="NV011"):
        post(conn, second)
    fresh = replace(second, marks=tuple(replace(mark, stream_seq=0) for mark in second.marks[:2]))
    assert post(conn, fresh) is Outcome.POSTED
    assert [mark.stream_seq for mark in queries.marks(conn)] == [0, 0]
    assert post(conn, replace(third, marks=third.marks[:2])) is Outcome.POSTED


@pytest.mark.rule("PAY-1")
def test_a_payment_is_instructed_then_confirmed_or_failed_and_a_confirmation_is_final(conn: Connection[Any]) -> None:
    """States follow the bank's answers; a failed payment may be instructed again, a confirmed one never."""
    head = chain(1)[0]
    post(conn, head)
    payment = queries.payments(conn)[0]
    assert payment.state == "calculated"
    for number, state in enumerate(["instructed", "failed", "instructed", "confirmed"], start=1):
        head = an_answer(payment, state, previous=head.cycle, number=number)
        assert post(conn, head) is Outcome.POSTED
        assert queries.payments(conn)[0].state == state
    with pytest.raises(LedgerRefused, match="NV014"):
        post(conn, an_answer(payment, "failed", previous=head.cycle, number=5))
    assert queries.payments(conn)[0].state == "confirmed"
    assert {other.state for other in queries.payments(conn)[1:]} == {"calculated"}


def test_errors_are_classified() -> None:
    """What may go away by itself is retried; what will not is raised at once."""
    transient = [
        psycopg.OperationalError(), psycopg.errors.SerializationFailure(), psycopg.errors.DeadlockDetected(),
        psycopg.errors.AdminShutdown(), psycopg.errors.DiskFull(), psycopg.errors.LockNotAvailable(),
    ]  # fmt: skip
    permanent = [
        psycopg.errors.InvalidPassword(), psycopg.errors.QueryCanceled(), psycopg.errors.UniqueViolation(),
        psycopg.errors.NumericValueOutOfRange(), CycleOutOfOrder("NV008", ""), ValueError(),
    ]  # fmt: skip
    assert all(is_transient(error) for error in transient)
    assert not any(is_transient(error) for error in permanent)


def _with_cash(posting: CyclePosting, amount_minor: int) -> CyclePosting:
    """Move cash between two accounts in a contract that the cycle does not price."""
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "start",
            "bought",
            "sold",
            "transferred",
            "expired",
            "end",
            "start_long",
            "start_short",
            "end_long",
            "end_short",
            "tvar_minor",
            "smtm_minor",
            "imtm_minor",
            "fmtm_minor",
            "cres_minor",
            "fee_minor",
        ),
        0,
    )
    unpriced: dict[str, Any] = dict.fromkeys(("previous_nano", "previous_value_minor", "price_nano", "value_minor"))
    cash = tuple(
        replace(line, contract="CLOSED-2026-08", adj_minor=amount, **nothing, **unpriced)
        for line, amount in zip(posting.lines[:2], (amount_minor, -amount_minor), strict=True)
    )
    lines = (*posting.lines, *cash)
    return replace(posting, lines=lines, payments=payments(posting.cycle, lines), fees=fees(lines))


@pytest.mark.rule("COR-2", "VM-5")
def test_a_line_of_cash_alone_needs_no_price(conn: Connection[Any]) -> None:
    """A cash adjustment after the final stands in a line without price, lots or any amount but ADJ."""
    posting = _with_cash(chain(1)[0], 1200)
    assert post(conn, posting) is Outcome.POSTED
    assert post(conn, posting) is Outcome.UNCHANGED


@pytest.mark.rule("VM-5")
def test_a_line_without_a_price_may_carry_nothing_else(conn: Connection[Any]) -> None:
    """Lots in a line without a price are refused by the database."""
    posting = _with_cash(chain(1)[0], 1200)
    lots = tuple(
        replace(line, bought=sign, end=sign) if line.price_nano is None else line
        for line, sign in zip(posting.lines, [0] * (len(posting.lines) - 2) + [1, -1], strict=True)
    )
    with pytest.raises((LedgerError, psycopg.Error)):
        post(conn, replace(posting, lines=lots))
