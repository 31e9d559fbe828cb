"""Ends a platform from another shell: `novate down`, with `purge` its data too."""

import signal
from pathlib import Path

from infra.local import proc
from infra.local.errors import LocalError
from infra.local.folder import MARKER, DataFolder, purge
from infra.local.folder_lock import FolderLock, holder
from infra.local.watch import reap

STOP_SECONDS = 90


def down(data: Path, *, purge_data: bool = False) -> bool:
    """Stop the platform of a data folder, end what a killed one left, and tell whether one ran.

    purge_data: then remove the folder, the ledger and the log included.

    Raises:
        LocalError: it does not stop in time, or the folder is not ours.
    """
    folder = DataFolder(data.expanduser().absolute())
    if not (folder.path / MARKER).is_file():
        if purge_data:
            purge(folder.path)  # says why not
        return False
    lock = FolderLock(folder.lock)
    pid = holder(folder.lock)
    if pid is not None:
        proc.send(pid, signal.SIGTERM)
    if not proc.wait_until(lock.try_take, STOP_SECONDS):
        raise LocalError(
            f"Expected the platform (process {pid}) to stop within {STOP_SECONDS} s, was still running. "
            f"Its logs are in {folder.logs}; end it with: kill -9 {pid}"
        )
    try:
        reap(folder)
        if purge_data:
            purge(folder.path)
    finally:
        lock.release()
    return pid is not None
