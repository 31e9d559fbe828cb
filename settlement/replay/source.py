"""Where the audit reads the log from: Kafka, fast or record by record, or a copy in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from settlement.run.collect import FILLS, RESULTS, LogReader
from settlement.run.fills_log import Run

TOPICS: Final = (FILLS, RESULTS)
SILENCE_SECONDS: Final = 60


class Source(Protocol):
    """A log that can be read once from its beginning to its present end."""

    def partitions(self) -> int:
        """Return the number of partitions of `fills`."""
        ...

    def cluster_id(self) -> str:
        """Return the id of the Kafka cluster that the log is of."""
        ...

    def runs(self) -> Iterator[Run]:
        """Yield every record of both topics, each partition in its order.

        Raises:
            BreachError: the log does not begin at its beginning, or its copy is damaged.
        """
        ...


class KafkaSource:
    """The platform's own log, in runs as they are fetched."""

    def __init__(self, bootstrap: str, *, prefix: str = "") -> None:
        """Name the broker."""
        self._bootstrap, self._prefix = bootstrap, prefix
        self._cluster: tuple[str, int] | None = None

    def partitions(self) -> int:
        """Return the number of partitions of `fills`."""
        return self._asked()[1]

    def cluster_id(self) -> str:
        """Return the broker's id of its cluster."""
        return self._asked()[0]

    def _asked(self) -> tuple[str, int]:
        if self._cluster is None:
            reader = LogReader(self._bootstrap, (FILLS,), prefix=self._prefix)
            self._cluster = reader.cluster_id, reader.partitions[FILLS]
            reader.close()
        return self._cluster

    def runs(self) -> Iterator[Run]:
        """Yield every record up to the end at the start of the call."""
        reader = LogReader(self._bootstrap, TOPICS, prefix=self._prefix)
        try:
            heard = time.monotonic()
            while not reader.caught_up:
                for run in reader.poll():
                    heard = time.monotonic()
                    yield run
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no record in {SILENCE_SECONDS} s"))  # noqa: SLF001  its public name
        finally:
            reader.close()


class SingleRecordSource:
    """The platform's own log, one record a call, through a consumer of its own: shares nothing with the fast reader."""

    def __init__(self, bootstrap: str, *, prefix: str = "") -> None:
        """Name the broker."""
        self._prefix = prefix
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "novate-independent-audit",  # required, never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "check.crcs": True,
            "fetch.wait.max.ms": 20,  # the next partition's fetch waits for the last one's, which is at its end
        })  # fmt: skip

    def partitions(self) -> int:
        """Return the number of partitions of `fills`."""
        return len(self._topic(FILLS))

    def cluster_id(self) -> str:
        """Return the broker's id of its cluster."""
        return str(self._consumer.list_topics(timeout=SILENCE_SECONDS).cluster_id)

    def runs(self) -> Iterator[Run]:
        """Yield every record as a run of its own, partition after partition."""
        for topic in TOPICS:
            for partition in self._topic(topic):
                yield from self._partition(topic, partition)
        self._consumer.close()

    def _topic(self, topic: str) -> list[int]:
        name = self._prefix + topic
        return sorted(self._consumer.list_topics(name, timeout=SILENCE_SECONDS).topics[name].partitions)

    def _partition(self, topic: str, partition: int) -> Iterator[Run]:
        place = TopicPartition(self._prefix + topic, partition, 0)
        _, end = self._consumer.get_watermark_offsets(place, timeout=SILENCE_SECONDS, cached=False)
        self._consumer.assign([place])
        offset = -1
        while offset < end - 1:
            message = self._consumer.poll(SILENCE_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no record in {SILENCE_SECONDS} s"))  # noqa: SLF001  its public name
            if (error := message.error()) is not None:
                raise KafkaException(error)
            offset = message.offset() or 0
            yield Run(topic=topic, partition=partition, offsets=[offset], values=[message.value() or b""])
