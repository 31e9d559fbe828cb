"""Migrations: forward only, each once, safe for two runners."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from settlement.ledger import migrate as migrating
from settlement.ledger.errors import MigrationError
from settlement.ledger.migrate import migrate, shipped_migrations
from settlement.ledger.session import connect


def test_a_fresh_database_gets_every_shipped_file_once(bare_dsn: str) -> None:
    """The first run applies all files in order, the second none."""
    with connect(bare_dsn) as conn:
        assert migrate(conn) == sorted(shipped_migrations())
        assert migrate(conn) == []
        assert conn.execute("SELECT current_user = session_user").fetchone() == (True,)


def test_two_runners_at_once_apply_each_file_once(bare_dsn: str) -> None:
    """Of six runners one migrates and the others wait, then find nothing to do."""
    applied: list[list[str]] = []

    def run() -> None:
        with connect(bare_dsn) as conn:
            applied.append(migrate(conn))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[]] * 5 + [sorted(shipped_migrations())]


def test_a_changed_applied_file_is_refused(conn: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An applied file is known by its hash: changed afterwards, nothing is applied at all."""
    changed = {
        **shipped_migrations(),
        "0002_tables.sql": b"SELECT 1",
        "0099_new.sql": b"CREATE TABLE ledger.new (id int)",
    }
    monkeypatch.setattr(migrating, "shipped_migrations", lambda: changed)
    with pytest.raises(MigrationError, match=r"Expected 0002_tables.sql as it was applied \(\w{12}\), was changed"):
        migrate(conn)
    assert conn.execute("SELECT to_regclass('ledger.new')").fetchone() == (None,)


def test_a_database_of_a_newer_version_is_refused(conn: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was applied and is not shipped, or a new one before an applied one, means another version."""
    older = dict(list(shipped_migrations().items())[:-1])
    monkeypatch.setattr(migrating, "shipped_migrations", lambda: older)
    with pytest.raises(MigrationError, match=r"The database is newer"):
        migrate(conn)
    between = dict(sorted({**shipped_migrations(), "0001b_between.sql": b"SELECT 1"}.items()))
    monkeypatch.setattr(migrating, "shipped_migrations", lambda: between)
    with pytest.raises(MigrationError, match=r"Expected migration 0002_tables.sql .* in its place"):
        migrate(conn)


def test_a_file_that_fails_leaves_nothing_and_is_applied_when_it_is_mended(
    conn: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is one transaction with its entry."""
    broken = {**shipped_migrations(), "0099_new.sql": b"CREATE TABLE ledger.new (id int); SELECT 1/0"}
    monkeypatch.setattr(migrating, "shipped_migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(conn)
    assert conn.execute("SELECT to_regclass('ledger.new')").fetchone() == (None,)
    mended = {**broken, "0099_new.sql": b"CREATE TABLE ledger.new (id int)"}
    monkeypatch.setattr(migrating, "shipped_migrations", lambda: mended)
    assert migrate(conn) == ["0099_new.sql"]


def test_a_connection_that_is_not_in_autocommit_mode_is_refused(bare_dsn: str) -> None:
    """A caller's open transaction would join all files into one."""
    with psycopg.connect(bare_dsn) as conn, pytest.raises(MigrationError, match="autocommit"):
        migrate(conn)


def test_every_table_is_guarded_and_owned_by_a_role_that_cannot_log_in(conn: Connection[Any]) -> None:
    """A table added later without guards, row security or owner fails here."""
    rows = conn.execute("""
        SELECT c.relname, pg_get_userbyid(c.relowner), c.relrowsecurity AND c.relforcerowsecurity,
               (SELECT array_agg(DISTINCT t.tgname ORDER BY t.tgname) FILTER (WHERE t.tgenabled = 'A') FROM pg_trigger t
                WHERE t.tgrelid = c.oid AND t.tgname IN ('append_only', 'append_only_row', 'nothing_hidden'))
        FROM pg_class c WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r' AND c.relname <> 'migration'
    """).fetchall()
    assert len(rows) == 12
    for _table, owner, forced, guards in rows:
        assert (owner, forced) == ("novate_owner", True)
        assert guards == ["append_only", "append_only_row", "nothing_hidden"]
    roles = conn.execute("SELECT rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'novate\\_%'")
    assert roles.fetchall() == [(False, False, False)] * 4
    views = conn.execute(
        "SELECT reloptions FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'v'"
    )
    assert views.fetchall() == [(["security_invoker=true"],)] * 2
