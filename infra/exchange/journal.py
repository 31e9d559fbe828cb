"""Appending a session to a feed's journal so that a kill at any moment costs nothing."""

import fcntl
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_SYNC_EVERY_BYTES: Final = 4 << 20


class JournalDiffers(Exception):  # noqa: N818 - it states what is so
    """The journal does not hold what this exchange wrote: another seed, another size, or another writer."""


class JournalBusy(Exception):  # noqa: N818 - it states what is so
    """Another process is writing the journal."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """A session's lines in the journal: first and last number, how many were there already and how many are new."""

    first_seq: int
    last_seq: int
    kept: int
    appended: int


def append(path: Path, first_seq: int, lines: Iterable[bytes], pace: Callable[[], None] | None = None) -> WriteResult:
    """Append lines after the `first_seq - 1` lines before them; return when they are on disk.

    What stands there already must be a beginning of the same bytes, even of half a line, and is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as journal:
        _lock(journal, path)
        journal.seek(_offset_of_line(journal, path, first_seq))
        kept, new = 0, 0
        remaining = iter(lines)
        for line in remaining:
            had = journal.read(len(line))
            if had != line[: len(had)]:
                raise JournalDiffers(_differs(path, first_seq + kept, line, had))
            if len(had) < len(line):
                journal.write(line[len(had) :])
                new = 1
                break
            kept += 1
        new += _write(journal, remaining, pace)
        journal.flush()
        os.fsync(journal.fileno())
    _sync_folder(path.parent)
    return WriteResult(first_seq, first_seq + kept + new - 1, kept, new)


def _write(journal: BinaryIO, lines: Iterable[bytes], pace: Callable[[], None] | None) -> int:
    count = unsynced = 0
    for line in lines:
        if pace is not None:
            journal.flush()
            pace()
        journal.write(line)
        count += 1
        unsynced += len(line)
        if unsynced >= _SYNC_EVERY_BYTES:
            journal.flush()
            os.fsync(journal.fileno())
            unsynced = 0
    return count


def _lock(journal: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalBusy(f"Expected to be the only writer of {path}, was another at work. Stop it first.") from None


def _offset_of_line(journal: BinaryIO, path: Path, number: int) -> int:
    """Return where line `number` (from 1) begins."""
    journal.seek(0)
    lines = offset = 0
    while lines < number - 1:
        block = journal.read(1 << 20)
        if not block:
            raise JournalDiffers(
                f"{path}: expected the {number - 1} records of the sessions before, was {lines}. Write those first."
            )
        found = block.count(b"\n")
        if lines + found < number - 1:
            lines += found
            offset += len(block)
            continue
        position = -1
        while lines < number - 1:
            position = block.index(b"\n", position + 1)
            lines += 1
        offset += position + 1
    return offset


def _differs(path: Path, seq: int, expected: bytes, was: bytes) -> str:
    return (
        f"{path} line {seq}: expected {expected[:120]!r}, was {was[:120]!r}. "
        "The journal is of another seed, size or first date: give those, or another path."
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
