"""The gateway: applies controls in their order, and between them the feeds as far as controls release them."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from confluent_kafka import Message

from settlement.domain.rejection import Code, Rejection
from settlement.folds.gateway import Step
from streams.exits import Exits
from streams.gateway.control_log import ControlLog
from streams.gateway.controls import CONTROLS, encode_control
from streams.gateway.feeds import FeedBroken, FeedLine, as_sent, parse_line
from streams.gateway.instructions import CONTROLS_FEED, Advance, Instruction, Malformed, read_control
from streams.gateway.journals import Journal, Journals
from streams.gateway.lanes import OUTCOMES, REJECTIONS, DiffersError, Place, sha256
from streams.gateway.patience import patiently
from streams.gateway.pulse import Heart
from streams.gateway.recovery import Recovered, Recovery, place_name
from streams.gateway.sending import Sending
from streams.gateway.snapshots import Snapshot, SnapshotFiles
from streams.topics import ensure

LINES_A_STEP: Final = 500  # records between two signs of life
SNAPSHOT_RECORDS: Final = 200_000
SNAPSHOT_SHARE_MAX: Final = 0.05  # of the gateway's time goes to snapshots at most
MISSING_SECONDS: Final = 0.25  # between two looks for released records that the journal does not have
LOOK_AT_LOG_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a gateway is told.

    feeds: folder of the journals.  data: the platform's folder.  prefix: stands before the name of every topic.
    snapshot_seconds: between two snapshots.
    """

    bootstrap: str
    partitions: int
    feeds: Path
    data: Path
    name: str
    prefix: str = ""
    snapshot_seconds: float = 5.0


