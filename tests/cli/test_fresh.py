"""A file into a folder where no platform runs: what is needed is started for the command, and stopped again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import proc
from infra.local.down import down
from infra.local.status import read_status
from settlement.cli.composition import running_platform
from settlement.config import Settings
from settlement.wire import codec
from streams.log import LogReader
from tests.cli.novate import run
from tests.cli.operated import ACCOUNTS, FIRST_DAY, TERMS
from tests.e2e.house import ROOT, processes_of


@pytest.mark.timeout(300)
def test_ingest_starts_what_it_needs_and_stops_it(tmp_path: Path) -> None:
    """Contracts, accounts and the date are there; the file is taken, counted, and nothing is left running."""
    data = tmp_path / "data"
    env = {"NOVATE_PARTITIONS": "2", "NOVATE_WORKERS": "1"}
    for name, content in {"terms.yaml": TERMS, "accounts.csv": ACCOUNTS, "trades.csv": FIRST_DAY}.items():
        (tmp_path / name).write_text(content)
    try:
        with running_platform(Settings(data=data, partitions=2, workers=1), lambda _: None) as platform:
            assert _first_control(platform.endpoints.kafka) == ("generation", {"partitions": 2})
            for arguments in (
                ("contract", "add", tmp_path / "terms.yaml"),
                ("account", "add", tmp_path / "accounts.csv"),
                ("day", "open", "2026-08-03"),
            ):
                told = run(*arguments, data=data, env=env)
                assert told.code == 0, told.all
        argv = [
            sys.executable,
            "-m",
            "settlement.cli.main",
            "ingest",
            str(tmp_path / "trades.csv"),
            "--into",
            str(data),
            "--json",
        ]
        environment = {**os.environ, **env, "NOVATE_DATA": str(tmp_path / "another"), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)
        assert (counts["accepted"], counts["rejected"], counts["waiting_line"]) == (2, 3, 7)
        assert done.stderr.startswith("No platform runs on")
        assert read_status(data).state == "stopped"
        assert proc.wait_until(lambda: not processes_of(data), 10), processes_of(data)
        assert not (tmp_path / "another").exists()
    finally:
        down(data, purge_data=True)


def _first_control(bootstrap: str) -> tuple[str, dict[str, int]]:
    with LogReader(bootstrap) as log:
        _, control = codec.decode(log.one("controls", 0, 0) or b"")
    return control["kind"], json.loads(control["payload"])
