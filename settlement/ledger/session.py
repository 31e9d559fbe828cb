"""Connections and roles: who a transaction acts as.

A login is granted the roles it may take; a transaction takes one with SET LOCAL, so that nothing survives it, and a
superuser's connection posts with the poster's rights only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection

from settlement.ledger.errors import LedgerError

CONNECT_SECONDS: Final = 5


def connect(dsn: str) -> Connection[Any]:
    """Open a connection in autocommit mode: a transaction is always written out with `conn.transaction()`."""
    return psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="novate")


@contextmanager
def as_poster(conn: Connection[Any]) -> Iterator[None]:
    """Run one transaction with the rights to read and append."""
    with _transaction(conn):
        conn.execute(b"SET LOCAL ROLE novate_poster")
        yield


@contextmanager
def as_auditor(conn: Connection[Any]) -> Iterator[None]:
    """Run one transaction that may read everything and write nothing."""
    with _transaction(conn):
        conn.execute(b"SET LOCAL ROLE novate_auditor")
        yield


@contextmanager
def as_member(conn: Connection[Any], member: str) -> Iterator[None]:
    """Run one transaction that sees this member's rows, and the prices."""
    with _transaction(conn):
        conn.execute(b"SELECT set_config('novate.member', %s, true)", (member,))
        conn.execute(b"SET LOCAL ROLE novate_member")
        yield


@contextmanager
def _transaction(conn: Connection[Any]) -> Iterator[None]:
    if conn.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
        raise LedgerError(
            "Expected an idle connection, was inside a transaction: its COMMIT would not be ours. End it first."
        )
    with conn.transaction():
        yield
