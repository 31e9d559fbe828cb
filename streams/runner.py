"""Hosts the folds of one worker: restore, apply, send results, snapshot. No Faust here, and no money.

Everything that touches a fold runs in one thread, in order, so folds need no locks and the event loop stays free to
send heartbeats. Results leave through the ordered outbox.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn

from settlement.folds.fold import Fold, Output
from streams.batch import Batch
from streams.exits import Exits
from streams.log import ANSWER_SECONDS, LogReader
from streams.outbox import Outbox, Record
from streams.shard import FoldFailedError, Shard
from streams.snapshots import Frozen, LastResult, Snapshots, sha256
from streams.topics import SNAPSHOT_RETENTION_BYTES, partition_in, verify

# The snapshots topic is shared by three folds and, while a worker is replaced, by two workers of each. Written no
# faster than this, and an idle partition's again every minute, a partition's retention (a quarter of a gigabyte) lasts
# some 200 s: no fold's newest snapshots are pushed out by another's.
SNAPSHOT_BYTES_A_SECOND = 400_000
REFRESH_SECONDS = 60.0
SETS_MIN = 4
VIEW_SHARE_MAX = 0.1  # of the fold's thread goes to live views at most

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker hosts.

    topic: the folded topic, without prefix.  results: the topic of its acknowledged results.
    prefix: stands before the name of every topic.
    snapshot_seconds, snapshot_records: a snapshot is taken when either has passed since the last one.
    """

    kind: type[Fold]
    topic: str
    results: str
    partitions: tuple[int, ...]
    prefix: str = ""
    snapshot_seconds: float = 5.0
    snapshot_records: int = 1_000_000


@dataclass(slots=True)
class _Pace:
    """When a shard's next snapshot may and must be taken, in monotonic seconds."""

    at: float
    not_before: float
    cursor: int
    taken: int = 0
    sending: bool = False


