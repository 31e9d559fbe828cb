"""Whoever attacks the posted books meets an error, and leaves them byte-identical."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from settlement.ledger.poster import post
from settlement.ledger.session import connect
from tests.ledger.attack import Attack
from tests.ledger.attacks_on_postings import CYCLE, HIDING, JOURNAL, LATER, REHASHED, VALUES
from tests.ledger.attacks_on_rights import CHANGES, COLUMNS, READING, STRUCTURE
from tests.ledger.books import chain
from tests.ledger.forgery import LINES, NEGATED_AMOUNTS, forged
from tests.parts import database_of

ATTACKS = [*STRUCTURE, *CHANGES, *READING, *JOURNAL, *CYCLE, *VALUES, *LATER, *HIDING]
LOGINS = {"poster": "novate_poster", "owner": "novate_owner", "member": "novate_member", "auditor": "novate_auditor"}

STATE = """
ALTER TABLE ledger.payment_state DISABLE TRIGGER answered;
INSERT INTO ledger.payment_state SELECT cycle_seq, member, origin, currency, 1, 'instructed', 'bank/1'
FROM ledger.payment WHERE cycle_seq = 1 ORDER BY member, origin, currency LIMIT 1;
ALTER TABLE ledger.payment_state ENABLE ALWAYS TRIGGER answered"""
"""A state to attack, written past its guard: its answer would be a third cycle, and forgeries copy the second."""


@pytest.fixture(scope="module")
def attacked(server: str, migrated: str) -> dict[str, str]:
    """The address of a ledger with two cycles for every actor; no attack may change it, so all share it."""
    with connect(server) as conn:
        conn.execute(f"CREATE DATABASE attacked TEMPLATE {migrated}")
        for actor, role in LOGINS.items():
            conn.execute(f"CREATE ROLE {actor}_login LOGIN PASSWORD 'attack' IN ROLE {role}")
    dsn = database_of(server, "attacked")
    with connect(dsn) as conn:
        for posting in chain(2):
            post(conn, posting)
        conn.execute(STATE)
    logins = {a: psycopg.conninfo.make_conninfo(dsn, user=f"{a}_login", password="attack") for a in LOGINS}
    return {"superuser": dsn, **logins}


@pytest.fixture
def books(attacked: dict[str, str]) -> Iterator[Connection[Any]]:
    """A superuser's connection that looks at the attacked books."""
    with connect(attacked["superuser"]) as conn:
        yield conn


def fingerprint(conn: Connection[Any]) -> list[str]:
    """Return every row, and every guard and right, as text."""
    queries = [f"SELECT t::text FROM ledger.{table} t ORDER BY 1" for table in (*COLUMNS, "migration")]
    queries.append("SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger ORDER BY 1")
    queries.append(
        "SELECT format('%s %s %s %s', relname, relrowsecurity, relforcerowsecurity, relacl) FROM pg_class ORDER BY 1"
    )
    return [str(row[0]) for query in queries for row in conn.execute(query)]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.actor} {attack.name}")
def test_an_attack_fails_and_leaves_the_books_byte_identical(
    attack: Attack, attacked: dict[str, str], books: Connection[Any]
) -> None:
    """Every attack ends in its own error, and not a byte of the books, guards or rights has changed."""
    before = fingerprint(books)
    with connect(attacked[attack.actor]) as conn, pytest.raises(psycopg.Error) as refused:
        conn.execute(attack.sql.encode())
    assert refused.value.sqlstate == attack.code, str(refused.value)
    assert fingerprint(books) == before


def test_the_cycle_that_the_attacks_forge_is_posted_when_it_is_not_forged(conn: Connection[Any]) -> None:
    """The untouched copy of a cycle is accepted from the poster, so each forgery fails for its forgery alone."""
    for posting in chain(2):
        post(conn, posting)
    conn.execute("SET ROLE novate_poster")
    conn.execute(forged().encode())
    count = conn.execute("SELECT count(*) FROM ledger.cycle").fetchone()
    assert count == (3,)


def test_no_name_is_used_for_two_attacks() -> None:
    """Each attack has its own name, and there are at least twenty-five for the poster alone."""
    names = [(attack.actor, attack.name) for attack in ATTACKS]
    assert len(set(names)) == len(names)
    assert sum(actor == "poster" for actor, _ in names) >= 25


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize("change", ["UPDATE ledger.{table} SET {column} = {column}", "DELETE FROM ledger.{table}"])
def test_single_rows_are_guarded_without_the_guard_of_the_statement(
    table: str, change: str, books: Connection[Any]
) -> None:
    """A replica applies single rows and fires no statement triggers: the row's own guard refuses the change."""
    with books.transaction(force_rollback=True):
        books.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER append_only".encode())
        with pytest.raises(psycopg.Error) as refused:
            books.execute(change.format(table=table, column=COLUMNS[table]).encode())
    assert refused.value.sqlstate == "NV001"


REVERSED: dict[str, str | tuple[str, str]] = {
    "lines": (LINES[LINES.index("tvar_minor") : LINES.index("\nFROM")], NEGATED_AMOUNTS),
    "payments": ("amount_minor", "-amount_minor"),
    "journals": REHASHED.format(amount="-p.amount_minor")
    .replace("payload_sha256)\nSELECT", "reverses, payload_sha256)\nSELECT")
    .replace("j.n_legs,", "j.n_legs, j.id,"),
    "postings": ("p.amount_minor", "-p.amount_minor"),
}


def test_a_journal_is_reversed_once_by_its_exact_opposite(conn: Connection[Any]) -> None:
    """A cycle that negates every amount may say that its journals reverse the others; a second one may not."""
    for posting in chain(2):
        post(conn, posting)
    conn.execute("SET ROLE novate_poster")
    conn.execute(forged(**REVERSED).encode())
    balances = conn.execute("SELECT sum(abs(amount_minor)) FROM ledger.balance").fetchone()
    only_first = {f"{p.member}/{p.origin}/{p.currency}": p.amount_minor for p in chain(1)[0].payments}
    fees = sum(abs(fee.amount_minor) for fee in chain(1)[0].fees)
    assert balances == (sum(map(abs, only_first.values())) + fees,)
    again = forged(**REVERSED).replace("seq + 1, seq, business_date + 1", "4, 3, business_date + 2")
    again = again.replace("cycle_seq + 1", "4").replace("'third/'", "'fourth/'").replace("currency, 3,", "currency, 4,")
    again = again.replace(" 3, j.currency", " 4, j.currency").replace("stream_seq + 1", "stream_seq + 2")
    again = again.replace("value_date + 1", "value_date + 2")
    with pytest.raises(psycopg.errors.UniqueViolation, match="journal_reverses_key"):
        conn.execute(again.encode())