class Gateway:
    """One gateway; any number of them may run, and write the same bytes."""

    def __init__(self, options: Options, exits: Exits) -> None:
        self._options, self._exits = options, exits
        self._state: dict[str, Any] = {}  # what the heartbeat says; replaced whole, so the thread sees no half of it
        run = options.data / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._heart = Heart(run / f"{options.name}.heartbeat", lambda: self._state)
        patiently(lambda: ensure(options.bootstrap, options.partitions, prefix=options.prefix), tick=self._heart.tick)
        self._files = SnapshotFiles(options.data / "gateway" / options.name)
        self._files.tidy()
        self._recovery = Recovery(options.bootstrap, options.prefix, options.partitions, exits, self._heart.tick)
        recovered = patiently(lambda: self._recovery.recover(self._files), tick=self._heart.tick)
        self._fold, self._controls, self._refused = recovered.fold, recovered.controls, recovered.refused
        self._sending = self._open_sending(recovered)
        self._journals = Journals(options.feeds)
        self._log = ControlLog(
            options.bootstrap, options.prefix, options.name, self._controls.offset, exits, self._heart.tick
        )
        self._taken, self._rejected = 0, 0
        self._missing = ""
        self._show_at = self._look_at_log_at = 0.0
        self._watched = 0
        self._snapshot_at = time.monotonic() + options.snapshot_seconds
        self._snapshot_offset, self._snapshot_taken = self._controls.offset, 0

    def run(self) -> NoReturn:
        """Work until the process is ended; nothing has to be flushed then."""
        while True:
            self._release()
            messages = self._log.poll(self._controls.offset)
            for message in messages:
                self._apply(message)
            self._sending.poll()
            self._tick()
            self._snapshot_if_due()
            if not messages:
                self._look_at_log()

    # -- what the feeds have

    def _release(self) -> None:
        now = time.monotonic()
        self._journals.discover(now)
        open_date = self._open_date()
        for journal in self._journals:
            released = journal.release(self._next_seq(journal), open_date, now)
            if released is None:
                continue
            first, last = released
            control_id = f"advance/{journal.name}/{last}"
            payload = {"feed": journal.name, "from": first, "to": last}
            value = encode_control("advance", payload, control_id=control_id, requested_by=self._options.name)
            self._sending.control(CONTROLS, control_id, value)

    def _next_seq(self, journal: Journal) -> int:
        session = self._fold.state.feeds.get(journal.name)
        return -1 if session is None else session.next_seq

    def _open_date(self) -> int:
        return self._fold.state.open.date if self._fold.state.open else 0

    # -- what the controls say

    def _apply(self, message: Message) -> None:
        offset, value = message.offset() or 0, message.value() or b""
        try:
            match read_control(value):
                case Advance() as advance:
                    self._advance(advance)
                case Instruction(control):
                    self._instruct(offset, value, control)
                case Malformed() as malformed:
                    rejection = Rejection(code=Code.MALFORMED, message=malformed.message)
                    self._reject_control(offset, value, malformed.control_id, rejection)
                    self._answer(offset, "", malformed.kind, rejection, repeated=False)
        except DiffersError as error:
            self._exits.die(f"{CONTROLS}-0@{offset}", str(error))
        self._controls = Place(0, offset + 1, sha256(value))
        self._taken += 1

    def _instruct(self, offset: int, value: bytes, control: dict[str, Any]) -> None:
        control_id = control["control_id"]
        known = control_id in self._fold.state.controls
        step = self._fold.control(control)
        self._emit(step)
        if step.rejection is not None:
            self._reject_control(offset, value, control_id, step.rejection)
        self._answer(offset, control_id, control["kind"], step.rejection, repeated=known and step.rejection is None)

    def _advance(self, advance: Advance) -> None:
        numbers = self._fold.advance(advance.control)
        journal, at = self._journals[advance.feed], numbers.start
        while at < numbers.stop:
            for line in self._lines(journal, at, numbers.stop):
                self._report(journal.name, line)
                at = line.source_seq + 1
            self._tick()
        self._missing = ""

    def _lines(self, journal: Journal, first: int, stop: int) -> list[FeedLine]:
        """Return the next released lines; while the journal does not have them, wait: nothing may overtake them."""
        limit = min(LINES_A_STEP, stop - first)
        while True:
            why = f"its journal {journal.path} ends before"
            try:
                lines = journal.lines(first, limit)
                if lines:
                    self._missing = ""
                    return lines
            except FeedBroken as error:
                why = str(error)
            missing = f"records {first} to {stop - 1} of the feed {journal.name}, which were released: {why}"
            if missing != self._missing:
                log.error("ALARM: waiting for %s", missing)
            self._missing = missing
            self._sending.poll()
            self._tick()
            time.sleep(MISSING_SECONDS)

    def _report(self, feed: str, line: FeedLine) -> None:
        step = self._fold.report(feed, parse_line(line))
        self._emit(step)
        self._taken += 1
        if step.rejection is not None:
            sent = as_sent(line)
            self._reject(feed, line.source_seq, step.rejection, place=sent.place, original=sent.original)

    # -- what comes of it

    def _emit(self, step: Step) -> None:
        for emission in step.emissions:
            self._sending.emit(emission)

    def _reject_control(self, offset: int, value: bytes, control_id: str, rejection: Rejection) -> None:
        place = f"{CONTROLS_FEED} {offset}"
        self._reject(CONTROLS_FEED, offset, rejection, place=place, original=value, control_id=control_id)

    def _reject(self, feed: str, source_seq: int, why: Rejection, **where: Any) -> None:  # noqa: ANN401  fields of the record
        self._rejected += 1
        record = {
            "feed": feed, "source_seq": source_seq, "business_date": self._open_date(), "code": why.code.value,
            "rule": why.rule, "message": why.message, "control_id": "", **where,
        }  # fmt: skip
        self._sending.note(REJECTIONS, feed, "rejection", record)

    def _answer(self, offset: int, control_id: str, kind: str, why: Rejection | None, *, repeated: bool) -> None:
        record = {
            "control_id": control_id, "control_seq": offset, "kind": kind, "accepted": why is None and not repeated,
            "repeated": repeated, "business_date": self._open_date(), "code": why.code.value if why else "",
            "rule": why.rule if why else "", "message": why.message if why else "",
        }  # fmt: skip
        self._sending.note(OUTCOMES, control_id, "outcome", record)

    # -- what is kept and shown

    def _open_sending(self, recovered: Recovered) -> Sending:
        sending = Sending(self._options.bootstrap, self._options.prefix, self._exits, self._tick)
        sending.lanes, sending.notes = recovered.lanes, recovered.notes
        return sending

    def _snapshot_if_due(self) -> None:
        began, moved = time.monotonic(), self._controls.offset > self._snapshot_offset
        many = self._taken - self._snapshot_taken >= SNAPSHOT_RECORDS
        if not moved or (began < self._snapshot_at and not many):
            return
        self._sending.settle()
        places = {place_name(topic, partition): lane.place for (topic, partition), lane in self._sending.lanes.items()}
        places |= {place_name(topic, 0): note.place for topic, note in self._sending.notes.items()}
        state = self._fold.snapshot()
        self._files.write(Snapshot(self._recovery.cluster_id, self._controls, places, state))
        now = time.monotonic()
        self._snapshot_at = now + max(self._options.snapshot_seconds, (now - began) / SNAPSHOT_SHARE_MAX)
        self._snapshot_offset, self._snapshot_taken = self._controls.offset, self._taken

    def _look_at_log(self) -> None:
        """Look whether the broker still has what it acknowledged, one partition after the other, while idle."""
        now = time.monotonic()
        if now < self._look_at_log_at:
            return
        self._look_at_log_at = now + LOOK_AT_LOG_SECONDS
        places = sorted(self._sending.lanes)
        topic, partition = places[self._watched % len(places)]
        self._watched += 1
        high = self._log.end_of(topic, partition)
        acknowledged = self._sending.acknowledged_end(topic, partition)
        if high is not None and high < acknowledged:
            self._exits.die(
                f"{topic}-{partition}@{high}",
                f"Expected the log to hold the {acknowledged} records that the broker acknowledged, was {high}. The "
                "restart writes the rest again.",
            )

    def _tick(self) -> None:
        self._heart.tick()
        now = time.monotonic()
        if now >= self._show_at:
            self._show_at = now + 0.2
            self._state = self._shown()

    def _shown(self) -> dict[str, Any]:
        open_date = self._open_date()
        feeds = {
            journal.name: {"next_seq": self._next_seq(journal), "available": journal.available}
            | ({"halted": journal.halted} if journal.halted else {})
            for journal in self._journals
        }
        cursor = self._controls.offset
        end = max(self._log.end(), cursor)
        return {
            # While released records are missing no kill helps: then no cursor is shown to stand still.
            "cursors": {} if self._missing else {f"{CONTROLS}-0": {"cursor": cursor, "end": end}},
            "feeds": feeds,
            "open_date": open_date,
            "waiting_for": self._waiting_for(open_date),
            "written": self._sending.written,
            "unacknowledged": self._sending.waiting,
            "rejected": self._rejected,
            "refused_snapshots": self._refused,
        }

    def _waiting_for(self, open_date: int) -> str:
        if self._missing:
            return self._missing
        if not open_date:
            return "the first business date (novate day open DATE)"
        return "; ".join(filter(None, (journal.waiting_for(open_date) for journal in self._journals)))
