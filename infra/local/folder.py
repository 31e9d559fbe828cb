"""The data folder of one platform: its marker, its lock, and where each thing lies."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import LocalError

MARKER = "novate-data.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that belongs to one platform; `open_folder` makes or checks it."""

    path: Path

    @property
    def run(self) -> Path:
        """Where pid files, heartbeats, exit notes and the status lie."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.path / "logs"

    @property
    def lock(self) -> Path:
        """The file that the platform locks; it names the process."""
        return self.path / "lock"

    @property
    def status(self) -> Path:
        """What runs, as JSON, written anew each second."""
        return self.run / "status.json"

    def pid_file(self, name: str) -> Path:
        """Who a child is, for the next run to reap."""
        return self.run / f"{name}.pid"

    def heartbeat(self, name: str) -> Path:
        """Where a process says that it lives and how far it is."""
        return self.run / f"{name}.heartbeat"

    def exit_note(self, name: str) -> Path:
        """Where a process that gives up says at which place, and why."""
        return self.run / f"{name}.died"

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.logs / f"{name}.log"


def open_folder(path: Path) -> DataFolder:
    """Make the folder ours when it is new or empty, and check that it is ours when not.

    Raises:
        LocalError: it holds something else, another format, or cannot be written.
    """
    folder = DataFolder(path.expanduser().absolute())
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder.path / MARKER).exists():
            _mark(folder)
        _check_format(folder)
        folder.run.mkdir(exist_ok=True)
        folder.logs.mkdir(exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"Expected to write in the data folder {folder.path}, was refused: {error.strerror}. "
            "Make it writable, or choose another: NOVATE_DATA."
        ) from error
    return folder


def purge(path: Path) -> None:
    """Remove the data folder and everything in it, the ledger included; a folder that is not there is fine.

    Raises:
        LocalError: it is not ours.
    """
    folder = DataFolder(path.expanduser().absolute())
    if not folder.path.exists():
        return
    if not (folder.path / MARKER).is_file():
        raise LocalError(
            f"Expected a data folder of Novate, was {folder.path} without the file {MARKER}. "
            "Nothing was removed; remove it yourself if you are sure."
        )
    _remove_socket(folder)
    shutil.rmtree(folder.path)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new, never half."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


def _mark(folder: DataFolder) -> None:
    others = [entry.name for entry in folder.path.iterdir() if entry.name not in {"feeds", "run", "logs", "lock"}]
    if others:
        raise LocalError(
            f"Expected an empty folder or one of Novate, was {folder.path} with {', '.join(others[:3])} in it. "
            "Choose another: NOVATE_DATA."
        )
    write_atomically(folder.path / MARKER, json.dumps({"format": FORMAT}))


def _check_format(folder: DataFolder) -> None:
    text = (folder.path / MARKER).read_text()
    try:
        found = json.loads(text)["format"]
    except (ValueError, KeyError, TypeError):
        found = text[:40]
    if found != FORMAT:
        raise LocalError(
            f"Expected the data folder {folder.path} in format {FORMAT}, was {found}. "
            "Use the version of Novate that made it, or choose another folder: NOVATE_DATA."
        )


def _remove_socket(folder: DataFolder) -> None:
    """Remove the database's socket folder that a killed platform left in /tmp."""
    note = folder.run / "postgres.socket"
    named = note.read_text() if note.exists() else ""
    if re.fullmatch(r"/tmp/novate-\w+", named):  # noqa: S108  the folder that mkdtemp made
        shutil.rmtree(named, ignore_errors=True)
