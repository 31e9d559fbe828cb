"""The supervisor with real processes, beside a broker and a database that run already."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.local import heartbeat, proc
from infra.local.errors import LocalError
from infra.local.process import Process
from infra.local.status import read_status, running_endpoints
from infra.local.supervisor import Platform
from infra.local.watch import State
from tests.local.conftest import Parts

CHILD = Path(__file__).with_name("child.py")

Start = Callable[..., Platform]


@pytest.fixture
def start(tmp_path: Path, parts: Parts) -> Iterator[Start]:
    """Return a function that starts a platform with one process per (name=mode), and stops it after the test."""
    with ExitStack() as stack:

        def started(arguments: tuple[str, ...] = (), **modes: str) -> Platform:
            processes = [_process(tmp_path, name, mode, arguments) for name, mode in modes.items()]
            platform = Platform(tmp_path, processes, kafka=parts.kafka, database_url=parts.database)
            return stack.enter_context(platform)

        yield started


def _process(data: Path, name: str, mode: str, arguments: tuple[str, ...]) -> Process:
    beats = str(data / "run" / f"{name}.heartbeat")
    return Process(name=name, argv=[sys.executable, "-S", str(CHILD), beats, mode, *arguments])


def _comes_back(platform: Platform, name: str, old: int, seconds: float) -> bool:
    def is_back() -> bool:
        return platform.pids().get(name, old) != old and platform.status().things[name].state == State.RUNNING

    return proc.wait_until(is_back, seconds)


def test_a_killed_process_is_back_at_once_and_its_neighbour_undisturbed(start: Start) -> None:
    """After kill -9 the first restart waits for nothing, and nobody else notices."""
    platform = start(worker="well", gateway="well")
    before = platform.pids()
    os.kill(before["worker"], signal.SIGKILL)
    assert _comes_back(platform, "worker", before["worker"], 3)
    assert platform.pids()["gateway"] == before["gateway"]
    status = platform.status().things["worker"]
    assert (status.restarts, status.last_exit) == (1, "signal SIGKILL")


def test_a_frozen_process_is_killed_after_three_seconds(start: Start) -> None:
    """A process that stands still sends no heartbeat: it is killed and started again."""
    platform = start(worker="well")
    frozen = platform.pids()["worker"]
    os.kill(frozen, signal.SIGSTOP)
    assert _comes_back(platform, "worker", frozen, 15)
    assert "heartbeat stood still" in (platform.status().things["worker"].last_exit or "")
    assert proc.started_at(frozen) is None


def test_a_cursor_that_stands_still_is_killed_and_parked_at_the_third_time(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that beats but does not move is killed; three times at one place, it is parked and raises the alarm."""
    monkeypatch.setattr(heartbeat, "STALL_SECONDS", 0.5)
    platform = start(worker="stuck")
    assert proc.wait_until(lambda: platform.status().things["worker"].state == State.PARKED, 30)
    status = platform.status().things["worker"]
    assert status.parked == ["fills-2@5"]
    assert "worker is parked: it died 3 times at fills-2@5" in (status.alarm or "")
    assert "worker" not in platform.pids()


def test_a_poisoned_partition_is_parked_and_the_others_go_on(start: Start) -> None:
    """The process is started again without the partition that killed it three times; the alarm stays."""
    platform = start(("--partitions", "0-2"), worker="poisoned")
    assert proc.wait_until(lambda: bool(platform.status().things["worker"].parked), 30)
    assert proc.wait_until(lambda: platform.status().things["worker"].state == State.RUNNING, 10)
    pid = platform.pids()["worker"]
    assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2] == b"0,2"
    status = platform.status()
    assert status.things["worker"].parked == ["fills-1@7"]
    assert "partition 1 of worker is parked" in status.alarms[0]


