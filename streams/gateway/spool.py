"""How a person's file becomes a feed: each row, as it was written, appended once to the feed's journal.

Identity is (feed, source_seq). What the journal already has with the same text is skipped, so a file can be sent
again after any crash, and after it grew. A row that cannot be read still occupies the next place: the gateway rejects
it with its original, and nothing is lost.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from streams.gateway.feed_fields import FieldError, loads, shown
from streams.gateway.feed_lines import row_fields, row_source_seq
from streams.gateway.file_feed import FeedLine, FileFeed
from streams.gateway.source_rows import NotAFeedFile, Row, SourceRows

_FEED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_READ_AHEAD_LINES = 1_000
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True)
class SpoolResult:
    """What became of a file's rows.

    appended, skipped: rows that are new in the journal; rows that it had already, with the same text.
    first_seq, last_seq: the numbers that this file's rows stand under, None for a file without rows.
    waiting: the half-written last line; it is read when its newline is there.
    """

    feed: str
    journal: Path
    appended: int = 0
    skipped: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    waiting: Row | None = None


class FeedBusy(Exception):  # noqa: N818 - it states what is so
    """Another process is writing the feed; nothing was taken."""


class SpoolError(Exception):
    """A row stops its file; what stands before it was taken, as `result` tells, and nothing from it on."""

    def __init__(self, message: str, result: SpoolResult) -> None:
        super().__init__(message)
        self.result = result


class SequenceReused(SpoolError):  # noqa: N818 - it states what is so
    """A number that the feed has came again with another text (SEQUENCE_REUSED)."""


class SequenceGap(SpoolError):  # noqa: N818 - it states what is so
    """A number is not the next one (SEQUENCE_GAP)."""


def spool(path: Path, feed: str, folder: Path) -> SpoolResult:
    """Append the rows of the file at `path` to `folder/<feed>.jsonl`, durably, and return what became of them.

    Raises:
        NotAFeedFile: the file's header or encoding, or the feed's name, is not one of ours.
        FeedBusy: another process is writing the feed.
        SequenceReused, SequenceGap: a row stops the file; both carry the result so far, which is durable.
        FeedBroken: the journal itself is broken.
    """
    if not _FEED_NAME.fullmatch(feed):
        raise NotAFeedFile(
            "Expected a feed's name of letters, digits, dots, dashes and underscores, "
            f"was {shown(feed)}. Use --feed NAME."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{feed}.jsonl") as journal:
        return _Spooler(path, feed, folder / f"{feed}.jsonl", journal).run()


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a journal for its only writer, and leave it durable.

    A half record that a killed writer left at the end was never read, and is cut off.
    """
    with path.open("ab+") as journal:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeedBusy(
                f"Expected to be the only writer of {path}, was another at work. Try again when it is done."
            ) from None
        size = journal.seek(0, os.SEEK_END)
        end = _end_of_last_line(journal, size)
        if end < size:
            journal.truncate(end)
        try:
            yield journal
        finally:
            journal.flush()
            os.fsync(journal.fileno())
            _sync_folder(path.parent)


