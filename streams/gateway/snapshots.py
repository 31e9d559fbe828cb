"""Snapshots of the gateway's fold as files: `<data>/gateway/<name>/<number>.snapshot`.

Files, and no topic: they stand beside the feeds' journals, which a gateway cannot do without anyway; one rename makes
them whole or absent at any `kill -9`, and two fsyncs at any power cut; nothing expires or is compacted, and a restart
needs no broker to find them. A snapshot is a hint and never the truth: one that does not fit the log is refused with an
alarm, and an older one, or everything from the log's beginning, takes its place.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from streams.gateway.lanes import Place, sha256

KEPT: Final = 4
FORMAT: Final = 1
_STALE_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class RefusedError(ValueError):
    """A snapshot is not sound; the text says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fold's state behind the control before `controls`, and what the log proved to have then.

    controls: the cursor.  places: of every partition and of the topics of notes, by `fills-2` or `rejections-0`.
    """

    cluster_id: str
    controls: Place
    places: dict[str, Place]
    state: bytes


class SnapshotFiles:
    """The snapshots of one gateway."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._half = folder / f"{os.getpid()}.half"
        self._next = 0

    def newest_first(self) -> Iterator[tuple[Path, Snapshot | RefusedError]]:
        """Yield every snapshot, or why it cannot be read."""
        for path in reversed(self._paths()):
            try:
                yield path, _read(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                yield path, RefusedError(f"Expected a whole snapshot, was {type(error).__name__}: {error}")

    def write(self, snapshot: Snapshot) -> Path:
        """Write a snapshot durably and forget all but the newest few."""
        self._folder.mkdir(parents=True, exist_ok=True)
        paths = self._paths()
        self._next = max(self._next, 1 + max((int(path.stem) for path in paths), default=0))
        path = self._folder / f"{self._next:012}.snapshot"
        with self._half.open("wb") as half:
            half.write(_head(snapshot))
            half.write(snapshot.state)
            half.flush()
            os.fsync(half.fileno())
        self._half.replace(path)
        _sync(self._folder)
        self._next += 1
        for old in self._paths()[:-KEPT]:
            old.unlink(missing_ok=True)
        return path

    def tidy(self) -> None:
        """Remove what killed writers left half written."""
        for half in self._folder.glob("*.half"):
            try:
                if time.time() - half.stat().st_mtime > _STALE_SECONDS:
                    half.unlink()
            except FileNotFoundError:
                continue  # another gateway of that name was quicker

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.snapshot") if path.stem.isdecimal())


def _head(snapshot: Snapshot) -> bytes:
    head: dict[str, Any] = {
        "format": FORMAT,
        "cluster_id": snapshot.cluster_id,
        "controls": asdict(snapshot.controls),
        "places": {name: asdict(place) for name, place in sorted(snapshot.places.items())},
        "state_bytes": len(snapshot.state),
        "state_sha256": sha256(snapshot.state),
    }
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return sha256(text).encode() + b" " + text + b"\n"


def _read(path: Path) -> Snapshot:
    line, _, state = path.read_bytes().partition(b"\n")
    proof, _, text = line.partition(b" ")
    if proof.decode() != sha256(text):
        raise RefusedError("Expected a head with its hash, was altered or cut off.")
    head = json.loads(text)
    if head["format"] != FORMAT:
        raise RefusedError(f"Expected format {FORMAT}, was {head['format']}.")
    if len(state) != head["state_bytes"] or sha256(state) != head["state_sha256"]:
        raise RefusedError(f"Expected {head['state_bytes']} bytes with their hash, was {len(state)} bytes, altered.")
    places = {name: Place(**place) for name, place in head["places"].items()}
    return Snapshot(head["cluster_id"], Place(**head["controls"]), places, state)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
