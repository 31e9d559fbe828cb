"""The audit of a whole platform finds what was altered, names its place, and ends with exit code 1."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from settlement.cli.audit import audit
from settlement.ledger.session import connect
from settlement.replay.folder import FolderSource, dump
from settlement.replay.source import KafkaSource
from settlement.run.fills_log import Run
from settlement.wire import codec
from tests.e2e.baseline import Baseline

Change = Callable[[list[tuple[int, bytes]]], None]


@pytest.fixture(scope="module")
def copy(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the undisturbed log, made by the command."""
    folder = tmp_path_factory.mktemp("copy") / "log"
    said = baseline.house.command("replay", "--dump", str(folder))
    assert said.returncode == 0, said.stderr
    return folder


def test_the_copy_and_the_independent_reading_pass(baseline: Baseline, copy: Path) -> None:
    """Log and copy, fast and record by record, give PASS with the same state."""
    said = baseline.house.command("replay", "--log", str(copy))
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "PASS"), said
    alone = baseline.house.command("replay", "--independent", "--json")
    assert alone.returncode == 0, alone
    state = baseline.books.report.state_sha256
    assert json.loads(alone.stdout)["state_sha256"] == state
    assert f"state {state}" in said.stdout


@contextmanager
def _altered(baseline: Baseline, table: str, query: str) -> Iterator[list[tuple[Any, ...]]]:
    """Alter the ledger as only a superuser can who switches its guards off, and mend it afterwards."""
    with connect(baseline.house.endpoints.database) as conn:
        try:
            with conn.transaction():
                conn.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM ledger.{table}".encode())
                conn.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER".encode())
                rows = conn.execute(query.encode()).fetchall()
                conn.execute(f"ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER ALL".encode())
            yield rows
        finally:
            with conn.transaction():
                conn.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL".encode())
                conn.execute(f"DELETE FROM ledger.{table}".encode())
                conn.execute(f"INSERT INTO ledger.{table} SELECT * FROM kept".encode())
                conn.execute(f"ALTER TABLE ledger.{table} ENABLE TRIGGER ALL".encode())


def test_one_cent_in_a_margin_line(baseline: Baseline) -> None:
    """A margin line that a superuser altered by a cent: its cycle, account and contract, what it was and must be."""
    alter = """
        UPDATE ledger.margin_line SET tvar_minor = tvar_minor + 1 WHERE cycle_seq = 4 AND tvar_minor > 0
        AND account = (SELECT min(account) FROM ledger.margin_line WHERE cycle_seq = 4 AND tvar_minor > 0)
        RETURNING account, contract, tvar_minor"""
    with _altered(baseline, "margin_line", alter) as rows:
        account, contract, tvar_minor = rows[0]
        said = baseline.house.command("replay")
    first = f"ledger lines of 2026-08-04/end_of_day/1: expected {account}/{contract} tvar_minor={tvar_minor - 1}"
    assert said.returncode == 1, said
    assert f"{first}, was {account}/{contract} tvar_minor={tvar_minor}" in said.stdout
    assert said.stdout.splitlines()[-1] == "FAIL"
