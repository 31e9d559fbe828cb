"""The broker and the database that a run's tests share: one of each, started when the first test wants it.

The processes of a run share them, so each part lives in a process of its own, `python -m tests.parts PART FOLDER PID`,
that ends with the run. Tests that kill a broker or a database start their own.
"""

import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from infra.local.kafka import Kafka
from infra.local.postgres import Postgres
from settlement.ledger.migrate import migrate
from settlement.ledger.session import connect

KAFKA: Final = "kafka"
POSTGRES: Final = "postgres"
LEDGER: Final = "ledger_template"
"""A migrated database to copy from."""
PATIENCE_SECONDS: Final = 120.0
_ROOT: Final = Path(__file__).parents[1]
_numbers = itertools.count(1)
_started: list[subprocess.Popen[bytes]] = []  # they outlive this process, which may end before the run does


def own_name(stem: str) -> str:
    """Return a name that no other test of the run has, for topics or a database of a test's own."""
    return f"{stem}{os.getpid()}x{next(_numbers)}"


def database_of(dsn: str, name: str) -> str:
    """Return a server's address with another database."""
    return psycopg.conninfo.make_conninfo(dsn, dbname=name)


def throw_away(server: Postgres) -> None:
    """Stop a server whose data nobody needs: at once, without writing everything to disk first."""
    if server.pid is not None:
        os.kill(server.pid, signal.SIGQUIT)
    server.stop()


class Parts:
    """The parts of one run, known by its folder.

    run_pid: the process with which the parts end.
    """

    def __init__(self, folder: Path, run_pid: int) -> None:
        self.folder, self.run_pid = folder, run_pid

    @classmethod
    def of_this_run(cls) -> "Parts":
        """Make the folder of a run that begins with this process."""
        return cls(Path(tempfile.mkdtemp(prefix="novate-tests-")), os.getpid())

    def address(self, part: str) -> str:
        """Return where a part is, starting it when nobody did."""
        address = self.folder / f"{part}.address"
        with (self.folder / f"{part}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not address.exists():
                self._start(part, address)
        return address.read_text()

    def stop(self) -> None:
        """Stop what was started, wait for it, and remove its data."""
        for address in self.folder.glob("*.address"):
            part = address.stem
            os.kill(int((self.folder / f"{part}.pid").read_text()), signal.SIGTERM)
            _wait(f"{part} to stop", (self.folder / f"{part}.stopped").exists)
        shutil.rmtree(self.folder)

    def _start(self, part: str, address: Path) -> None:
        argv = [sys.executable, "-m", "tests.parts", part, str(self.folder), str(self.run_pid)]
        with (self.folder / f"{part}.log").open("wb") as log:
            child = subprocess.Popen(argv, cwd=_ROOT, stdout=log, stderr=log, start_new_session=True)
        _started.append(child)
        _wait(f"{part} to start", lambda: address.exists() or child.poll() is not None)
        if not address.exists():
            raise RuntimeError((self.folder / f"{part}.log").read_text())


def _wait(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(f"Expected {what} within {PATIENCE_SECONDS} s.")
        time.sleep(0.05)


@contextmanager
def _running(part: str, folder: Path) -> Iterator[str]:
    """Run a part and yield its address."""
    if part == KAFKA:
        broker = Kafka(folder)
        broker.start()
        try:
            yield broker.bootstrap
        finally:
            broker.stop()
    else:
        server = Postgres(folder)
        server.start()
        try:
            with connect(server.dsn) as conn:
                conn.execute(f"CREATE DATABASE {LEDGER}")
            with connect(database_of(server.dsn, LEDGER)) as conn:
                migrate(conn)
            yield server.dsn
        finally:
            throw_away(server)


def main(part: str, folder: Path, run_pid: int) -> None:
    """Run one part until the run stops it, or is gone."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    (folder / f"{part}.pid").write_text(str(os.getpid()))
    data = folder / part
    data.mkdir()
    with _running(part, data) as address:
        half = folder / f"{part}.half"
        half.write_text(address)
        half.rename(folder / f"{part}.address")
        while not stopping and Path(f"/proc/{run_pid}").exists():
            time.sleep(0.1)
    (folder / f"{part}.stopped").touch()
    if not stopping:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
