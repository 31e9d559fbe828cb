"""One real Postgres for the ledger's tests; each test gets a fresh copy of a migrated database."""

import itertools
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from infra.local.postgres import Postgres
from settlement.ledger.migrate import migrate
from settlement.ledger.poster import open_generation
from settlement.ledger.session import connect
from tests.ledger.books import GENERATION

_numbers = itertools.count()


def address(server: Postgres, database: str) -> str:
    """Return the server's address with another database."""
    return psycopg.conninfo.make_conninfo(server.dsn, dbname=database)


def throw_away(server: Postgres) -> None:
    """Stop a server whose data nobody needs: at once, without writing everything to disk first."""
    if server.pid is not None:
        os.kill(server.pid, signal.SIGQUIT)
    server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Real Postgres 18, for all tests that do not kill it."""
    postgres = Postgres(tmp_path_factory.mktemp("ledger"))
    postgres.start()
    yield postgres
    throw_away(postgres)


@pytest.fixture(scope="session")
def migrated(server: Postgres) -> str:
    """The name of a migrated database with an open generation, to copy from."""
    with connect(server.dsn) as conn:
        conn.execute("CREATE DATABASE migrated")
    with connect(address(server, "migrated")) as conn:
        migrate(conn)
        open_generation(conn, GENERATION)
    return "migrated"


@pytest.fixture
def dsn(server: Postgres, migrated: str) -> str:
    """The address of a ledger of this test's own, empty."""
    name = f"ledger_{next(_numbers)}"
    with connect(server.dsn) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    return address(server, name)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    """A superuser's connection to this test's ledger."""
    with connect(dsn) as connection:
        yield connection


@pytest.fixture
def bare_dsn(server: Postgres) -> str:
    """The address of a database without the ledger."""
    name = f"bare_{next(_numbers)}"
    with connect(server.dsn) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    return address(server, name)
