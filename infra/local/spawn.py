"""Start children that die with us, whichever thread asked for them.

The kernel sends the parent-death signal when the parent's THREAD ends, not its process. So one thread that lives as
long as the process makes every child (`spawn`), and a caller's short-lived thread cannot take its children with it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True)
class User:
    """The user a child runs as: numeric uid and gid."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start.

    argv: the program (a path, or a name looked up on PATH) and its arguments.
    log: the file that standard output and error are appended to.
    env: added to our environment.
    death_signal: what the child gets when this process dies.
    """

    argv: Sequence[str]
    log: Path
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    death_signal: signal.Signals = signal.SIGKILL


_requests: SimpleQueue[tuple[Launch, Future[subprocess.Popen[bytes]]]] = SimpleQueue()
_starting = threading.Lock()
_thread: threading.Thread | None = None
_owner_pid = 0


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own and return it.

    Raises:
        OSError: the program does not exist, or the log cannot be written.
    """
    _ensure_thread()
    answer: Future[subprocess.Popen[bytes]] = Future()
    _requests.put((launch, answer))
    try:
        return answer.result()
    except (KeyboardInterrupt, SystemExit):
        # Ctrl-C or SIGTERM in the middle: the child may be there already, and nobody would ever know its pid.
        child = answer.result()
        child.kill()
        child.wait()
        raise


def run(launch: Launch) -> int:
    """Start a child, wait for its end and return its exit code; Ctrl-C meanwhile ends it, with its own children."""
    child = spawn(launch)
    try:
        return child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _ensure_thread() -> None:
    global _thread, _owner_pid, _requests  # noqa: PLW0603  one thread a process is the point of this module
    with _starting:
        if _thread is None or _owner_pid != os.getpid():  # a fork has no threads
            _requests = SimpleQueue()
            _thread = threading.Thread(target=_serve, args=(_requests,), name="novate-spawn", daemon=True)
            _owner_pid = os.getpid()
            _thread.start()


def _serve(requests: "SimpleQueue[tuple[Launch, Future[subprocess.Popen[bytes]]]]") -> None:
    while True:
        launch, answer = requests.get()
        try:
            answer.set_result(_start(launch))
        except BaseException as error:  # noqa: BLE001  handed to the caller, whose error it is
            answer.set_exception(error)


def _start(launch: Launch) -> subprocess.Popen[bytes]:
    program = shutil.which(launch.argv[0])
    if program is None:
        raise FileNotFoundError(f"Expected a program to run, was {launch.argv[0]}, which does not exist.")
    user = launch.user or User(-1, -1)
    numbers = [str(int(launch.death_signal)), str(user.uid), str(user.gid), str(os.getpid())]
    launch.log.parent.mkdir(parents=True, exist_ok=True)
    with launch.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), *numbers, program, *launch.argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=launch.cwd,
            env={**os.environ, **launch.env},  # passed on, never read
            start_new_session=True,
        )
