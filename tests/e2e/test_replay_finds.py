"""The audit of a whole platform finds what was altered, names its place, and ends with exit code 1."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from settlement.cli.audit import audit
from settlement.ledger.session import connect
from settlement.replay.folder import FolderSource, dump
from settlement.replay.source import Source
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
def _altered(conn: Connection[Any], table: str, query: str) -> Iterator[None]:
    """Alter one row as only a superuser can who switches its table's guards off, and mend it afterwards."""
    guards = conn.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'", [f"ledger.{table}"]
    ).fetchall()
    named = " ".join(f"ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER {name};" for (name,) in guards)
    off, on = f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL", f"ALTER TABLE ledger.{table} ENABLE TRIGGER ALL"
    conn.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM ledger.{table}".encode())
    try:
        with conn.transaction():
            conn.execute(off.encode())
            assert conn.execute(query.encode()).rowcount == 1
            conn.execute(f"{on}; {named}".encode())
        yield
    finally:
        with conn.transaction():
            conn.execute(f"{off}; DELETE FROM ledger.{table}; INSERT INTO ledger.{table} SELECT * FROM kept".encode())
            conn.execute(f"{on}; {named}; DROP TABLE kept".encode())


LINE = "WHERE cycle_seq = 6 AND account = 'M03-C' AND contract = 'H100-2026-08'"
LEG = "WHERE journal_id = '2026-08-03/end_of_day/1/USD' AND account_id = 'M03/CLIENT/USD'"
PAYMENT = "WHERE cycle_seq = 6 AND member = 'M03' AND origin = 'CLIENT' AND currency = 'USD'"
MARK = "WHERE cycle_seq = 6 AND partition = 2"
ALTERATIONS = {
    "margin_line": (f"SET tvar_minor = tvar_minor + 1 {LINE}", "ledger lines", "M03-C/H100-2026-08 tvar_minor="),
    "posting": (f"SET amount_minor = amount_minor - 1 {LEG}", "ledger journals", "account_id='M03/CLIENT/USD'"),
    "payment": (f"SET amount_minor = amount_minor + 1 {PAYMENT}", "ledger payments", "M03/CLIENT/USD amount_minor="),
    "partition_mark": (f"SET stream_seq = stream_seq - 1 {MARK}", "ledger marks", "2 stream_seq="),
    "cycle": ("SET n_lines = n_lines + 1 WHERE seq = 6", "ledger counts", "n_lines="),
}


@pytest.mark.parametrize("table", ALTERATIONS)
def test_one_altered_cent_in_the_ledger(baseline: Baseline, table: str) -> None:
    """Whatever a superuser alters by one behind the guards is named with its cycle and key, as posted and as it is."""
    change, section, named = ALTERATIONS[table]
    with connect(baseline.house.endpoints.database) as conn:
        with _altered(conn, table, f"UPDATE ledger.{table} {change}"):
            said = baseline.house.command("replay") if table == "posting" else None
            report = audit(baseline.house.endpoints)
        first = report.differences[0]
        assert first.place == f"{section} of 2026-08-03/end_of_day/1"
        assert named in first.was
        assert report.exit_code == 1
        if said is not None:
            assert (said.returncode, str(first) in said.stdout) == (1, True), said
            assert said.stdout.splitlines()[-1] == "FAIL"


@pytest.mark.parametrize(
    ("table", "change", "place"),
    [
        ("meta", "SET cluster_id = 'another'", "ledger generation of the log"),
        ("cycle", "SET generation = 2 WHERE seq = 6", "ledger generation of 2026-08-03/end_of_day/1"),
    ],
)
def test_a_ledger_of_another_log(baseline: Baseline, table: str, change: str, place: str) -> None:
    """Which cluster and which generation of the topics the books are of is compared too."""
    with (
        connect(baseline.house.endpoints.database) as conn,
        _altered(conn, table, f"UPDATE ledger.{table} {change}"),
    ):
        report = audit(baseline.house.endpoints)
    assert place in [one.place for one in report.differences]
    assert not report.passed


# -- the log's copy


def test_one_altered_byte_in_the_copy_of_the_log(baseline: Baseline, copy: Path, tmp_path: Path) -> None:
    """One flipped bit in one record: its partition and offset."""
    altered = shutil.copytree(copy, tmp_path / "altered")
    file = altered / "fills-2.log"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    said = baseline.house.command("replay", "--log", str(altered))
    assert said.returncode == 1, said
    place = re.search(r"The log's copy at fills-2@(\d+) \(byte \d+\)", said.stdout)
    assert place is not None, said.stdout
    assert "altered" in said.stdout
    assert said.stdout.splitlines()[-1] == "FAIL"


class _Forged:
    """A log with one partition's records changed before it is copied: the copy's CRCs and manifest are right."""

    def __init__(self, source: Source, topic: str, change: Change) -> None:
        self._source, self._topic, self._change = source, topic, change

    def partitions(self) -> int:
        """Return the number of partitions."""
        return self._source.partitions()

    def cluster_id(self) -> str:
        """Return the id of the cluster."""
        return self._source.cluster_id()

    def runs(self) -> Iterator[Run]:
        """Yield the records, changed."""
        held: list[tuple[int, bytes]] = []
        for run in self._source.runs():
            if (run.topic, run.partition) == (self._topic, 2):
                held += zip(run.offsets, run.values, strict=True)
            else:
                yield run
        self._change(held)
        offsets, values = [offset for offset, _ in held], [value for _, value in held]
        yield Run(topic=self._topic, partition=2, offsets=offsets, values=values)


def _without_one(held: list[tuple[int, bytes]]) -> None:
    del held[100]


def _with_another_twin(held: list[tuple[int, bytes]]) -> None:
    at = next(n for n, (_, value) in enumerate(held[100:], 100) if codec.name_of(value).startswith("fill."))
    name, record = codec.decode(held[at][1])
    held.append((held[-1][0] + 1, codec.encode(name, {**record, "lots": record["lots"] + 1})))


def _without_a_line(held: list[tuple[int, bytes]]) -> None:
    del held[next(n for n, (_, value) in enumerate(held) if codec.name_of(value).startswith("margin_line."))]


def _with_a_dearer_line(held: list[tuple[int, bytes]]) -> None:
    at = next(n for n, (_, value) in enumerate(held) if codec.name_of(value).startswith("margin_line."))
    name, record = codec.decode(held[at][1])
    held[at] = held[at][0], codec.encode(name, {**record, "tvar_minor": record["tvar_minor"] + 1})


FORGERIES: dict[str, tuple[str, Change, str]] = {
    "a missing record": ("fills", _without_one, r"fills-2 stream_seq 100: expected a record, was none"),
    "a twin that differs": ("fills", _with_another_twin, r"TWIN_DIFFERS .*2@\d+.* byte for byte, was another record"),
    "a missing line": ("variation-margin", _without_a_line, r"variation-margin 2026-07-31/intraday/1 "),
    "a line with a cent more": ("variation-margin", _with_a_dearer_line, r"variation-margin 2026-07-31/intraday/1 "),
}


@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_log(baseline: Baseline, copy: Path, tmp_path: Path, forgery: str, *, independent: bool) -> None:
    """A record that is missing, or that has a twin that differs, in a copy whose check sums are right: its place."""
    topic, change, place = FORGERIES[forgery]
    dump(_Forged(FolderSource(copy), topic, change), tmp_path / "forged")
    report = audit(baseline.house.endpoints, independent=independent, log=tmp_path / "forged")
    assert report.exit_code == 1
    assert re.search(place, str(report.differences[0])), "\n".join(report.text())
