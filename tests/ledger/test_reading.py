"""Reading: filters, orders, and nobody sees another member's rows."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from settlement.ledger import queries
from settlement.ledger.errors import LedgerError
from settlement.ledger.poster import post
from settlement.ledger.session import as_auditor, as_member
from tests.ledger.books import chain, fees, payments

POSTINGS = chain(4)


@pytest.fixture
def books(conn: Connection[Any]) -> Connection[Any]:
    """A ledger with two days."""
    for posting in POSTINGS:
        post(conn, posting)
    return conn


def test_lines_are_found_by_cycle_date_member_and_contract(books: Connection[Any]) -> None:
    """Each filter narrows, and the order is that of the chain, then account and contract."""
    everything = queries.lines(books)
    assert len(everything) == 4 * 18
    places = [(line.business_date, line.kind == "end_of_day", line.account, line.contract) for line in everything]
    assert places == sorted(places)
    last = POSTINGS[3]
    assert set(queries.lines(books, last.cycle)) == set(last.lines)
    assert len(queries.lines(books, business_date=20260803)) == 2 * 18
    mine = queries.lines(books, last.cycle, member="M02", contract="TOKEN-2026-09")
    assert [(line.account, line.currency) for line in mine] == [("M02-C", "CNY"), ("M02-H", "CNY")]


@pytest.mark.rule("POS-1")
def test_what_members_hold_is_summed_by_date_side_and_origin(conn: Connection[Any]) -> None:
    """Each end of day's lots, long and short apart: a gross account's sides as they are, a net account's as one."""
    first, *later = POSTINGS
    gross, *rest = POSTINGS[3].lines
    both = replace(gross, positions="GROSS", end_long=7, end_short=3)
    idle = replace(gross, start=0, bought=0, sold=0, tvar_minor=0, smtm_minor=0, fee_minor=0)
    short, long = replace(idle, account="M01-X", sold=5, end=-5), replace(idle, account="M01-Y", bought=5, end=5)
    changed = replace(POSTINGS[3], lines=(both, short, long, *rest))
    for posting in (first, *later[:-1]):
        post(conn, posting)
    post(conn, replace(changed, payments=payments(changed.cycle, changed.lines), fees=fees(changed.lines)))
    found = {
        (one.business_date, one.member, one.origin, one.contract): (one.long, one.short) for one in queries.held(conn)
    }
    second = {(line.member, line.origin, line.contract): line.end for line in POSTINGS[1].lines}
    for (member, origin, contract), lots in second.items():
        assert found[20260803, member, origin, contract] == (max(lots, 0), max(-lots, 0))
    assert found[20260804, gross.member, gross.origin, gross.contract] == (7 + 5, 3 + 5)
    assert {one.business_date for one in queries.held(conn, until=20260803)} == {20260803}


def test_prices_payments_and_marks_belong_to_their_cycle(books: Connection[Any]) -> None:
    """What was posted with a cycle is found with it; the marks without a cycle are the last one's."""
    second = POSTINGS[1]
    found = queries.prices(books, second.cycle)
    assert [(p.contract, p.price_nano, p.value_minor, p.tier) for p in found] == [
        (p.contract, p.price_nano, p.value_minor, p.tier) for p in second.prices
    ]
    assert [price.cycle for price in queries.prices(books, contract="H100-2026-09")] == [p.cycle for p in POSTINGS]
    paid = {(p.member, p.origin, p.currency, p.amount_minor) for p in queries.payments(books, second.cycle)}
    assert paid == {(p.member, p.origin, p.currency, p.amount_minor) for p in second.payments}
    assert queries.marks(books) == list(POSTINGS[3].marks)
    assert queries.marks(books, second.cycle) == list(second.marks)


@pytest.mark.rule("VM-4", "FEE-1")
def test_balances_are_the_sums_of_all_payments_and_sum_to_zero_per_currency(books: Connection[Any]) -> None:
    """An account's balance is what its payments add up to; the clearing house's fees are the other side."""
    balances = {balance.account_id: balance.amount_minor for balance in queries.balances(books)}
    wanted: dict[str, int] = {}
    for posting in POSTINGS:
        for payment in posting.payments:
            account = f"{payment.member}/{payment.origin}/{payment.currency}"
            wanted[account] = wanted.get(account, 0) + payment.amount_minor
        for fee in posting.fees:
            wanted[f"CCP/fees/{fee.currency}"] = wanted.get(f"CCP/fees/{fee.currency}", 0) + fee.amount_minor
    assert balances == wanted
    assert sum(amount for account, amount in balances.items() if account.endswith("USD")) == 0
    assert sum(amount for account, amount in balances.items() if account.endswith("CNY")) == 0