class Runner:
    """Folds batches of the partitions it was given, and keeps their snapshots."""

    def __init__(self, work: Work, bootstrap: str, exits: Exits) -> None:
        self.work = work
        self.shards: dict[int, Shard] = {}
        self._bootstrap, self._exits = bootstrap, exits
        self._outbox = Outbox(bootstrap, exits)
        self._snapshots: Snapshots | None = None
        self._paces: dict[int, _Pace] = {}
        self._next_view = 0.0
        self._thread = ThreadPoolExecutor(1, "fold")
        self.on_parked: Callable[[int], None] = lambda _partition: None

    @property
    def refused_snapshots(self) -> int:
        """How many snapshots were refused; anything but 0 is an alarm."""
        return self._snapshots.refused if self._snapshots else 0

    @property
    def lost_views(self) -> int:
        """How many live views could not be sent."""
        return self._outbox.lost_views

    def restore(self) -> dict[int, int]:
        """Verify the topics, restore every fold and return the offset to read each partition from; blocks.

        Raises:
            TopicsError: the topics are not as the platform needs them.
            KafkaException: the broker does not answer in time.
        """
        work, suspect = self.work, self._exits.suspect()
        verify(self._bootstrap, prefix=work.prefix, timeout_seconds=ANSWER_SECONDS)
        with LogReader(self._bootstrap) as reader:
            self._snapshots = Snapshots(
                work.kind, topic=work.topic, results=work.results, prefix=work.prefix, cluster_id=reader.cluster_id
            )
            shards = {}
            for partition in work.partitions:
                shard = Shard.of(f"{work.topic}-{partition}", partition, self._snapshots.restore(reader, partition))
                if suspect[0] == shard.name:
                    shard.careful_until = suspect[1]
                now = time.monotonic()
                self._paces[partition] = _Pace(now, now, shard.cursor)
                shards[partition] = shard
        self.shards = shards
        return {partition: shard.cursor for partition, shard in shards.items()}

    async def take(self, batch: Batch) -> None:
        """Fold a batch; returns when its results are on their way."""
        await self._in_thread(self._take, batch)

    async def show(self) -> None:
        """Send what changed for live views, unless that would take too much of the folds' time."""
        await self._in_thread(self._show)

    async def snapshot_due(self) -> None:
        """Snapshot the partitions whose time has come, idle ones too."""
        await self._in_thread(self._snapshot_due)

    async def _in_thread(self, call: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401  passed on as they are
        await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, call, *arguments)

    # -- the fold's thread

    def _guarded(self, call: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401  passed on as they are
        try:
            call(*arguments)
        except BaseException as error:  # noqa: BLE001  Faust would acknowledge the event and go on
            self._exits.die_of(f"{self.work.topic}@runner", error)

    def _take(self, batch: Batch) -> None:
        shard = self.shards[batch.partition]
        was_parked = shard.parked is not None
        try:
            outputs = shard.take(batch)
        except FoldFailedError as error:
            self._fold_failed(shard, error)
        if outputs:
            records = self._records(shard, outputs)
            self._outbox.submit(lambda: self._send(shard, records))
        if shard.parked is not None and not was_parked:
            self.on_parked(batch.partition)
        self._snapshot_if_due(shard)

    def _fold_failed(self, shard: Shard, error: FoldFailedError) -> NoReturn:
        self._exits.die_of(f"{shard.name}@{error.first}", error.__cause__ or error, until=error.after)

    def _show(self) -> None:
        began = time.monotonic()
        if began < self._next_view or self._outbox.is_busy:
            return
        for shard in self.shards.values():
            self._outbox.show(self._records(shard, shard.fold.live()))
        now = time.monotonic()
        self._next_view = now + (now - began) * (1 / VIEW_SHARE_MAX - 1)

    def _records(self, shard: Shard, outputs: Sequence[Output]) -> list[Record]:
        prefix, partition = self.work.prefix, shard.partition
        return [
            Record(prefix + output.topic, partition_in(output.topic, partition), output.key.encode(), output.value)
            for output in outputs
        ]

    def _snapshot_due(self) -> None:
        for shard in self.shards.values():
            self._snapshot_if_due(shard)

    def _snapshot_if_due(self, shard: Shard) -> None:
        pace, now, work = self._paces[shard.partition], time.monotonic(), self.work
        waited, moved = now - pace.at, shard.cursor != pace.cursor
        due = moved and (waited >= work.snapshot_seconds or shard.taken - pace.taken >= work.snapshot_records)
        due = due or (shard.cursor > 0 and waited >= REFRESH_SECONDS)
        if pace.sending or now < pace.not_before or not due:
            return
        frozen = shard.frozen()
        pace.at, pace.cursor, pace.taken, pace.sending = now, shard.cursor, shard.taken, True
        self._outbox.submit(lambda: self._write(shard, frozen, pace))

    # -- the outbox's thread

    def _send(self, shard: Shard, records: Sequence[Record]) -> None:
        offsets, results = self._outbox.send(records), self.work.prefix + self.work.results
        for offset, record in zip(reversed(offsets), reversed(records), strict=True):
            if record.topic == results:
                shard.last_result = LastResult(offset, sha256(record.value))
                return

    def _write(self, shard: Shard, frozen: Frozen, pace: _Pace) -> None:
        assert self._snapshots is not None  # noqa: S101  restore has made it
        sent = self._snapshots.write(self._outbox, frozen, shard.last_result)
        if sent * SETS_MIN * 2 * 3 > SNAPSHOT_RETENTION_BYTES:
            log.error(
                "ALARM: a snapshot of %s has %d bytes; %d sets of three folds and two workers no longer fit into the "
                "retention of %d bytes. Use more partitions.",
                shard.name, sent, SETS_MIN, SNAPSHOT_RETENTION_BYTES,
            )  # fmt: skip
        pace.not_before = time.monotonic() + sent / SNAPSHOT_BYTES_A_SECOND
        pace.sending = False