def test_a_process_with_one_place_left_is_parked_whole(start: Start) -> None:
    """A process that was told one partition only, or none, is parked itself; its neighbour runs on."""
    platform = start(worker="poisoned-alone", gateway="well")
    assert proc.wait_until(lambda: platform.status().things["worker"].state == State.PARKED, 30)
    assert platform.status().things["gateway"].state == State.RUNNING


def test_a_process_that_does_not_start_ends_the_start_with_its_log(start: Start, tmp_path: Path) -> None:
    """When a process dies three times before it is ready, the start fails, quotes its log, leaves nothing."""
    with pytest.raises(LocalError, match=r"(?s)Expected bad to start, was exit code 1.*no such topic: fills"):
        start(gateway="well", bad="broken")
    assert read_status(tmp_path).state == "stopped"
    assert not list((tmp_path / "run").glob("*.pid"))


def test_a_program_that_does_not_exist_is_named(tmp_path: Path, parts: Parts) -> None:
    """A command that cannot be run is an error that names it."""
    process = Process(name="worker", argv=["/no/such/program"])
    platform = Platform(tmp_path, [process], kafka=parts.kafka, database_url=parts.database)
    with pytest.raises(FileNotFoundError, match="/no/such/program"):
        platform.start()


def test_a_second_platform_on_the_folder_is_refused(start: Start, tmp_path: Path, parts: Parts) -> None:
    """One platform a folder: the second names the first one's process and what to do, and disturbs nothing."""
    first = start(worker="well")
    second = Platform(tmp_path, kafka=parts.kafka, database_url=parts.database)
    with pytest.raises(LocalError, match=rf"in use by process {os.getpid()}\. Stop that platform \(novate down\)"):
        second.start()
    assert first.status().things["worker"].state == State.RUNNING
    assert proc.wait_until(lambda: read_status(tmp_path).state == "running", 5)


def test_the_status_tells_other_shells_where_everything_is_but_no_password(
    start: Start, tmp_path: Path, parts: Parts
) -> None:
    """The status file has pids, states and addresses; the password of a given database stays out of it."""
    platform = start(worker="well")
    assert proc.wait_until(lambda: read_status(tmp_path).things.get("worker") is not None, 5)
    assert proc.wait_until(lambda: read_status(tmp_path).state == "running", 5)
    status = read_status(tmp_path)
    assert status.pid == os.getpid()
    assert status.things["worker"].pid == platform.pids()["worker"]
    assert (status.kafka, status.kafka_embedded) == (parts.kafka, False)
    password = parts.database.partition("novate:")[2].partition("@")[0]
    assert password not in (tmp_path / "run" / "status.json").read_text()
    assert running_endpoints(tmp_path, parts.database).database == parts.database


def test_stopping_ends_everything_in_reverse_order(tmp_path: Path, parts: Parts) -> None:
    """A stop ends the last started first, leaves no process, no pid file and no status."""
    said: list[str] = []
    processes = [_process(tmp_path, name, "well", ()) for name in ("first", "second")]
    with Platform(tmp_path, processes, kafka=parts.kafka, database_url=parts.database, say=said.append) as platform:
        pids = platform.pids()
    assert said == ["Starting first", "Starting second", "Stopping second", "Stopping first"]
    assert all(proc.started_at(pid) is None for pid in pids.values())
    assert not list((tmp_path / "run").glob("*.pid"))
    assert read_status(tmp_path).state == "stopped"
    with pytest.raises(LocalError, match="Expected a platform running"):
        running_endpoints(tmp_path)


def test_a_broker_or_database_that_does_not_answer_is_told_at_the_start(tmp_path: Path, parts: Parts) -> None:
    """A wrong NOVATE_DATABASE_URL ends the start with what to correct, and shows no password."""
    platform = Platform(tmp_path, kafka=parts.kafka, database_url="postgresql://a:secret@127.0.0.1:9/b")
    with pytest.raises(LocalError, match="Correct it, or unset it") as caught:
        platform.start()
    assert "secret" not in str(caught.value)
