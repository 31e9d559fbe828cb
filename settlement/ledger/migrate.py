"""Applies the ledger's migrations: forward only, each file once, in one transaction with its entry.

The files ship with the package; an applied one is known by its SHA-256 and never changes.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any, Final

from psycopg import Connection

from settlement.ledger.errors import MigrationError

# Any fixed number will do, as long as nobody else takes advisory locks by it: the bytes of "novate".
MIGRATION_LOCK: Final = 0x6E6F76617465

_APPLIED_TABLE: Final = b"""
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migration (name text PRIMARY KEY, sha256 bytea NOT NULL);
"""


def migrate(conn: Connection[Any]) -> list[str]:
    """Apply what is missing and return the names of the files applied, in order.

    The connection needs the rights of a superuser, or to create roles and to become novate_owner. Two runners are safe:
    the second waits, then finds nothing to do.

    Raises:
        MigrationError: an applied file was changed or is not shipped any more, or the connection is in a transaction.
    """
    if not conn.autocommit:
        raise MigrationError(
            "Expected a connection in autocommit mode, was not. Each migration is a transaction of its own."
        )
    conn.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
    try:
        conn.execute(_APPLIED_TABLE)
        return _apply_missing(conn, shipped_migrations())
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))


def shipped_migrations() -> dict[str, bytes]:
    """Return the shipped files by name, in order."""
    folder = files("settlement.ledger") / "migrations"
    found = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return dict(sorted(found.items()))


def _apply_missing(conn: Connection[Any], shipped: dict[str, bytes]) -> list[str]:
    rows = conn.execute('SELECT name, sha256 FROM ledger.migration ORDER BY name COLLATE "C"').fetchall()
    applied = {name: bytes(sha256) for name, sha256 in rows}
    _check_applied(applied, shipped)
    missing = [name for name in shipped if name not in applied]
    for name in missing:
        with conn.transaction():
            conn.execute(shipped[name])
            conn.execute("RESET ROLE")
            digest = hashlib.sha256(shipped[name]).digest()
            conn.execute("INSERT INTO ledger.migration VALUES (%s, %s)", (name, digest))
    return missing


def _check_applied(applied: dict[str, bytes], shipped: dict[str, bytes]) -> None:
    for position, (name, digest) in enumerate(applied.items()):
        if list(shipped)[position : position + 1] != [name]:
            message = (
                f"Expected migration {name} among the shipped ones, in its place, was not. "
                "The database is newer than this version of novate: install the version that migrated it."
            )
            raise MigrationError(message)
        if hashlib.sha256(shipped[name]).digest() != digest:
            message = (
                f"Expected {name} as it was applied ({digest.hex()[:12]}), was changed. "
                "Migrations are forward only: put the file back and add a new one."
            )
            raise MigrationError(message)
