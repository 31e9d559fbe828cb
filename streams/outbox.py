"""Sends what folds emit: one thread, one job after the other, each acknowledged before the next begins.

So whatever is sent later is proof of what was sent before: a snapshot's manifest stands behind its chunks, and those
behind the last result.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from streams.exits import Exits
from streams.log import QUIET

JOBS_MAX = 64  # waiting jobs: then the fold waits too, until the broker has caught up
VIEWS_WAITING_MAX = 20_000  # records in the producer's queue: then live views are left out until it is shorter
POLL_EVERY = 1_000  # records between two looks at the acknowledgements
# Longer than any broker restart; the producer is idempotent, so it repeats by itself and in order until then.
ACKNOWLEDGED_WITHIN_MS = 300_000

log = logging.getLogger(__name__)


class Record(NamedTuple):
    """A record to send; the topic is the full name on the broker."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Outbox:
    """An idempotent producer with acks=all behind one ordered queue of jobs; an undelivered result ends the process."""

    def __init__(self, bootstrap: str, exits: Exits) -> None:
        self._exits = exits
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 1,
                "partitioner": "murmur2_random",
                "message.timeout.ms": ACKNOWLEDGED_WITHIN_MS,
                "message.max.bytes": 4 << 20,
                **QUIET,
            }
        )
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(JOBS_MAX)
        self.lost_views = 0
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many jobs wait or run."""
        return self._jobs.unfinished_tasks

    def submit(self, job: Callable[[], None]) -> None:
        """Run the job after all that were submitted before; waits while too many do. From any thread."""
        self._jobs.put(job)

    def send(self, records: Sequence[Record]) -> list[int]:
        """Send records and return their offsets when the broker has acknowledged all; only inside a job."""
        offsets = [-1] * len(records)
        for place, record in enumerate(records):
            self._produce(record, partial(self._acknowledged, offsets, place))
            if place % POLL_EVERY == 0:
                self._producer.poll(0)
        self._producer.flush()
        if -1 in offsets:
            self._exits.die(
                f"{records[0].topic}@outbox",
                f"Expected {len(records)} acknowledgements from the broker, was {len(records) - offsets.count(-1)}.",
            )
        return offsets

    def show(self, records: Sequence[Record]) -> None:
        """Send live views, neither awaited nor ordered with the results. From any thread."""
        for record in records:
            self._produce(record, self._shown)

    @property
    def is_busy(self) -> bool:
        """Whether so much is under way that a live view had better wait."""
        return len(self._producer) > VIEWS_WAITING_MAX

    def _produce(self, record: Record, report: Callable[[KafkaError | None, Message], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic, record.value, record.key, partition=record.partition, on_delivery=report
                )
            except BufferError:  # its queue is full: acknowledgements make room
                self._producer.poll(0.1)
            else:
                return

    def _acknowledged(self, offsets: list[int], place: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._exits.die(
                f"{message.topic()}-{message.partition()}@outbox",
                f"Expected the broker to take a result, was {error}. Look at the broker's log and at its disk.",
            )
        offsets[place] = message.offset() or 0

    def _shown(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.lost_views += 1
            log.warning("A live view was not sent to %s: %s", message.topic(), error)

    def _run(self) -> None:
        try:
            while True:
                try:
                    job = self._jobs.get(timeout=0.05)
                except queue.Empty:
                    self._producer.poll(0)  # reports of live views
                    continue
                job()
                self._jobs.task_done()
        except BaseException as error:  # noqa: BLE001  a result that is not sent must never go unnoticed
            self._exits.die_of("outbox", error)
