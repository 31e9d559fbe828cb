"""The audit of the ledger alone: whoever got past the guards left a trace."""

from typing import Any

import pytest
from psycopg import Connection

from settlement.ledger.audit import check_books
from settlement.ledger.poster import post
from tests.ledger.books import chain


@pytest.fixture
def books(conn: Connection[Any]) -> Connection[Any]:
    """A ledger with two days."""
    for posting in chain(4):
        post(conn, posting)
    return conn


def test_untouched_books_have_no_finding(books: Connection[Any]) -> None:
    """What was posted hashes to what is stored."""
    assert check_books(books) == []


FIRST, SECOND, FOURTH = "2026-08-03/intraday/1", "2026-08-03/end_of_day/1", "2026-08-04/end_of_day/1"
MY_LINES = "cycle_seq = 2 AND account = 'M01-H'"
MY_PAYMENT = "cycle_seq = 1 AND member = 'M01' AND origin = 'HOUSE' AND currency = 'USD'"

ALTERATIONS = [
    ("margin_line", "tvar_minor = tvar_minor + 1", MY_LINES, [f"rows of {SECOND}"]),
    ("margin_line", "price_nano = price_nano + 1", MY_LINES, [f"rows of {SECOND}"]),
    ("cycle_price", "tier = 'previous'", "cycle_seq = 1", [f"rows of {FIRST}"]),
    ("partition_mark", "stream_seq = stream_seq + 1", "cycle_seq = 4 AND partition = 0", [f"rows of {FOURTH}"]),
    ("outbox", "value = ''", "cycle_seq = 1 AND line = 1", [f"rows of {FIRST}"]),
    ("payment", "amount_minor = amount_minor + 1", MY_PAYMENT, [f"rows of {FIRST}", f"journals of {FIRST}"]),
    ("payment", "value_date = value_date + 1", MY_PAYMENT, [f"rows of {FIRST}"]),
    ("posting", "amount_minor = amount_minor + 1", f"journal_id = '{FIRST}/USD' AND leg = 1", [f"journals of {FIRST}"]),
    ("journal", "payload_sha256 = sha256('')", f"id = '{FIRST}/USD'", [f"journals of {FIRST}"]),
    ("cycle", "n_lines = n_lines + 1", "seq = 2", [f"counts of {SECOND}"]),
    ("cycle", "n_journals = n_journals - 1", "seq = 2", [f"counts of {SECOND}"]),
    ("cycle", "control_id = 'x'", "seq = 2", [f"rows of {SECOND}"]),
    ("cycle", "sha256 = sha256('')", "seq = 2", [f"chain at {SECOND}", f"rows of {SECOND}"]),
    ("cycle", "chain_sha256 = sha256('')", "seq = 4", [f"chain at {FOURTH}"]),
]


@pytest.mark.parametrize(("table", "change", "condition", "places"), ALTERATIONS)
def test_one_altered_value_is_found_with_its_place(
    books: Connection[Any], table: str, change: str, condition: str, places: list[str]
) -> None:
    """A superuser who switches the guards off and changes one value is found out, in the cycle he changed."""
    books.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL".encode())
    books.execute(f"UPDATE ledger.{table} SET {change} WHERE {condition}".encode())
    findings = check_books(books)
    assert [finding.place for finding in findings] == places
    assert all(", was " in str(finding) for finding in findings)


def test_deleted_rows_are_found(books: Connection[Any]) -> None:
    """A leg and a line that are gone leave the journal and the cycle with another hash."""
    for table in ("posting", "margin_line"):
        books.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL".encode())
    books.execute("DELETE FROM ledger.posting WHERE journal_id = '2026-08-03/intraday/1/USD' AND leg = 2")
    books.execute("DELETE FROM ledger.margin_line WHERE cycle_seq = 4 AND account = 'M03-C'")
    places = [finding.place for finding in check_books(books)]
    assert places == ["journals of 2026-08-03/intraday/1", "rows of 2026-08-04/end_of_day/1"]
