"""A feed read from a journal: a file of one record a line that grows.

The journal is the only truth about what was sent. A record's number is its `source_seq`; the first record's number is
the journal's base, and each further line is the next number. So a line that cannot be read still has a number (the
one its place implies), and a line that names another number proves that the journal is broken.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from streams.gateway.feed_fields import as_source_seq, loads

STRIDE = 256
"""Lines between two entries of the index: 16 bytes an entry, and a read skips at most this many lines."""

_LEADING_SEQ = re.compile(rb'\{"source_seq":(0|[1-9][0-9]{0,17}),')


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One line of a feed: its number, its bytes as they stand (without the newline), and where they stand."""

    source_seq: int
    original: bytes
    place: str


class Feed(Protocol):
    """Whatever can be read again from any sequence number."""

    def read(self, from_seq: int, limit: int) -> list[FeedLine]:
        """Return up to `limit` lines, contiguous from `from_seq`; an empty list when there is none yet."""
        ...


class FeedBroken(Exception):  # noqa: N818 - it states what is so, as the rest of the domain's errors do
    """A feed's numbers have a hole or repeat, or its journal lost what it had; only a person can mend that."""

    def __init__(self, *, place: str, expected: str, was: str) -> None:
        super().__init__(
            f"{place}: expected {expected}, was {was}. "
            "Restore the feed from its sender; nothing after this place is read."
        )
        self.place = place
        self.expected = expected
        self.was = was


class FileFeed:
    """A journal on disk, read through a sparse index from number to byte offset.

    The index is built as far as reads have reached, in memory. Each line is checked against its place once, when the
    index passes it; a break is remembered and raised when a read gets there, so all that stands before it is still
    delivered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first_seq: int | None = None
        self._lines = 0
        self._bytes = 0
        self._offsets: list[int] = []
        self._broken: FeedBroken | None = None

    def first_seq(self) -> int | None:
        """Return the number of the journal's first record, or None while it has none."""
        self._index(until_lines=1)
        return self._first_seq

    def last_seq(self) -> int | None:
        """Return the number of the last complete record that is sound, or None while there is none."""
        self._index(until_lines=None)
        return None if self._first_seq is None or self._lines == 0 else self._first_seq + self._lines - 1

    def read(self, from_seq: int, limit: int) -> list[FeedLine]:
        """Return up to `limit` complete lines from `from_seq` on; a half-written last line waits for its newline.

        Raises:
            FeedBroken: the line at `from_seq` has another number than its place implies, the journal begins after
                `from_seq`, or it
                is shorter than it was.
        """
        first = self.first_seq()
        if first is None or limit <= 0:
            return []
        if from_seq < first:
            raise FeedBroken(
                place=f"{self.path.name} line 1",
                expected=f"source_seq {from_seq}",
                was=f"{first}, where the journal begins",
            )
        start = from_seq - first
        self._index(until_lines=start + limit)
        if self._broken is not None and start >= self._lines:
            raise self._broken
        count = min(limit, self._lines - start)
        return self._lines_at(start, count, first) if count > 0 else []

    def _lines_at(self, start: int, count: int, first: int) -> list[FeedLine]:
        name = self.path.name
        with self.path.open("rb") as journal:
            self._require_not_shorter(journal)
            journal.seek(self._offsets[start // STRIDE])
            for _ in range(start % STRIDE):
                journal.readline()
            return [
                FeedLine(first + number, journal.readline()[:-1], f"{name} line {number + 1}")
                for number in range(start, start + count)
            ]

    def _index(self, *, until_lines: int | None) -> None:
        """Pass over new complete lines, at least up to `until_lines` if there are so many (None: to the end)."""
        if self._broken is not None or (until_lines is not None and self._lines >= until_lines):
            return
        try:
            journal = self.path.open("rb")
        except FileNotFoundError:
            if self._bytes:
                raise FeedBroken(place=str(self.path), expected=f"{self._bytes} bytes", was="no file") from None
            return
        with journal:
            self._require_not_shorter(journal)
            journal.seek(self._bytes)
            while until_lines is None or self._lines < until_lines:
                line = journal.readline()
                if not line.endswith(b"\n") or not self._pass(line):
                    return

    def _require_not_shorter(self, journal: BinaryIO) -> None:
        size = os.fstat(journal.fileno()).st_size
        if size < self._bytes:
            raise FeedBroken(
                place=self.path.name, expected=f"at least the {self._bytes} bytes read before", was=f"{size} bytes"
            )

    def _pass(self, line: bytes) -> bool:
        """Check one line's number against its place and count it; False when it breaks the feed."""
        if self._first_seq is None:
            # A journal whose very first line cannot be read begins at 1, as every sender of ours does.
            found = source_seq_of(line)
            self._first_seq = 1 if found is None else found
        expected = self._first_seq + self._lines
        leading = _LEADING_SEQ.match(line)
        if leading is None or int(leading[1]) != expected:
            found = source_seq_of(line)
            if found is not None and found != expected:
                place = f"{self.path.name} line {self._lines + 1}"
                self._broken = FeedBroken(place=place, expected=f"source_seq {expected}", was=str(found))
                return False
        if self._lines % STRIDE == 0:
            self._offsets.append(self._bytes)
        self._lines += 1
        self._bytes += len(line)
        return True


def source_seq_of(line: bytes) -> int | None:
    """Return the number that a journal's line names, or None when the line or its number cannot be read."""
    try:
        value = loads(line)
    except ValueError:
        return None
    return as_source_seq(value.get("source_seq")) if isinstance(value, dict) else None
