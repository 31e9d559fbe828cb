"""Which processes live: by pid and start time, because a pid alone is soon somebody else's."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.02


def started_at(pid: int) -> str | None:
    """Return when a living process started, as text to compare; None when it is gone or a zombie."""
    if sys.platform != "linux":
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return answer.stdout.strip() or None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{_boot_id()}/{fields[19]}"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int, started: str) -> bool:
    """Tell whether this very process still lives."""
    return started_at(pid) == started


def running_in(folder: Path, program: str) -> list[int]:
    """Return the pids of processes of that program whose working folder is this one; none where /proc is missing."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another user's
            inside = (entry / "cwd").samefile(folder)
            if inside and (entry / "exe").readlink().name.removesuffix(" (deleted)") == program:
                found.append(int(entry.name))
    return found


def send(pid: int, what: signal.Signals) -> None:
    """Send a signal; a process that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def send_group(pid: int, what: signal.Signals) -> None:
    """Send a signal to the process group that this process leads; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, what)


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Wait until it happened; False when it did not within the time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(child: "subprocess.Popen[bytes]", steps: "list[tuple[signal.Signals, float]]") -> None:
    """Stop a child by one signal after the other, each with its seconds to act; SIGKILL to its group comes last."""
    for what, seconds in steps:
        if child.poll() is not None:
            break
        send(child.pid, what)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    send_group(child.pid, signal.SIGKILL)
    child.wait()


def exit_text(code: int | None) -> str:
    """Return how a process ended, for people."""
    if code is None:
        return "not started"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