def test_an_empty_ledger_has_neither_head_nor_marks(conn: Connection[Any]) -> None:
    """Before the first cycle every reader gets nothing, not an error."""
    assert queries.head(conn) is None
    assert queries.marks(conn) == []
    assert queries.cycles(conn) == []
    assert queries.balances(conn) == []
    assert queries.find_cycle(conn, POSTINGS[0].cycle) is None
    with pytest.raises(KeyError):
        queries.posted(conn, POSTINGS[0].cycle)


def test_a_member_sees_its_own_rows_and_the_prices(books: Connection[Any]) -> None:
    """Under as_member every query, and both views, give this member's rows alone."""
    with as_member(books, "M01"):
        lines = queries.lines(books)
        payments = queries.payments(books)
        balances = queries.balances(books)
        legs = [leg.account_id for journal in queries.journals(books) for leg in journal.legs]
        prices = queries.prices(books)
    assert {line.member for line in lines} == {"M01"}
    assert len(lines) == 4 * 6
    assert {payment.member for payment in payments} == {balance.member for balance in balances} == {"M01"}
    assert {account.split("/")[0] for account in legs} == {"M01"}
    assert len(prices) == 12


LEAKS = [
    "SELECT member FROM ledger.payment WHERE member = 'M02'",
    "SELECT member FROM ledger.margin_line WHERE account = 'M02-H'",
    "SELECT account_id FROM ledger.posting WHERE account_id NOT LIKE 'M01/%'",
    "SELECT id FROM ledger.account WHERE id = 'CCP/fees/USD'",
    "SELECT account_id FROM ledger.balance WHERE member <> 'M01'",
    "SELECT member FROM ledger.payment_now WHERE member <> 'M01'",
    "SELECT p.member FROM ledger.cycle c JOIN ledger.payment p ON p.cycle_seq = c.seq WHERE p.member > 'M01'",
    "SELECT count(*) FROM ledger.margin_line WHERE member <> 'M01' HAVING count(*) > 0",
]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_member_cannot_read_another_members_rows(books: Connection[Any], leak: str) -> None:
    """What is there, as the auditor sees, gives a member not one row."""
    with as_auditor(books):
        assert books.execute(leak.encode()).fetchall() != []
    with as_member(books, "M01"):
        assert books.execute(leak.encode()).fetchall() == []


def test_a_cheap_function_in_a_condition_sees_no_other_members_row(books: Connection[Any]) -> None:
    """Row security is checked before a condition that would tell what it was given."""
    books.execute("""
        CREATE FUNCTION public.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
        $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$
    """)
    told: list[str] = []
    books.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    with as_member(books, "M01"):
        books.execute("SELECT count(*) FROM ledger.payment WHERE public.tell(member)")
    assert set(told) == {"told M01"}


def test_the_members_name_does_not_survive_its_transaction(books: Connection[Any]) -> None:
    """The next transaction of a pooled connection sees nothing until it is told who asks."""
    with as_member(books, "M01"):
        assert queries.payments(books)
    books.execute("SET ROLE novate_member")
    assert queries.payments(books) == []
    assert queries.lines(books) == []
    books.execute("RESET ROLE")
    with as_member(books, ""):
        assert queries.payments(books) == []


def test_a_role_is_not_taken_inside_another_transaction(books: Connection[Any]) -> None:
    """SET LOCAL ends with the outermost transaction, so as_member refuses to run inside one."""
    with books.transaction(), pytest.raises(LedgerError, match="Expected an idle connection"), as_member(books, "M01"):
        pass


def test_an_auditor_reads_everything_and_writes_nothing(books: Connection[Any]) -> None:
    """The auditor's transaction sees all members, the outbox and the marks."""
    with as_auditor(books):
        assert len(queries.lines(books)) == 72
        assert len(queries.outbox(books)) == 12
        assert len(queries.marks(books)) == 4
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_auditor(books):
        books.execute("INSERT INTO ledger.meta VALUES (2, 4, 'x')")


def test_the_outbox_is_read_in_order_after_any_place(books: Connection[Any]) -> None:
    """Rows come by cycle and line; a page begins after the place it is given."""
    places = [(row.cycle_seq, row.line) for row in queries.outbox(books)]
    assert places == [(seq, line) for seq in range(1, 5) for line in range(1, 4)]
    page = queries.outbox(books, after=(2, 2), limit=3)
    assert [(row.cycle_seq, row.line) for row in page] == [(2, 3), (3, 1), (3, 2)]
    assert queries.outbox_topics(books) == ["settlements", "statements"]
