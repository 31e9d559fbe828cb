"""Each test gets a fresh copy of a migrated database on the run's Postgres."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from settlement.ledger.poster import open_generation
from settlement.ledger.session import connect
from tests.ledger.books import GENERATION
from tests.parts import LEDGER, database_of, own_name


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """The name of a migrated database with an open generation, to copy from."""
    name = own_name("migrated_")
    with connect(server) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {LEDGER}")
    with connect(database_of(server, name)) as conn:
        open_generation(conn, GENERATION)
    return name


@pytest.fixture
def dsn(server: str, migrated: str) -> str:
    """The address of a ledger of this test's own, empty."""
    name = own_name("ledger_")
    with connect(server) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    return database_of(server, name)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    """A superuser's connection to this test's ledger."""
    with connect(dsn) as connection:
        yield connection


@pytest.fixture
def bare_dsn(server: str) -> str:
    """The address of a database without the ledger."""
    name = own_name("bare_")
    with connect(server) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    return database_of(server, name)
