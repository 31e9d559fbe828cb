"""`novate demo` as a person runs it: the tables and PASS, again over the same folder, and Ctrl-C at any moment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import proc
from infra.local.down import down
from infra.local.status import read_status
from tests.e2e.house import PATIENCE_SECONDS, ROOT, processes_of

SMALL = ("--days", "1", "--trades", "60")
MONTH_END = ("--days", "3", "--trades", "60")
EVENTS = ("give-up", "corrected price", "transfer", "bust", "override", "late trade", "final")
CASH = re.compile(
    r"(?:M\d\d [+-][\d,]+\.\d\d, M\d\d [+-][\d,]+\.\d\d|(?:ADJ|FMTM|margin) [\d,]+\.\d\d between \d+ members)\s*$"
)


class Demo:
    """A demo's data folder, and the demo that runs on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it as a shell does: in a process group of its own, which is what Ctrl-C reaches."""
        environment = {**os.environ, "NOVATE_DATA": str(self.data), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "settlement.cli.main", *arguments], env=environment, process_group=0, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return self.process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run it and return exit code, what it printed, and what it said beside."""
        process = self.start(*arguments)
        out, said = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out, said

    def interrupt(self, times: int) -> tuple[int, str]:
        """Press Ctrl-C so many times, and return exit code and what it said."""
        assert self.process is not None
        for press in range(times):
            time.sleep(0.4 * bool(press))
            os.killpg(self.process.pid, signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def close(self) -> None:
        """End what a failed test left, and remove the data."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        proc.wait_until(lambda: not processes_of(self.data), 10)
        down(self.data, purge_data=True)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A folder where no demo ran yet."""
    made = Demo(tmp_path / "demo")
    yield made
    made.close()


def _is_whole(out: str) -> None:
    """Check what the demo printed."""
    assert "Variation margin of 2026-08-04" in out
    told = [line for line in out.splitlines() if re.match(r"\s+2026-\d\d-\d\d\s+[a-z -]+: ", line)]
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in told] == list(EVENTS)
    assert all(CASH.search(line) for line in told), told
    assert "H100-2026-07 settles at 2.989, the average of 26 days (5 have no fixing)" in told[-1]
    assert "Left out" not in out
    assert "set H200-2026-09 at " in told[4]
    bank = [line.split()[1] for line in out.splitlines() if line.split()[:1] and "/end_of_day/1/M" in line.split()[0]]
    assert bank == ["instructed", "confirmed", "instructed", "failed"]
    assert "4 bank answers" in out
    rows = [line.split() for line in out.splitlines()]
    assert len([row for row in rows if row and re.fullmatch(r"M\d\d", row[0])]) >= 20
    assert ["sum", "0.00", "0.00"] in rows
    assert [row[-1] for row in rows if row and row[0] in {"CNY", "USD"}] == ["0.00", "0.00"]
    assert "PASS" in out.splitlines()
    assert re.search(r"^state [0-9a-f]{64}$", out, re.MULTILINE)
    assert "novate replay" in out


def _state(out: str) -> str:
    return next(line for line in out.splitlines() if line.startswith("state "))


def test_it_ends_with_the_tables_and_pass_and_runs_again(demo: Demo) -> None:
    """Two runs over one folder: exit code 0, the same figures, nothing left running; then the folder is audited."""
    code, out, said = demo.run("demo", *MONTH_END)
    assert code == 0, said
    _is_whole(out)
    assert processes_of(demo.data) == set()
    again, out_again, said = demo.run("demo", *MONTH_END)
    assert (again, _state(out_again)) == (0, _state(out)), said
    assert processes_of(demo.data) == set()
    code, audited, said = demo.run("replay")
    assert (code, _state(audited), audited.splitlines()[-1]) == (0, _state(out), "PASS"), said
    assert processes_of(demo.data) == set()


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "imports": lambda data: not data.exists(),
    "initdb": lambda data: (data / "postgres.new").exists(),
    "the broker's start": lambda data: (data / "kafka" / "server.properties").exists(),
    "our processes' start": lambda data: (data / "run" / "gateway.heartbeat").exists(),
    "trading": lambda data: (data / "feeds" / "exchange.jsonl").exists(),
    "stopping": lambda data: read_status(data).state == "stopping",
}


@pytest.mark.parametrize(("moment", "times"), [*((moment, 1) for moment in MOMENTS), ("our processes' start", 3)])
def test_ctrl_c_leaves_nothing_running(demo: Demo, moment: str, times: int) -> None:
    """Ctrl-C, whenever it comes and however often: it ends soon, says so, and no process of it is left."""
    reached = MOMENTS[moment]
    process = demo.start("demo", *SMALL)
    assert proc.wait_until(lambda: reached(demo.data) or process.poll() is not None, PATIENCE_SECONDS)
    if moment == "imports":
        time.sleep(0.3)
    assert process.poll() is None, f"Expected {moment}, was the end: {process.communicate()}"
    code, said = demo.interrupt(times)
    assert proc.wait_until(lambda: not processes_of(demo.data), 5), processes_of(demo.data)
    assert code in {130, -signal.SIGINT}, said
    assert "Traceback" not in said or moment == "imports", said
    assert read_status(demo.data).state == "stopped"