def _end_of_last_line(journal: BinaryIO, size: int) -> int:
    position, block = size, 65_536
    while position > 0:
        start = max(0, position - block)
        journal.seek(start)
        newline = journal.read(position - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable, not only its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Spooler:
    """One file on its way into one journal."""

    def __init__(self, path: Path, feed: str, journal_path: Path, journal: BinaryIO) -> None:
        self._rows = SourceRows(path)
        self._journal = journal
        self._reader = FileFeed(journal_path)
        self._ahead: dict[int, FeedLine] = {}
        self._first = self._reader.first_seq()
        last = self._reader.last_seq()
        self._next = None if last is None else last + 1
        if self._next is not None:
            self._reader.read(self._next, 1)  # raises FeedBroken for a journal with a hole
        self._result = SpoolResult(feed=feed, journal=journal_path)

    def run(self) -> SpoolResult:
        """Place every row: under the number it names, or, where that cannot be read, after the row before it."""
        leading: list[Row] = []
        place: int | None = None
        for row in self._rows:
            named = _source_seq(row)
            if place is None:
                if named is None:
                    leading.append(row)
                    continue
                place = self._place_leading(leading, named - len(leading))
            place = place if named is None else named
            self._put(place, row)
            place += 1
        if place is None and leading:
            self._place_leading(leading, self._place_of_unnumbered(leading[0]))
        self._result.waiting = self._rows.waiting
        return self._result

    def _place_leading(self, rows: list[Row], start: int) -> int:
        """Place rows without a readable number before the first one that has it."""
        if start < 0:
            raise SequenceGap(
                f"{self._where(rows[0])}: expected source_seq 0 or more, was {start} by its place.", self._result
            )
        for offset, row in enumerate(rows):
            self._put(start + offset, row)
        return start + len(rows)

    def _place_of_unnumbered(self, row: Row) -> int:
        """Return where a file without any readable number begins: at its first row in the journal, else at the end."""
        if self._next is None or self._first is None:
            return 1
        for seq in range(self._first, self._next):
            fields = self._fields_at(seq)
            if (fields.get("file"), fields.get("line"), fields.get("text")) == (
                self._rows.path.name,
                row.line,
                row.text,
            ):
                return seq
        return self._next

    def _put(self, seq: int, row: Row) -> None:
        if self._first is not None and self._next is not None:
            if self._first <= seq < self._next:
                self._require_same(seq, row)
                self._count(seq, appended=False)
                return
            if seq != self._next:
                raise SequenceGap(self._gap_text(seq, row), self._result)
        record = {"source_seq": seq, "type": "text", "file": self._rows.path.name, "line": row.line, "text": row.text}
        self._journal.write(_ENCODE(record).encode("ascii") + b"\n")
        self._first = seq if self._first is None else self._first
        self._next = seq + 1
        self._count(seq, appended=True)

    def _count(self, seq: int, *, appended: bool) -> None:
        result = self._result
        result.appended += appended
        result.skipped += not appended
        result.first_seq = seq if result.first_seq is None else min(seq, result.first_seq)
        result.last_seq = seq if result.last_seq is None else max(seq, result.last_seq)

    def _require_same(self, seq: int, row: Row) -> None:
        had = self._fields_at(seq).get("text")
        if had != row.text:
            raise SequenceReused(
                f"{self._where(row)}: expected source_seq {seq} to carry what feed {self._result.feed} has under it, "
                f"{shown(had)}, was {shown(row.text)}. "
                f"A number is used once: give a new trade the next free number, {self._next}; "
                "correct an old one with `novate bust`. Nothing from this line on was taken.",
                self._result,
            )

    def _gap_text(self, seq: int, row: Row) -> str:
        where = self._where(row)
        if self._first is not None and seq < self._first:
            return (
                f"{where}: expected source_seq {self._first} or more, where feed {self._result.feed} begins, was {seq}."
            )
        missing = f"{self._next}" if seq - 1 == self._next else f"{self._next} to {seq - 1}"
        what_to_do = f"Send {missing} first. Nothing from this line on was taken."
        return f"{where}: expected source_seq {self._next}, was {seq}. {what_to_do}"

    def _fields_at(self, seq: int) -> dict[str, object]:
        """Return the journal's record of a number; {} for one that cannot be read."""
        if seq not in self._ahead:
            self._journal.flush()
            self._ahead = {line.source_seq: line for line in self._reader.read(seq, _READ_AHEAD_LINES)}
        try:
            fields = loads(self._ahead[seq].original)
        except ValueError:
            return {}
        return fields if isinstance(fields, dict) else {}

    def _where(self, row: Row) -> str:
        return f"{self._rows.path.name} line {row.line}"


def _source_seq(row: Row) -> int | None:
    """Return the number that a row names; of CSV the first column counts, whatever the rest of the row is worth."""
    if not row.text.lstrip().startswith("{"):
        return row_source_seq({"source_seq": row.text.split(",", 1)[0].strip().strip('"')})
    try:
        return row_source_seq(row_fields(row.text))
    except FieldError:
        return None
