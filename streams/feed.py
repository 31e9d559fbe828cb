"""Faust runs the agents, librdkafka fetches, the folds say from where: the only file that knows Faust's insides.

Faust has a switch for running without Kafka: a `BootStrategy` with `enable_kafka = False`. Worker, App, sensors, agents
and tasks start as always; its consumer, fetcher, conductor, tables, recovery and producer never do, so nothing of them
has to be overridden or trusted. `Feed` is a service that puts one event per fetched run into the agents' channels,
where Faust's conductor would put one per record. Partitions are assigned by hand: no group, no rebalance, no commit.
"""

import asyncio
import gc
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import faust
import mode
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from faust.app.base import BootStrategy
from faust.sensors import Sensor
from faust.types import TP, ConsumerMessage, EventT, StreamT

from streams.batch import Batch, partition_of
from streams.exits import BROKEN, OUTSIDE_THE_LOG, Exits
from streams.log import QUIET

RECORDS_A_POLL = 20_000  # half of it costs a tenth of the rate, twice it brings nothing
POLL_SECONDS = 0.02  # a poll waits so long for more: the latency at low rates
RUNS_AHEAD = 2  # runs a partition that are handed over and not finished; more only costs memory
STOP_SECONDS = 1.5
COMPLAIN_SECONDS = 5.0  # a broker that is away is worth a line, not twenty a second

log = logging.getLogger(__name__)


class NoKafka(BootStrategy):
    """Starts a worker without any of Faust's own Kafka services."""

    enable_kafka = False


class Done(Sensor):
    """Hears that an agent has finished an event: the feed may hand over one more."""

    def __init__(self, room: threading.Semaphore) -> None:
        super().__init__()
        self._room = room

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any], state: dict[Any, Any] | None = None
    ) -> None:
        """Give the room of a finished batch back."""
        del tp, offset, stream, state
        if isinstance(event.value, Batch) and not event.message.refcount:
            self._room.release()


class Worker(faust.Worker):
    """A worker that ends at once: nothing has to be flushed, so an orderly end would only take time."""

    def _on_sigterm(self) -> NoReturn:
        os._exit(0)

    def _on_sigint(self) -> NoReturn:
        os._exit(130)


class App(faust.App):
    """A Faust app that is fed by `Feed`."""

    BootStrategy = NoKafka  # type: ignore[mutable-override]  # Faust says that this is how it is set

    def __init__(self, name: str, bootstrap: str) -> None:
        super().__init__(
            name,
            broker=f"kafka://{bootstrap}",  # never connected to; Faust wants one
            store="memory://",
            web_enabled=False,
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            worker_redirect_stdouts=False,
        )
        self.feed: Feed | None = None

    def _create_directories(self) -> None:
        """Make none: without tables there is nothing to put there."""

    def on_init_dependencies(self) -> Iterable[mode.ServiceT]:
        """Let the feed hear of finished events."""
        if self.feed is not None:
            self.sensors.add(Done(self.feed.room))
        return super().on_init_dependencies()

    async def on_started_init_extra_services(self) -> None:
        """Start the feed when the agents are ready."""
        await super().on_started_init_extra_services()
        if self.feed is not None:
            await self.add_runtime_dependency(self.feed)


