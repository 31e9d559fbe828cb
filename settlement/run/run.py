"""The settlement run: cycle by cycle in the log's order, check everything, post it in one transaction, announce it.

A breach halts the run before anything of its cycle is posted. Everything is computed from the log, so a run that was
killed anywhere begins again, and finds what is posted unchanged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from settlement.domain.margin import CycleKey
from settlement.domain.payment_state import BANK
from settlement.ledger import queries
from settlement.ledger.errors import LedgerRefused, NotReplicated, OutboxStalled, PostedDifferently
from settlement.ledger.model import Generation, Outcome, PartitionMark
from settlement.ledger.outbox import OutboxRelay
from settlement.ledger.poster import open_generation, post_durably
from settlement.ledger.session import as_poster
from settlement.run.breach import Breach, BreachError, Place
from settlement.run.check import check_results
from settlement.run.collect import Collector
from settlement.run.engine import Engine
from settlement.run.posting import Announce, posting_of

REPAIR_SECONDS: Final = 20
"""How long a log that ends before the ledger's marks is waited for: a gateway writes a lost tail again."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where cycles are posted and what follows.

    connect: opens a connection in autocommit mode.  relay: makes an outbox relay; None publishes nothing.
    announce: further rows for the outbox.
    posted: called after each posting, also of one that was posted before (statements).
    """

    connect: Callable[[], Connection[Any]]
    relay: Callable[[], OutboxRelay] | None = None
    announce: Announce | None = None
    posted: Callable[[Engine, CycleKey], None] | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a cycle."""

    cycle: CycleKey
    outcome: Outcome
    lines: int
    payments: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        what = "posted" if self.outcome is Outcome.POSTED else "posted before, unchanged"
        return f"{self.cycle}: {what}, {self.lines} lines, {self.payments} payments"


class SettlementRun:
    """Settles what the log holds and the ledger does not."""

    def __init__(
        self, collector: Collector, ledger: Ledger, *, every: bool = False, repair_seconds: int = REPAIR_SECONDS
    ) -> None:
        """Begin with nothing read.

        every: begin with the first cycle; otherwise with the last one posted, whose marks vouch for all before it.
        """
        self._collector, self._ledger = collector, ledger
        self._every, self._repair_seconds = every, repair_seconds
        self._done: int | None = None
        self._sound: set[CycleKey] = set()
        self._relay: OutboxRelay | None = None
        self._announced = False
        self.waiting: str = ""
        self.cycle: CycleKey | None = None

    def start(self) -> None:
        """Read the log to its end, and hold it against the ledger's marks.

        Raises:
            BreachError: the ledger is ahead of the log, or stands on another one (LEDGER_AHEAD).
        """
        reader = self._collector.reader
        while not reader.caught_up:
            self._collector.collect()
        with self._ledger.connect() as conn:
            generation = Generation(partitions=len(self._collector.partitions), cluster_id=reader.cluster_id)
            open_generation(conn, generation)
            with as_poster(conn):
                posted, marks = queries.cycles(conn), queries.marks(conn)
        self._await_marks(marks)
        for mark in marks:
            if self._collector.fills.hash_at(mark.partition, mark.stream_seq) != mark.rolling_sha256:
                raise _ledger_ahead(mark, "another log up to there")
        self._done = 0 if self._every else max(len(posted) - 1, 0)

    def step(self) -> Iterator[Settled]:
        """Read on for a moment and settle every cycle that is complete.

        Raises:
            BreachError: a cycle must not be posted; nothing of it is.
        """
        news = self._collector.collect()
        if self._done is None:
            self.start()
            news = True
        if news:
            yield from self._settle()
        self._publish()

    def settle_all(self) -> list[Settled]:
        """Settle every cycle that is complete in the log as it stands, and return what became of each.

        `waiting` then says what the next cycle waits for, if there is one.
        """
        self.start()
        settled = list(self._settle())
        self._publish()
        return settled

    def _settle(self) -> Iterator[Settled]:
        cycles = self._collector.engine.entries()
        done = self._done or 0
        for self.cycle in cycles[done:]:
            if not self._complete(self.cycle):
                return
            yield self._post(self.cycle)
            done += 1
            self._done = done
        self.cycle, self.waiting = None, ""

    def _complete(self, cycle: CycleKey) -> bool:
        """Check the log up to a cycle's prices as soon as they are there, and its results when all of them are."""
        engine = self._collector.engine
        if cycle.kind == BANK:  # no fold has a say in it
            return True
        if cycle not in self._sound:
            _raise(engine.breaches(cycle))
            self._sound.add(cycle)
        missing = self._collector.results.missing(cycle, self._collector.partitions)
        if missing:
            self.waiting = f"{cycle} waits for the results of partitions {', '.join(map(str, missing))}"
            return False
        _raise(check_results(engine, cycle, self._collector.results.of(cycle)))
        return True

    def _post(self, cycle: CycleKey) -> Settled:
        ledger = self._ledger
        posting = posting_of(
            self._collector.engine, self._collector.fills, cycle, announce=ledger.announce, prefix=ledger.prefix
        )
        try:
            outcome = post_durably(ledger.connect, posting)
        except (PostedDifferently, LedgerRefused, NotReplicated) as error:
            raise BreachError([Breach(rule=type(error).__name__, message=str(error))]) from error
        self._announced = False
        if ledger.posted is not None and cycle.kind != BANK:
            ledger.posted(self._collector.engine, cycle)
        return Settled(cycle=cycle, outcome=outcome, lines=len(posting.lines), payments=len(posting.payments))

    def _publish(self) -> None:
        """Announce what is posted; a broker that is away is asked again at the next step."""
        if self._ledger.relay is None or self._announced:
            return
        try:
            self._relay = self._relay or self._ledger.relay()
            with self._ledger.connect() as conn:
                self._relay.publish(conn)
            self._announced = True
        except OutboxStalled as error:
            log.warning("%s", error)
            if self._relay is not None:
                self._relay.close()
            self._relay = None

    def _await_marks(self, marks: list[PartitionMark]) -> None:
        until = time.monotonic() + self._repair_seconds
        fills = self._collector.fills
        while short := [mark for mark in marks if fills.next_seq(mark.partition) <= mark.stream_seq]:
            if time.monotonic() > until:
                raise _ledger_ahead(short[0], f"its end at {fills.next_seq(short[0].partition)}")
            self._collector.collect()


def _raise(breaches: list[Breach]) -> None:
    if breaches:
        raise BreachError(breaches)


def _ledger_ahead(mark: PartitionMark, was: str) -> BreachError:
    message = (
        f"Expected partition {mark.partition} of the log to hold stream_seq {mark.stream_seq} as it was posted, "
        f"was {was}. "
        "The log was rolled back or belongs to another ledger: bring back the log that was posted from."
    )
    found = Breach(rule="LEDGER_AHEAD", message=message, stream_seqs=(Place(mark.partition, mark.stream_seq),))
    return BreachError([found])
