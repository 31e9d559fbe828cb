"""Reads `fills` and `variation-margin` from Kafka into the engine, from the beginning of the log.

No group and no commits: the partitions are assigned by hand and what was read is simply read again by the next process.
A broker that restarts is waited for; librdkafka connects again by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from settlement.run.breach import Breach, BreachError
from settlement.run.engine import Engine
from settlement.run.fills_log import Decode, FillsLog, Run
from settlement.run.results_log import COLUMNAR, ResultsLog
from settlement.wire.columns import Columns, Piece

FILLS: Final = "fills"
RESULTS: Final = "variation-margin"
RECORDS_A_POLL: Final = 20_000
ANSWER_SECONDS: Final = 60
POLL_SECONDS: Final = timedelta(milliseconds=100).total_seconds()

_OUTSIDE: Final = frozenset(
    (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION)  # noqa: SLF001  their public names
)
log = logging.getLogger(__name__)


def columns(columnar: Mapping[str, Sequence[str]]) -> Decode:
    """Return the fast decoder: joined runs as columns."""
    decode = Columns(columnar)

    def pieces(values: Sequence[bytes]) -> list[Piece]:
        return decode(b"".join(values), [len(value) for value in values])

    return pieces


class LogReader:
    """Reads all partitions of some topics in the order of their logs."""

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        *,
        prefix: str = "",
        starts: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        """Open the topics.

        prefix: before every topic's name on the broker.
        starts: offsets to begin at, by topic and partition; default 0.

        Raises:
            BreachError: a log does not hold the offset that it shall be read from (LOG_LOST).
            KafkaException: the broker does not answer, or a topic is not there.
        """
        self._prefix = prefix
        self._consumer = Consumer(_settings(bootstrap))
        there = self._consumer.list_topics(timeout=ANSWER_SECONDS)
        self.cluster_id: str = there.cluster_id
        self.partitions: dict[str, int] = {}
        for topic in topics:
            if prefix + topic not in there.topics:
                raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, f"no topic {prefix + topic}"))
            self.partitions[topic] = len(there.topics[prefix + topic].partitions)
        places = [(topic, partition) for topic in topics for partition in range(self.partitions[topic])]
        self._next = {place: (starts or {}).get(place, 0) for place in places}
        self.ends = {place: self._end(*place) for place in places}
        self._consumer.assign([self._at(*place, offset) for place, offset in self._next.items()])

    @property
    def caught_up(self) -> bool:
        """Whether everything is read that was in the logs when they were opened."""
        return all(self._next[place] >= end for place, end in self.ends.items())

    def poll(self, seconds: float = POLL_SECONDS) -> list[Run]:
        """Return what comes within some time, run by run.

        Raises:
            BreachError: the log does not hold the next offset any more (LOG_LOST).
            KafkaException: the broker refuses in a way that waiting does not mend.
        """
        messages = self._consumer.consume(RECORDS_A_POLL, seconds)
        for message in messages:
            if (error := message.error()) is not None:
                self._refuse(message, error)
        sound = [message for message in messages if message.error() is None]
        runs = [self._run(*place, list(run)) for place, run in groupby(sound, key=_place)]
        for run in runs:
            self._next[run.topic, run.partition] = run.offsets[-1] + 1
        return runs

    def cursors(self) -> dict[str, dict[str, int]]:
        """Return next offset and log end by `topic-partition`, as heartbeats tell them."""
        return {
            f"{topic}-{partition}": {"cursor": offset, "end": max(offset, self._heard_end(topic, partition))}
            for (topic, partition), offset in self._next.items()
        }

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _at(self, topic: str, partition: int, offset: int) -> TopicPartition:
        return TopicPartition(self._prefix + topic, partition, offset)

    def _end(self, topic: str, partition: int) -> int:
        bounds: tuple[int, int] = self._consumer.get_watermark_offsets(
            self._at(topic, partition, 0), timeout=ANSWER_SECONDS, cached=False
        )
        offset = self._next[topic, partition]
        if not bounds[0] <= offset <= bounds[1]:
            raise _log_lost(f"{topic}-{partition}@{offset}", f"offsets {bounds[0]} to {bounds[1]}")
        return bounds[1]

    def _heard_end(self, topic: str, partition: int) -> int:
        heard: tuple[int, int] = self._consumer.get_watermark_offsets(self._at(topic, partition, 0), cached=True)
        return heard[1]

    def _run(self, topic: str, partition: int, messages: Sequence[Message]) -> Run:
        return Run(
            topic=topic.removeprefix(self._prefix),
            partition=partition,
            offsets=[cast("int", message.offset()) for message in messages],
            values=[message.value() or b"" for message in messages],  # a tombstone is refused like any broken value
        )

    def _refuse(self, message: Message, error: KafkaError) -> None:
        if error.code() in _OUTSIDE:
            raise _log_lost(f"{message.topic()}-{message.partition()}@{message.offset()}", str(error))
        if error.fatal():
            raise KafkaException(error)
        log.warning("Kafka: %s; it is waited for", error)


class Collector:
    """What both logs said so far, in the engine and beside it."""

    def __init__(self, reader: LogReader, *, threads: int | None = None) -> None:
        """Begin at the reader's start."""
        partitions = reader.partitions[FILLS]
        self.reader = reader
        self.partitions = range(partitions)
        self.engine = Engine(partitions=partitions, threads=threads)
        self.fills = FillsLog(partitions, columns(Engine.columnar))
        self.results = ResultsLog(columns(COLUMNAR))

    def collect(self, seconds: float = POLL_SECONDS) -> bool:
        """Read on for some time; return whether something came that a cycle may have waited for.

        Raises:
            BreachError: a record is broken, a twin differs, or the log lost its place.
        """
        return self.take(self.reader.poll(seconds))

    def take(self, runs: Iterable[Run]) -> bool:
        """Take runs of either topic; return whether one had more than fills."""
        news = False
        for run in runs:
            if run.topic == RESULTS:
                self.results.take(run)
                news = True
                continue
            pieces = self.fills.take(run)
            self.engine.load(run.partition, pieces)
            news = news or any(piece.name != "fill" for piece in pieces)
        return news

    def close(self) -> None:
        """Give broker and memory back."""
        self.reader.close()
        self.engine.close()


def _place(message: Message) -> tuple[str, int]:
    return message.topic() or "", message.partition() or 0


def _log_lost(place: str, was: str) -> BreachError:
    message = (
        f"Expected a log that holds {place}, was {was}: records are gone, or this is another log. "
        "Let the gateway write them again, or point to the right broker."
    )
    return BreachError([Breach(rule="LOG_LOST", message=message)])


def _settings(bootstrap: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "novate-settlement",  # required, never joined
        "client.id": "novate-settlement",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 100,
        "fetch.queue.backoff.ms": 10,
        "reconnect.backoff.max.ms": 1000,
        "queued.min.messages": 200_000,
        "queued.max.messages.kbytes": 64 << 10,
        "max.partition.fetch.bytes": 8 << 20,
        "logger": logging.getLogger("librdkafka"),
    }
