"""The feeds' journals in a folder: which of their records may be released, and the records that were."""

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from settlement.domain.dates import format_date
from settlement.domain.feed import SessionOpened
from streams.gateway.feeds import FeedBroken, FeedLine, FileFeed, parse_line
from streams.gateway.instructions import CONTROLS_FEED, FEED_NAME

BATCH: Final = 5_000  # records that one advance releases at most
AHEAD: Final = 4  # advances of a feed that are asked for and not yet read back, at most
LOOK_SECONDS: Final = 0.05  # between two looks at a feed that had nothing more
DISCOVER_SECONDS: Final = 0.5
MEND_SECONDS: Final = 5.0  # between two looks at a broken feed
ASK_AGAIN_SECONDS: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Journal:
    """One feed's journal.

    asked: number of the first record that we did not ask to release yet, -1 before the first.
    ahead: records that were read to be released, and will be applied when that is read back.
    held_until: business date that must be open before the record `asked` may be released, 0 without one.
    halted: why nothing more is read; empty while all is well.
    """

    name: str
    path: Path
    feed: FileFeed
    asked: int = -1
    asked_at: float = 0.0
    look_at: float = 0.0
    held_until: int = 0
    halted: str = ""
    available: int = -1
    ahead: deque[FeedLine] = field(default_factory=deque)

    @classmethod
    def at(cls, path: Path) -> "Journal":
        """Return the journal of a file, which need not exist yet."""
        return cls(path.stem, path, FileFeed(path))

    def release(self, next_seq: int, open_date: int, now: float) -> tuple[int, int] | None:
        """Return the next numbers (first, last) to release, at most a batch; None while there are none.

        next_seq: the number that the fold takes next, -1 for a feed it does not know.  open_date: 0 before the first.
        Nothing is released before a date is open, and no session before its date is.
        """
        self._catch_up(next_seq, now)
        if now < self.look_at or open_date == 0 or open_date < self.held_until:
            return None
        if self.ahead and (next_seq < 0 or self.asked - next_seq >= AHEAD * BATCH):
            return None  # what we asked for comes back first
        lines = self._read_next(now)
        allowed = self._allowed(lines, open_date)
        if len(lines) < BATCH:
            self.look_at = now + LOOK_SECONDS
        if not allowed:
            return None
        self.ahead.extend(allowed)
        self.asked, self.asked_at = allowed[-1].source_seq + 1, now
        return allowed[0].source_seq, allowed[-1].source_seq

    def lines(self, first: int, limit: int) -> list[FeedLine]:
        """Return up to `limit` lines from number `first`; fewer, or none, while the journal does not have them.

        Raises:
            FeedBroken: the journal lost or changed what it had.
        """
        ahead = self.ahead
        while ahead and ahead[0].source_seq < first:
            ahead.popleft()
        if ahead and ahead[0].source_seq == first:
            return [ahead.popleft() for _ in range(min(limit, len(ahead)))]
        try:
            return self.feed.read(first, limit)
        except FeedBroken:
            self.feed = FileFeed(self.path)  # a person may mend the file: look with new eyes
            raise

    def count(self) -> None:
        """Look how far the journal goes; for people."""
        try:
            last = self.feed.last_seq()
            self.available = -1 if last is None else last
        except FeedBroken as error:
            self._halt(error, time.monotonic())

    def waiting_for(self, open_date: int) -> str:
        """Return what a person must do before the feed goes on; empty while nothing."""
        if self.halted:
            return f"the feed {self.name} to be mended: {self.halted}"
        if self.held_until > open_date > 0:
            return f"cut of {format_date(open_date)} before the session of {format_date(self.held_until)}"
        return ""

    def _catch_up(self, next_seq: int, now: float) -> None:
        self.asked = max(self.asked, next_seq)
        if self.asked > next_seq and now - self.asked_at > ASK_AGAIN_SECONDS:
            log.warning("The advance of %s to %d did not come back: asking again", self.name, self.asked - 1)
            self.asked, self.asked_at = next_seq, now  # -1: from the first again
            self.ahead.clear()

    def _read_next(self, now: float) -> list[FeedLine]:
        try:
            first = self.asked if self.asked >= 0 else self.feed.first_seq()
            lines = [] if first is None else self.feed.read(first, BATCH)
        except FeedBroken as error:
            self._halt(error, now)
            return []
        if lines and self.halted:
            log.warning("The feed %s goes on", self.name)
            self.halted = ""
        return lines

    def _halt(self, error: FeedBroken, now: float) -> None:
        if not self.halted:
            log.error("ALARM: the feed %s is halted: %s", self.name, error)
        self.halted, self.look_at = str(error), now + MEND_SECONDS
        self.feed = FileFeed(self.path)

    def _allowed(self, lines: list[FeedLine], open_date: int) -> list[FeedLine]:
        self.held_until = 0
        for number, line in enumerate(lines):
            if b"session_open" in line.original:
                record = parse_line(line)
                if isinstance(record, SessionOpened) and record.business_date > open_date:
                    self.held_until = record.business_date
                    return lines[:number]
        return lines


class Journals:
    """The journals of a folder; new ones are found while we run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journals: dict[str, Journal] = {}
        self._discover_at = 0.0
        self._refused: set[str] = set()

    def __iter__(self) -> Iterator[Journal]:
        return iter(self._journals.values())

    def discover(self, now: float) -> None:
        """Find new journals, and look how far each goes."""
        if now < self._discover_at:
            return
        self._discover_at = now + DISCOVER_SECONDS
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.stem in self._journals or path.stem in self._refused:
                continue
            if not FEED_NAME.fullmatch(path.stem) or path.stem == CONTROLS_FEED:
                self._refused.add(path.stem)
                log.error("ALARM: Expected a feed's name of letters, digits, dots and dashes, was %s: not read", path)
                continue
            log.info("Found the feed %s", path.stem)
            self[path.stem]
        for journal in self:
            if not journal.halted:
                journal.count()

    def __getitem__(self, feed: str) -> Journal:
        found = self._journals.get(feed)
        if found is None:
            found = self._journals[feed] = Journal.at(self._folder / f"{feed}.jsonl")
        return found
