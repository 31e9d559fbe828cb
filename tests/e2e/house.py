"""A whole platform for a test: `novate up` in a process of its own, any pid of which may be killed, and goes on.

    house = House(folder)
    house.start()                      # broker, database and every process, under their supervisor
    house.start(PARTS_ONLY)            # broker and database alone; `house.run(house.process("gateway"))` adds ours

Everything that it starts dies with the test, and only what it started is ever sent a signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg
from confluent_kafka import KafkaException

from infra.local import proc
from infra.local.down import down
from infra.local.errors import LocalError
from infra.local.process import Endpoints, Process
from infra.local.spawn import Launch, spawn
from infra.local.status import read_status, running_endpoints
from settlement.cli.composition import processes
from settlement.config import Settings
from settlement.run.halt import HaltFile
from streams.gateway.controls import ControlsError, NoOutcomeError

PARTITIONS: Final = 4
PATIENCE_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.05
UP: Final = ("-m", "settlement.cli.main", "up")
PARTS_ONLY: Final = ("-m", "tests.e2e.run_parts")
ROOT: Final = Path(__file__).parents[2]
AWAY: Final = (KafkaException, LocalError, ControlsError, NoOutcomeError, psycopg.OperationalError, OSError)
"""What a broker, a database or a supervisor that was killed a moment ago looks like; it is asked again."""


class HaltedError(AssertionError):
    """The settlement run halted; the message says at what."""


@dataclass(slots=True)
class House:
    """One platform on one data folder.

    workers: of the positions fold, when the whole platform runs.  own: processes that the test runs beside, by name.
    """

    data: Path
    workers: int = 2
    own: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _shell: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """What the platform is told."""
        return Settings(data=self.data, partitions=PARTITIONS, workers=self.workers)

    @property
    def environment(self) -> dict[str, str]:
        """The same for a process of its own."""
        told = {"NOVATE_DATA": str(self.data), "NOVATE_PARTITIONS": str(PARTITIONS)}
        return {**told, "NOVATE_WORKERS": str(self.workers), "PYTHONPATH": str(ROOT)}

    @property
    def endpoints(self) -> Endpoints:
        """Where broker and database are now; LocalError while nobody knows."""
        return running_endpoints(self.data)

    @property
    def log(self) -> Path:
        """What the supervisor said."""
        return self.data.with_name(f"{self.data.name}.log")

    def start(self, command: Sequence[str] = UP) -> None:
        """Start the supervisor and wait until everything runs."""
        self.launch(command)
        self.await_running()

    def launch(self, command: Sequence[str] = UP) -> None:
        """Start the supervisor."""
        argv = [sys.executable, *command]
        self._shell = spawn(Launch(argv=argv, log=self.log, env=self.environment, death_signal=signal.SIGKILL))

    def await_running(self) -> None:
        """Wait until the supervisor says that everything runs, and every thing says so of itself."""
        self.wait("the platform to run", self._all_run)

    def _all_run(self) -> bool:
        assert self._shell is not None
        assert self._shell.poll() is None, f"The supervisor ended with {self._shell.poll()}:\n{self.log.read_text()}"
        status = read_status(self.data)
        return status.state == "running" and all(thing.state == "running" for thing in status.things.values())

    # -- its processes

    def pids(self) -> dict[str, int]:
        """Return the pid of everything under the supervisor that has one now, by name."""
        return {name: thing.pid for name, thing in read_status(self.data).things.items() if thing.pid}

    @property
    def supervisor(self) -> int:
        """The supervisor's pid."""
        assert self._shell is not None
        return self._shell.pid

    def pid(self, name: str) -> int | None:
        """Return the pid of a thing of this platform, `supervisor` included; None when it is between two lives."""
        if name == "supervisor":
            return self.supervisor
        return self.own[name].pid if name in self.own else self.pids().get(name)

    def signal(self, name: str, what: signal.Signals = signal.SIGKILL) -> int | None:
        """Send a signal to a thing of this platform; return its pid, None when it is between two lives."""
        pid = self.pid(name)
        if pid is None or not self._is_ours(pid):
            return None
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            return None
        return pid

    def _is_ours(self, pid: int) -> bool:
        """Whether a pid is of this folder: the one we read a moment ago may have died, and may be another's by now."""
        return pid == self.supervisor or pid in processes_of(self.data)

    def kill_supervisor(self) -> None:
        """End the supervisor with SIGKILL, and wait until everything under it is gone."""
        assert self._shell is not None
        before = self._under()
        self._shell.kill()
        self._shell.wait()
        self.wait("everything to die with its supervisor", lambda: not before & self._under())

    def _under(self) -> set[int]:
        return processes_of(self.data) - {process.pid for process in self.own.values()}

    # -- beside it

    def process(self, name: str) -> Process:
        """Return a process of the platform, as the composition root makes it."""
        return next(one for one in processes(self.endpoints, self.settings) if one.name == name)

    def run(self, process: Process) -> None:
        """Run a process beside the platform, until `end` or the end of the test."""
        assert process.name not in self.own, f"Expected no process {process.name}, was one."
        env = {**process.env, "PYTHONPATH": str(ROOT)}
        self.own[process.name] = spawn(
            Launch(argv=process.argv, log=self.data / "logs" / f"{process.name}.log", env=env)
        )

    def run_all(self, *left_out: str) -> None:
        """Run every process of the platform beside its parts, but some, and wait until each says that it lives."""
        made = [one for one in processes(self.endpoints, self.settings) if one.name not in left_out]
        for process in made:
            self.run(process)
        for process in made:
            self.await_heartbeat(process.name)

    def await_heartbeat(self, name: str) -> None:
        """Wait until a process that runs beside the platform says that it lives."""
        beat, process = self.data / "run" / f"{name}.heartbeat", self.own[name]
        self.wait(f"{name} to live", lambda: json.loads(beat.read_text())["pid"] == process.pid)

    def end(self, name: str) -> None:
        """End a process that runs beside the platform, with SIGKILL."""
        process = self.own.pop(name)
        process.kill()
        process.wait()

    def end_all(self) -> None:
        """End everything that runs beside the platform."""
        for name in list(self.own):
            self.end(name)

    def stop(self) -> None:
        """Stop the platform in an orderly way, and what runs beside it."""
        self.end_all()
        if self._shell is not None:
            self._shell.terminate()
            self._shell.wait(PATIENCE_SECONDS)
            self._shell = None

    def close(self) -> None:
        """End everything at once, and remove the data."""
        self.end_all()
        if self._shell is not None:
            self._shell.kill()
            self._shell.wait()
            self._shell = None
        proc.wait_until(lambda: not processes_of(self.data), 10)
        down(self.data, purge_data=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def command(self, *arguments: str, seconds: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `novate` with these arguments on this platform."""
        argv = [sys.executable, "-m", "settlement.cli.main", *arguments]
        env = {**os.environ, **self.environment}
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=seconds, check=False)

    # -- waiting

    def wait(
        self, what: str, done: Callable[[], Any], seconds: float = PATIENCE_SECONDS, *, halted: bool = False
    ) -> None:
        """Wait until something is true, also while broker, database or supervisor are away.

        halted: the settlement run may be halted.

        Raises:
            HaltedError: the settlement run halted meanwhile.
        """
        until = time.monotonic() + seconds
        why: object = "not so"
        while time.monotonic() < until:
            try:
                if done():
                    return
            except AWAY as error:
                why = error
            if not halted:
                self.refuse_halt()
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"Expected {what} within {seconds:.0f} s, was {why!r}. {self.told()}")

    def refuse_halt(self) -> None:
        """Raise when the settlement run is halted."""
        halted = self.halted()
        if halted is not None:
            raise HaltedError(f"{halted['cycle']} {halted['rule']}: {halted['message']}")

    def halted(self) -> dict[str, Any] | None:
        """Return what the halt file says; None without one."""
        return HaltFile.of(self.data).read()

    def told(self) -> str:
        """Return what the status says, for a failure's text."""
        status = read_status(self.data)
        things = [f"{name} {thing.state} {thing.alarm or ''}".strip() for name, thing in status.things.items()]
        return f"The platform is {status.state}: {', '.join(things)}. Logs: {self.data / 'logs'}"


def named(process: Process, name: str, **options: str) -> Process:
    """Return a process under another name, with other options (`partitions="0-3"`)."""
    argv = list(process.argv)
    for option, value in {"name": name, **options}.items():
        argv[argv.index(f"--{option}") + 1] = value
    return replace(process, name=name, argv=argv)


def broken(process: Process, how: str) -> Process:
    """Return a process with one rule taken out (tests.e2e.broken)."""
    python, _, module, *rest = process.argv
    return replace(process, argv=[python, "-m", "tests.e2e.broken", how, module, *rest])


def processes_of(data: Path) -> set[int]:
    """Return every living process that names this folder in its command, or works in it; ours, the test's, left out."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            inside = (entry / "cwd").readlink().is_relative_to(data) or any(str(data) in word for word in words)
            if inside and int(entry.name) != os.getpid() and proc.started_at(int(entry.name)) is not None:
                found.add(int(entry.name))
    return found
