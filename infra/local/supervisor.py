"""The platform on one machine: broker, database and our processes, started in order, kept running, stopped in reverse.

    with Platform(data, processes=lambda endpoints: [...], say=print) as platform:
        platform.run_until_stopped()

Every child dies with this process, by whatever signal it ends (Linux: the kernel sees to it; elsewhere the next start
reaps what is left). One platform a data folder, held by a lock.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from infra.local.errors import LocalError
from infra.local.external import check_database, check_kafka
from infra.local.folder import DataFolder, open_folder
from infra.local.folder_lock import FolderLock
from infra.local.kafka import Kafka
from infra.local.postgres import Postgres
from infra.local.process import Endpoints, Process, Processes
from infra.local.status import PlatformStatus, ThingStatus, now, without_password, write_status
from infra.local.watch import Watch, reap
from infra.local.watch_part import Part, PartWatch
from infra.local.watch_process import ProcessWatch

STATUS_SECONDS = 1.0


def _quiet(_text: str) -> None:
    """Say nothing."""


class Platform:
    """Everything that runs on one data folder, as a context manager; `start` and `stop` for those who need both."""

    def __init__(
        self,
        data: Path,
        processes: Processes = (),
        *,
        kafka: str | None = None,
        database_url: str | None = None,
        cache: Path | None = None,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        """Name the data folder and the processes (or who makes them from the addresses). Nothing starts yet.

        kafka, database_url: yours instead of the embedded ones. cache: the folder of downloads (see infra.local.cache).
        """
        self._data = data
        self._processes = processes
        self._given_kafka, self._given_database = kafka, database_url
        self._say = say
        self._folder = DataFolder(data.expanduser().absolute())
        self._lock = FolderLock(self._folder.lock)
        self._postgres = Postgres(self._folder.path) if database_url is None else None
        self._kafka = Kafka(self._folder.path, cache, say) if kafka is None else None
        self._watches: list[Watch] = []
        self._state, self._started_at = "starting", now()
        self._news, self._finished = threading.Event(), threading.Event()
        self._asked_to_stop = threading.Event()
        self._writer: threading.Thread | None = None
        self._last_endpoints: Endpoints | None = None
        self._terminated: object = None

    @property
    def endpoints(self) -> Endpoints:
        """Where broker and database are."""
        kafka = self._kafka.bootstrap if self._kafka is not None else str(self._given_kafka)
        database = self._postgres.dsn if self._postgres is not None else str(self._given_database)
        return Endpoints(kafka=kafka, database=database, data=self._folder.path)

    def pids(self) -> dict[str, int]:
        """Return the pid of everything that runs now, by name."""
        return {watch.name: pid for watch in self._watches if (pid := watch.report.pid) is not None}

    def status(self) -> PlatformStatus:
        """Return what the status file says."""
        kafka, database = self._addresses()
        return PlatformStatus(
            state=self._state, pid=os.getpid(), started_at=self._started_at, written_at=now(),
            kafka=kafka, kafka_embedded=self._kafka is not None,
            database=database, database_embedded=self._postgres is not None,
            things={watch.name: _thing(watch) for watch in self._watches},
        )  # fmt: skip

    def start(self) -> None:
        """Start everything in order, each when the one before is ready.

        Raises:
            LocalError: another platform uses the folder, or something does not start; all of it is stopped again.
        """
        self._folder = open_folder(self._data)
        self._lock.take(
            f"the data folder {self._folder.path}", "Stop that platform (novate down), or choose another: NOVATE_DATA."
        )
        try:
            self._catch_terminate()
            for name in reap(self._folder):
                self._say(f"Ended {name}, which an earlier run left behind")
            self._writer = threading.Thread(target=self._write_status, name="novate-status", daemon=True)
            self._writer.start()
            self._start_parts()
            self._start_processes()
            self._state = "running"
            self._news.set()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, in the reverse order of the start, and give the folder back."""
        self._state = "stopping"
        self._news.set()
        for watch in self._watches:
            watch.ask_to_stop()
        for watch in reversed(self._watches):
            self._say(f"Stopping {watch.name}")
            watch.stop()
        self._finished.set()
        self._news.set()
        if self._writer is not None:
            self._writer.join()
        self._folder.status.unlink(missing_ok=True)
        self._lock.release()
        self._restore_terminate()

    def run_until_stopped(self) -> None:
        """Return when Ctrl-C or SIGTERM asks for it, or another thread calls `ask_to_stop`."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, lambda _number, _frame: self._asked_to_stop.set())
        try:
            while not self._asked_to_stop.wait(1.0):  # a wait without end would not see signals everywhere
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def ask_to_stop(self) -> None:
        """Make `run_until_stopped` return."""
        self._asked_to_stop.set()

    def __enter__(self) -> Self:
        """Start everything."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    def _start_parts(self) -> None:
        parts: list[tuple[str, Part | None]] = [("postgres", self._postgres), ("kafka", self._kafka)]
        for name, part in parts:
            if part is not None:
                self._say(f"Starting {name}")
                self._start_one(PartWatch(name, part, self._folder, self._news.set, self._follow_addresses))
        if self._given_database is not None:
            check_database(self._given_database)
        if self._given_kafka is not None:
            check_kafka(self._given_kafka)
        self._last_endpoints = self.endpoints

    def _start_processes(self) -> None:
        processes = self._made_processes()
        names = [process.name for process in processes]
        if len({"postgres", "kafka", *names}) != len(names) + 2:
            raise LocalError(f"Expected each process to have a name of its own, was {names}. Rename one.")
        for process in processes:
            self._say(f"Starting {process.name}")
            self._start_one(ProcessWatch(process, self._folder, self._news.set, self._are_parts_up))

    def _start_one(self, watch: Watch) -> None:
        self._watches.append(watch)
        watch.start()
        if watch.report.alarm is not None:
            self._say(watch.report.alarm)

    def _made_processes(self) -> Sequence[Process]:
        return self._processes(self.endpoints) if callable(self._processes) else self._processes

    def _are_parts_up(self) -> bool:
        return all(watch.up.is_set() for watch in self._watches if isinstance(watch, PartWatch))

    def _follow_addresses(self) -> None:
        """Give the processes the new address when the broker came back on another port."""
        if self.endpoints == self._last_endpoints:
            return
        self._last_endpoints = self.endpoints
        made = {process.name: process for process in self._made_processes()}
        for watch in self._watches:
            if isinstance(watch, ProcessWatch) and watch.name in made:
                watch.replace(made[watch.name])

    def _addresses(self) -> tuple[str | None, str | None]:
        try:
            endpoints = self.endpoints
        except LocalError:  # not started yet
            return None, None
        shown = self._postgres.dsn_without_password if self._postgres else without_password(endpoints.database)
        return endpoints.kafka, shown

    def _write_status(self) -> None:
        while not self._finished.is_set():
            self._news.wait(STATUS_SECONDS)
            self._news.clear()
            try:
                write_status(self._folder, self.status())
            except OSError as error:  # a full disk must not end the supervisor
                sys.stderr.write(f"The status could not be written: {error}\n")

    def _catch_terminate(self) -> None:
        """While we start or stop, SIGTERM ends us like an exception does, so that everything is stopped."""
        if threading.current_thread() is threading.main_thread():
            self._terminated = signal.signal(signal.SIGTERM, _exit_on_terminate)

    def _restore_terminate(self) -> None:
        if self._terminated is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._terminated)  # type: ignore[arg-type]
            self._terminated = None


def _exit_on_terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _thing(watch: Watch) -> ThingStatus:
    report = watch.report
    return ThingStatus(
        pid=report.pid, state=report.state.value, restarts=report.restarts, since=report.since,
        last_exit=report.last_exit, alarm=report.alarm, parked=list(report.parked),
        heartbeat_age=report.heartbeat_age, cursors=dict(report.cursors),
        told=list(report.told),
    )  # fmt: skip