def run(app: App, loop: asyncio.AbstractEventLoop) -> NoReturn:
    """Run the app as this process; returns never."""
    asyncio.set_event_loop(loop)
    worker = Worker(app, loop=loop, loglevel="INFO", quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None
    worker.execute_from_commandline()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a feed reads.

    name: the topic's, for people.  topic: its full name on the broker, with the prefix.
    cursors: called once in the feed's thread before the first fetch; may block; gives the offset of each partition.
    settings: further librdkafka settings.
    """

    bootstrap: str
    name: str
    topic: str
    partitions: tuple[int, ...]
    cursors: Callable[[], Mapping[int, int]]
    settings: Mapping[str, Any]


class Feed(mode.Service):
    """Owns a librdkafka consumer: one thread makes it, polls it and closes it."""

    def __init__(self, app: App, source: Source, exits: Exits) -> None:
        super().__init__()
        self._app, self._source, self._exits = app, source, exits
        self.room = threading.Semaphore(RUNS_AHEAD * len(source.partitions))
        self.ends: dict[int, int] = {}  # one behind the last offset of each partition, as last heard
        self._to_pause: deque[int] = deque()
        self._stopping = False
        self._complain_after = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    async def on_start(self) -> None:
        """Open Faust's queues, which start closed, and start the thread."""
        self._loop = asyncio.get_running_loop()
        self._app.flow_control.resume()
        # Messages are tracked by the garbage collector and never in cycles: looking at them costs 5 % of the rate.
        gc.freeze()
        gc.set_threshold(500_000, 20, 100)
        self._thread.start()

    async def on_stop(self) -> None:
        """Stop the thread; what it has fetched is simply read again by whoever comes next."""
        self._stopping = True
        self.room.release()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, STOP_SECONDS)

    def pause(self, partition: int) -> None:
        """Fetch no more of that partition; from any thread."""
        self._to_pause.append(partition)

    # -- the thread

    def _run(self) -> None:
        try:
            self._poll(self._open(self._source.cursors()))
        except BaseException as error:  # noqa: BLE001  whatever it is, a feed that stands still must not look alive
            self._exits.die_of(f"{self._source.name}@feed", error)

    def _open(self, cursors: Mapping[int, int]) -> Consumer:
        source = self._source
        consumer = Consumer(
            {
                "bootstrap.servers": source.bootstrap,
                "group.id": self._app.conf.id,  # required, never joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 10,  # the default, 1000, halves a fast consumer
                **QUIET,
                "queued.min.messages": 200_000,
                "queued.max.messages.kbytes": 64 << 10,
                "max.partition.fetch.bytes": 8 << 20,
                "error_cb": self._on_error,
                **source.settings,
            }
        )
        for partition in source.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(source.topic, partition), timeout=60)
            self.ends[partition] = high
            if not low <= cursors[partition] <= high:
                self._outside(partition, cursors[partition], f"offsets from {low} to {high}")
        consumer.assign([TopicPartition(source.topic, p, cursors[p]) for p in source.partitions])
        return consumer

    def _poll(self, consumer: Consumer) -> None:
        topic, due = self._source.topic, 0.0
        while not self._stopping:
            while self._to_pause:
                consumer.pause([TopicPartition(topic, self._to_pause.popleft())])
            messages = consumer.consume(RECORDS_A_POLL, POLL_SECONDS)
            if messages:
                self._hand_over(messages)
            del messages  # they are freed here, in this thread, while they are warm
            if (now := time.monotonic()) > due:
                due = now + 0.25
                for partition in self._source.partitions:
                    heard: tuple[int, int] = consumer.get_watermark_offsets(
                        TopicPartition(topic, partition), cached=True
                    )
                    if heard[1] >= 0:  # before the first fetch it has heard nothing
                        self.ends[partition] = heard[1]
        consumer.close()

    def _hand_over(self, messages: list[Message]) -> None:
        bad = next(filter(None, map(Message.error, messages)), None)
        if bad is not None:
            self._refuse(bad, next(message for message in messages if message.error() is bad))
        partitions = list(map(partition_of, messages))
        for partition in dict.fromkeys(partitions):
            count, at = partitions.count(partition), partitions.index(partition)
            if partitions[at : at + count].count(partition) == count:  # librdkafka hands over one slice a partition
                run = messages[at : at + count]
            else:
                run = list(itertools.compress(messages, map(partition.__eq__, partitions)))
            self._deliver_later(Batch.of(self._source.topic, run))

    def _deliver_later(self, batch: Batch) -> None:
        self.room.acquire()
        if not self._stopping and self._loop is not None:
            self._loop.call_soon_threadsafe(self._deliver, batch)

    def _refuse(self, error: KafkaError, message: Message) -> NoReturn:
        place = f"{self._source.name}-{message.partition()}@{message.offset()}"
        if error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION}:
            self._outside(message.partition() or 0, message.offset() or 0, f"a log that does not hold it ({error})")
        self._exits.die(place, f"Expected a record, was the consumer's error {error}.", BROKEN)

    def _outside(self, partition: int, cursor: int, was: str) -> NoReturn:
        topic = self._source.name
        self._exits.die(
            f"{topic}-{partition}@{cursor}",
            f"Expected a log that holds offset {cursor} of {topic}-{partition}, was {was}: records that were folded "
            "are gone, or this is another log. Let the gateway repair the log, or point to the right broker; "
            "`novate replay` shows what is missing.",
            OUTSIDE_THE_LOG,
        )

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._exits.die(f"{self._source.name}@feed", f"Expected a connection, was the fatal error {error}.")
        if (now := time.monotonic()) > self._complain_after:
            self._complain_after = now + COMPLAIN_SECONDS
            log.warning("Kafka: %s; librdkafka connects again by itself", error)

    # -- the loop: what Faust's conductor would do

    def _deliver(self, batch: Batch) -> None:
        if self._stopping:
            return
        app, tp = self._app, TP(batch.topic, batch.partition)
        message = ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=batch.first_offset,
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=None,
            checksum=None,
            tp=tp,
            generation_id=app.consumer_generation_id,  # or the stream skips it silently
        )
        for channel in app.topics:  # one channel for each agent that reads the topic
            if batch.topic in channel.topics:
                message.incref()
                channel.queue.put_nowait(app.create_event(None, batch, {}, message))
