"""Whoever attacks the posted books meets an error, and leaves them byte-identical."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from infra.local.postgres import Postgres
from settlement.ledger.poster import post
from settlement.ledger.session import connect
from tests.ledger.attack import Attack
from tests.ledger.attacks_on_postings import CYCLE, HIDING, JOURNAL, LATER
from tests.ledger.attacks_on_rights import CHANGES, COLUMNS, READING, STRUCTURE
from tests.ledger.books import chain
from tests.ledger.conftest import address
from tests.ledger.forgery import forged

ATTACKS = [*STRUCTURE, *CHANGES, *READING, *JOURNAL, *CYCLE, *LATER, *HIDING]
LOGINS = {"poster": "novate_poster", "owner": "novate_owner", "member": "novate_member", "auditor": "novate_auditor"}


@pytest.fixture(scope="module")
def attacked(server: Postgres, migrated: str) -> dict[str, str]:
    """The address of a ledger with two cycles for every actor; no attack may change it, so all share it."""
    with connect(server.dsn) as conn:
        conn.execute(f"CREATE DATABASE attacked TEMPLATE {migrated}")
        for actor, role in LOGINS.items():
            conn.execute(f"CREATE ROLE {actor}_login LOGIN PASSWORD 'attack' IN ROLE {role}")
    dsn = address(server, "attacked")
    with connect(dsn) as conn:
        for posting in chain(2):
            post(conn, posting)
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
