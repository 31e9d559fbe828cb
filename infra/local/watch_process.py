"""Keeps one of our processes running: its heartbeat, its cursors, its parking."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable

from infra.local import proc
from infra.local.errors import LocalError, last_lines
from infra.local.folder import DataFolder
from infra.local.heartbeat import Pulse, Verdict
from infra.local.parking import DEATHS_MAX, Death, Places, partition_of, read_note, without_partition
from infra.local.process import Process
from infra.local.spawn import Launch, spawn
from infra.local.watch import LOOK_SECONDS, State, Watch

HEARTBEAT_LOOK_SECONDS = 0.2
STOP_STEPS = [(signal.SIGTERM, 10.0)]


class ProcessWatch(Watch):
    """Keeps a process running; kills it when it hangs, parks it (or one of its partitions) when a place kills it."""

    def __init__(
        self, process: Process, folder: DataFolder, changed: Callable[[], None], parts_up: Callable[[], bool]
    ) -> None:
        """Name the process; while `parts_up` is false it is not restarted, and no death counts against it."""
        super().__init__(process.name, folder, changed)
        self._process = process
        self._argv = list(process.argv)
        self._parts_up = parts_up
        self._places = Places()
        self._child: subprocess.Popen[bytes] | None = None

    def replace(self, process: Process) -> None:
        """Run it with other arguments from its next start on, and start it anew; what is parked stays parked."""
        self._process, self._argv = process, list(process.argv)
        for place in self.report.parked:
            partition = partition_of(place)
            if partition is not None:
                self._argv = without_partition(self._argv, partition) or self._argv
        child = self._child
        if child is not None and child.poll() is None:
            proc.send(child.pid, signal.SIGTERM)

    def _live_once(self) -> bool:
        while not self._parts_up():
            if self._stopping.wait(LOOK_SECONDS):
                return False
        try:
            child = self._launch()
        except OSError as error:
            if not self._ready_once.is_set():
                raise
            self.report.last_exit = f"not started: {error}"  # a full disk, perhaps: tried again until it works
            return True
        verdict = self._watch(child)
        if self._stopping.is_set():
            return False
        proc.send_group(child.pid, signal.SIGKILL)  # the hung process, or what a dead one left of its own children
        exit_code = child.wait()
        self.report.last_exit = f"killed: {verdict.why}" if verdict else proc.exit_text(exit_code)
        return self._survives(verdict)

    def _launch(self) -> subprocess.Popen[bytes]:
        self._folder.heartbeat(self.name).unlink(missing_ok=True)
        self._folder.exit_note(self.name).unlink(missing_ok=True)
        launch = Launch(argv=self._argv, log=self._folder.log(self.name), env=self._process.env)
        self._child = child = spawn(launch)
        with contextlib.suppress(OSError):  # a full disk: the kernel's death signal is there too
            self._note_pid(child.pid)
        if self._process.heartbeat:
            self._show(State.STARTING, child.pid)
        else:
            self._show_ready(child.pid)
        return child

    def _watch(self, child: subprocess.Popen[bytes]) -> Verdict | None:
        """Return when the process has ended (None), must be killed (why), or we are stopping (None)."""
        pulse = Pulse(self._folder.heartbeat(self.name), child.pid)
        looked = time.monotonic()
        while child.poll() is None and not self._stopping.wait(LOOK_SECONDS):
            elapsed = time.monotonic() - looked
            if not self._process.heartbeat or elapsed < HEARTBEAT_LOOK_SECONDS:
                continue
            looked += elapsed
            verdict = pulse.look(elapsed, counts_stalls=self._parts_up())
            self.report.heartbeat_age, self.report.cursors, self.report.told = pulse.age, pulse.cursors, pulse.alarms
            if pulse.ready and self.report.state is State.STARTING:
                self._show_ready(child.pid)
            if verdict is not None:
                return verdict
        return None

    def _survives(self, verdict: Verdict | None) -> bool:
        """Count the death at its place, and park what died there too often; tell whether the process starts again."""
        note = read_note(self._folder.exit_note(self.name))
        death = Death(verdict.place, verdict.why) if verdict and verdict.place else note
        if note is not None and verdict is None:
            self.report.last_exit = f"{self.report.last_exit}; at {note.place}: {note.why}"
        if death is None or not self._parts_up():
            return True
        if self._places.count(death.place, time.monotonic()) < DEATHS_MAX:
            return True
        return self._park(death)

    def _park(self, death: Death) -> bool:
        partition = partition_of(death.place)
        rest = without_partition(self._argv, partition) if partition is not None else None
        self.report.parked.append(death.place)
        what = f"partition {partition} of {self.name}" if rest else self.name
        self.report.alarm = (
            f"{what} is parked: it died {DEATHS_MAX} times at {death.place} ({death.why}). "
            f"Look there and into {self._folder.log(self.name)}; a restart of the platform tries again."
        )
        if rest is None:
            self._show(State.PARKED)
            return False
        self._argv = rest
        self._deaths = -1  # its other partitions start at once
        return True

    def _end(self) -> None:
        if self._child is not None:
            proc.end(self._child, STOP_STEPS)

    def _start_error(self) -> LocalError:
        log = self._folder.log(self.name)
        return LocalError(
            f"Expected {self.name} to start, was {self.report.last_exit}. The end of {log}:\n{last_lines(log)}\n"
            "Mend what it says, and start again."
        )
