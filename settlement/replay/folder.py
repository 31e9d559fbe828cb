r"""A copy of the log in a folder: one file a topic and partition, each record with its offset, length and CRC-32.

    fills-2.log:    b"NOVATE LOG 1\n", then for each record: offset (8 bytes), length (4), CRC-32 (4), value
    manifest.json:  of which cluster, how many partitions, and of each file its records and SHA-256

All numbers are big endian and unsigned. The CRC is of offset, length and value: it names the very record that was
altered. The manifest tells of a cut-off end.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from settlement.replay.source import TOPICS, Source
from settlement.run.breach import Breach, BreachError
from settlement.run.fills_log import Run

MAGIC: Final = b"NOVATE LOG 1\n"
MANIFEST: Final = "manifest.json"
_PLACE: Final = struct.Struct(">QI")
_CRC: Final = struct.Struct(">I")
_RUN: Final = 20_000


class FolderError(ValueError):
    """A folder is no copy of a log, or cannot take one."""


def dump(source: Source, folder: Path) -> int:
    """Copy a log into a new or empty folder, and return how many records.

    Raises:
        FolderError: something lies there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderError(f"Expected an empty folder, was {folder} with files in it. Choose another.")
    partitions = source.partitions()
    names = [f"{topic}-{partition}.log" for topic in TOPICS for partition in range(partitions)]
    counts = dict.fromkeys(names, 0)
    files = {name: (folder / name).open("wb") for name in names}
    try:
        for file in files.values():
            file.write(MAGIC)
        for run in source.runs():
            name = f"{run.topic}-{run.partition}.log"
            counts[name] += len(run.values)
            files[name].writelines(_framed(run))
    finally:
        for file in files.values():
            file.close()
    told = {name: {"records": count, "sha256": _sha256(folder / name)} for name, count in counts.items()}
    manifest = {"cluster_id": source.cluster_id(), "partitions": partitions, "files": told}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
    return sum(counts.values())


class FolderSource:
    """A copy as `dump` wrote it."""

    def __init__(self, folder: Path) -> None:
        """Name the folder.

        Raises:
            FolderError: it is no such copy.
        """
        self._folder = folder
        try:
            self._manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
            self._count, self._cluster_id = int(self._manifest["partitions"]), str(self._manifest["cluster_id"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(
                f"Expected a copy of a log (novate replay --dump {folder}), was none: {error}."
            ) from error

    def partitions(self) -> int:
        """Return the number of partitions of `fills`."""
        return self._count

    def cluster_id(self) -> str:
        """Return the id of the cluster that was copied."""
        return self._cluster_id

    def runs(self) -> Iterator[Run]:
        """Yield every record of the copy.

        Raises:
            BreachError: a record was altered, or a file ends before its end.
        """
        for topic in TOPICS:
            for partition in range(self._count):
                yield from self._file(topic, partition)

    def _file(self, topic: str, partition: int) -> Iterator[Run]:
        path = self._folder / f"{topic}-{partition}.log"
        told = self._manifest["files"][path.name]
        if not path.exists():
            raise _damaged(path.name, "a file", "none")
        records = 0
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise _damaged(path.name, f"a file that begins with {MAGIC.decode().strip()}", "another")
            while values := list(_records(file, path.name, _RUN)):
                records += len(values)
                yield Run(
                    topic=topic, partition=partition, offsets=[o for o, _ in values], values=[v for _, v in values]
                )
        if records != told["records"]:
            raise _damaged(path.name, f"{told['records']} records", f"{records}")


def _records(file: BinaryIO, name: str, limit: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(limit):
        at = file.tell()
        head = file.read(_PLACE.size + _CRC.size)
        if not head:
            return
        if len(head) < _PLACE.size + _CRC.size:
            raise _damaged(f"{name} byte {at}", "a record", "a cut-off end")
        offset, length = _PLACE.unpack_from(head)
        value = file.read(length)
        if len(value) < length or _CRC.unpack_from(head, _PLACE.size)[0] != _crc(head[: _PLACE.size], value):
            place = f"{name.removesuffix('.log')}@{offset} (byte {at})"
            raise _damaged(place, "the record as it was copied (CRC-32)", "altered or cut off")
        yield offset, value


def _framed(run: Run) -> Iterator[bytes]:
    for offset, value in zip(run.offsets, run.values, strict=True):
        place = _PLACE.pack(offset, len(value))
        yield place + _CRC.pack(_crc(place, value)) + value


def _crc(place: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(place))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(place: str, expected: str, was: str) -> BreachError:
    message = f"The log's copy at {place}: Expected {expected}, was {was}. Copy the log again and compare."
    return BreachError([Breach(rule="LOG_COPY", message=message)])
