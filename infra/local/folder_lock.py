"""One process at a time in a folder: a file lock that the kernel drops when its holder dies, however it dies."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from infra.local import proc
from infra.local.errors import LocalError


class FolderLock:
    """A lock file that names its holder; `take` it before touching the folder, `release` it last."""

    def __init__(self, path: Path) -> None:
        """Name the lock file; nothing is opened yet."""
        self._path = path
        self._file: IO[str] | None = None

    def take(self, what: str, advice: str) -> None:
        """Take the lock, and write who we are into the file.

        Raises:
            LocalError: somebody holds it; the text names the process, and ends with the advice.
        """
        if not self.try_take():
            pid = holder(self._path)
            who = f"process {pid}" if pid else "another process"
            raise LocalError(f"Expected {what} to be free, was in use by {who}. {advice}")

    def try_take(self) -> bool:
        """Take the lock when it is free; tell whether we have it now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "started": proc.started_at(os.getpid())}))
        file.flush()
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back; the file stays, so that nobody locks one that is being removed."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def holder(path: Path) -> int | None:
    """Return the pid of the living process that the lock file names; None when there is none."""
    try:
        named = json.loads(path.read_text())
        pid, started = int(named["pid"]), str(named["started"])
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return pid if proc.is_alive(pid, started) else None
