"""A file on its way through the gateway: spooled, taken, and what was rejected of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.local.process import Endpoints
from settlement.cli.operate_platform import read_heartbeat
from settlement.cli.output import say
from settlement.cli.refusals import CommandError
from settlement.wire import codec
from streams.gateway.feeds import NotAFeedFile, SpoolResult, spool
from streams.gateway.instructions import CONTROLS_FEED, FEED_NAME
from streams.gateway.source_rows import SourceRows
from streams.log import LogReader

STILL_SECONDS: Final = 60
"""How long the gateway may stand still before we say so; a restart of it or of the broker takes a fraction."""
WAITS_SECONDS: Final = 3
"""How long it may say that it waits for a person before we believe it."""
LOOK_SECONDS: Final = 0.1
TELL_SECONDS: Final = 5
_CHUNK: Final = 50_000
REJECTIONS: Final = "rejections"
Json = dict[str, Any]


def check_file(path: Path, feed: str) -> None:
    """Refuse a file that cannot be fed, or a feed that cannot be called so, before anything is started.

    Raises:
        CommandError: the feed's name cannot be one.
        NotAFeedFile: there is no such file, or its header is not ours.
    """
    if not FEED_NAME.fullmatch(feed) or feed == CONTROLS_FEED:
        raise CommandError(
            f"Expected a feed's name of letters, digits, dots, dashes and underscores, was {feed!r}. Use --feed NAME."
        )
    if path.is_dir():
        raise NotAFeedFile(f"Expected a file to read at {path}, was a folder.")
    next(iter(SourceRows(path)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of a file's rows.

    accepted, rejected: of the rows that are new.  skipped: rows that the feed had; rejected_before: those of them that
    stand rejected.  waiting_line: of a last line without its newline.  rejections: rows of `--json`, old ones too.
    """

    file: str
    feed: str
    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    rejected_before: int = 0
    waiting_line: int | None = None
    rejections: list[Json] = field(default_factory=list)

    @classmethod
    def of(cls, endpoints: Endpoints, path: Path, result: SpoolResult) -> Ingested:
        """Wait until the gateway has taken the rows of a spooled file, and read what it rejected.

        Raises:
            CommandError: the gateway does not take them.
        """
        waiting = None if result.waiting is None else result.waiting.line
        if result.last_seq is None:
            return cls(file=path.name, feed=result.feed, waiting_line=waiting)
        await_taken(endpoints.data, result.feed, result.last_seq)
        first_new = result.last_seq - result.appended + 1
        found = rejections(endpoints.kafka, result.feed, result.first_seq or 0, result.last_seq, first_new)
        rejected = sum(not one["before"] for one in found)
        return cls(
            file=path.name, feed=result.feed, accepted=result.appended - rejected, rejected=rejected,
            skipped=result.skipped, rejected_before=len(found) - rejected, waiting_line=waiting, rejections=found,
        )  # fmt: skip

    @property
    def document(self) -> Json:
        """The answer as `--json` prints it."""
        names = ("file", "feed", "accepted", "rejected", "skipped", "rejected_before", "waiting_line", "rejections")
        return {name: getattr(self, name) for name in names}

    @property
    def text(self) -> str:
        """The counts in a sentence."""
        before = f" ({self.rejected_before} of them stand rejected)" if self.rejected_before else ""
        skipped = f", {self.skipped} skipped that were there before{before}" if self.skipped else ""
        return f"{self.file} into feed {self.feed}: {self.accepted} accepted, {self.rejected} rejected{skipped}."


def take(endpoints: Endpoints, path: Path, feed: str) -> Ingested:
    """Append a file's rows to its feed, wait until the gateway has taken them, and return what became of them.

    Raises:
        SpoolError: a row stops the file; those before it are in the feed, as its `result` tells.
        CommandError: the gateway does not take them.
    """
    return Ingested.of(endpoints, path, spool(path, feed, endpoints.data / "feeds"))


def await_taken(data: Path, feed: str, last_seq: int) -> None:
    """Wait until the gateway has taken a feed up to a number, and the broker has what came of it.

    Raises:
        CommandError: the feed is halted, waits for a person, or the gateway stands still.
    """
    reached, moved_at, told_at = -1, time.monotonic(), time.monotonic()
    while True:
        state, now = read_heartbeat(data, "gateway"), time.monotonic()
        at = state.get("feeds", {}).get(feed, {})
        next_seq = at.get("next_seq", -1)
        if next_seq > last_seq and not state.get("unacknowledged", 0):
            return
        if next_seq != reached:
            reached, moved_at = next_seq, now
        _refuse_standstill(feed, last_seq, at, state, now - moved_at)
        if now - told_at > TELL_SECONDS:
            told_at = now
            say(f"The gateway has taken {feed} up to {max(next_seq - 1, 0):,} of {last_seq:,}")
        time.sleep(LOOK_SECONDS)


def _refuse_standstill(feed: str, last_seq: int, at: Json, state: Json, still_seconds: float) -> None:
    later = "What was appended stays in the feed and is taken then."
    if at.get("halted") and still_seconds > WAITS_SECONDS:
        raise CommandError(f"Expected the gateway to take {feed}, was halted: {at['halted']} {later}")
    if state.get("waiting_for") and still_seconds > WAITS_SECONDS:
        raise CommandError(
            f"Expected the gateway to take {feed} up to {last_seq}, it waits for: {state['waiting_for']}. {later}"
        )
    if still_seconds > STILL_SECONDS:
        raise CommandError(
            f"Expected the gateway to take {feed} up to {last_seq}, stood still for {STILL_SECONDS} s. "
            f"See novate status. {later}"
        )


def rejections(bootstrap: str, feed: str, first_seq: int, last_seq: int, first_new: int) -> list[Json]:
    """Return the rejections of a feed from one number to another, by number; `before`: it was so before this run."""
    found: dict[int, Json] = {}
    with LogReader(bootstrap) as log:
        low, high = log.bounds(REJECTIONS, 0)
        for start in range(low, high, _CHUNK):
            for value in log.read(REJECTIONS, 0, start, min(start + _CHUNK, high)).values():
                name, record = codec.decode(value)
                if name == "rejection" and record["feed"] == feed and first_seq <= record["source_seq"] <= last_seq:
                    found.setdefault(record["source_seq"], _rejection(record, first_new))
    return [found[seq] for seq in sorted(found)]


def _rejection(record: Json, first_new: int) -> Json:
    file, line_word, line = record["place"].rpartition(" line ")
    return {
        "source_seq": record["source_seq"], "file": file if line_word else record["place"],
        "line": int(line) if line_word and line.isdecimal() else None, "code": record["code"], "rule": record["rule"],
        "message": record["message"], "original": record["original"].decode("utf-8", "backslashreplace"),
        "before": record["source_seq"] < first_new,
    }  # fmt: skip
