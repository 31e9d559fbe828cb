"""Keeps one thing running: starts it, waits for it to die, and starts it again."""

import json
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from infra.local import proc
from infra.local.errors import LocalError
from infra.local.folder import DataFolder, write_atomically

LOOK_SECONDS = 0.05
DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 5.0)  # the first restart is at once
SOUND_SECONDS = 5.0  # who was ready and lived this long starts again at the first delay
START_DEATHS_MAX = 3
LEFTOVER_SECONDS = 5.0


class State(StrEnum):
    """Where a supervised thing stands."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    PARKED = "parked"
    STOPPED = "stopped"


@dataclass(slots=True)
class Report:
    """What the status shows of one thing; only its own watch writes it.

    since: unix seconds of the last change.  alarm: what its watch found.  told: what the process itself alarms of.
    """

    pid: int | None = None
    state: State = State.WAITING
    restarts: int = 0
    since: float = field(default_factory=time.time)
    last_exit: str | None = None
    alarm: str | None = None
    parked: list[str] = field(default_factory=list)
    heartbeat_age: float | None = None
    cursors: dict[str, dict[str, int]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


class Watch(ABC):
    """A thread that keeps one thing running until `stop`. Subclasses say how it starts and what its death means."""

    def __init__(self, name: str, folder: DataFolder, changed: Callable[[], None]) -> None:
        """Name the thing; `changed` is called whenever its report has news."""
        self.name = name
        self.report = Report()
        self._folder = folder
        self._changed = changed
        self._stopping = threading.Event()
        self._ready_once = threading.Event()
        self._deaths = 0
        self._thread = threading.Thread(target=self._keep_running, name=f"novate-watch-{name}", daemon=True)
        self._failure: BaseException | None = None

    @abstractmethod
    def _live_once(self) -> bool:
        """Start it, return when it is dead; tell whether it shall start again."""

    @abstractmethod
    def _end(self) -> None:
        """Stop it."""

    @abstractmethod
    def _start_error(self) -> LocalError:
        """Return the error that says why it does not start."""

    def start(self) -> None:
        """Start it, and return when it is ready, or parked: a poisoned place must not keep the neighbours away.

        Raises:
            LocalError: it died three times before it was ready and named no place.
        """
        self._thread.start()
        while not self._ready_once.wait(LOOK_SECONDS):
            if self._failure is not None:
                raise self._failure
            if self.report.state is State.PARKED:
                return
            if self._deaths >= START_DEATHS_MAX:
                raise self._start_error()

    def ask_to_stop(self) -> None:
        """Restart it no more."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._end()
        self._folder.pid_file(self.name).unlink(missing_ok=True)
        self._show(State.STOPPED)

    def _keep_running(self) -> None:
        try:
            while not self._stopping.wait(self._delay()):
                began = time.monotonic()
                if not self._live_once():
                    return
                sound = self.report.state is State.RUNNING and time.monotonic() - began > SOUND_SECONDS
                self._deaths = 1 if sound else self._deaths + 1
                self.report.restarts += 1
                self._show(State.WAITING)
        except BaseException as error:  # noqa: BLE001  shown to who waits for the start, else in the status
            self._failure = error
            self.report.alarm = f"The supervisor of {self.name} broke: {error!r}. Restart the platform and report it."
            self._show(State.PARKED)

    def _delay(self) -> float:
        return DELAYS[min(max(self._deaths - 1, 0), len(DELAYS) - 1)]

    def _show(self, state: State, pid: int | None = None) -> None:
        self.report.state, self.report.pid, self.report.since = state, pid, time.time()
        self._changed()

    def _show_ready(self, pid: int) -> None:
        self._show(State.RUNNING, pid)
        self._ready_once.set()

    def _note_pid(self, pid: int) -> None:
        """Leave word for the next run, should we be killed."""
        text = json.dumps({"pid": pid, "started": proc.started_at(pid)})
        write_atomically(self._folder.pid_file(self.name), text)


def reap(folder: DataFolder) -> list[str]:
    """End what a killed supervisor left running, by its pid files; return the names."""
    reaped = []
    for file in sorted(folder.run.glob("*.pid")):
        try:
            noted = json.loads(file.read_text())
            pid, started = int(noted["pid"]), str(noted["started"])
        except (ValueError, KeyError):
            pid, started = 0, ""
        if pid and proc.is_alive(pid, started):
            reaped.append(file.stem)
            _end_leftover(file.stem, pid, started)
        file.unlink()
    return reaped


def _end_leftover(name: str, pid: int, started: str) -> None:
    """End a leftover with its group; the postmaster gets time to take its children along."""
    if name == "postgres":
        proc.send(pid, signal.SIGQUIT)
        proc.wait_until(lambda: not proc.is_alive(pid, started), LEFTOVER_SECONDS)
    proc.send_group(pid, signal.SIGKILL)
    proc.wait_until(lambda: not proc.is_alive(pid, started), LEFTOVER_SECONDS)
