"""Plain reads of single records of the log, in the caller's thread and bounded in time."""

import time
from collections.abc import Iterator
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

# A broker that is away is tried four times a second, and librdkafka keeps its own running commentary to itself.
QUIET = {"reconnect.backoff.ms": 250, "reconnect.backoff.max.ms": 1000, "log_level": 2}

ANSWER_SECONDS = 60.0
RECORDS_A_POLL = 1_000
WITHOUT_LEADER = frozenset((KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE))
"""What a broker answers of a topic that was created this moment, or whose leader moves."""
LEADER_SECONDS = 0.05


class LogReader:
    """Reads stretches of a partition; not for masses."""

    def __init__(self, bootstrap: str, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "log-reader",  # required, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "max.partition.fetch.bytes": 8 << 20,
                "fetch.wait.max.ms": 10,  # a change of topic waits for the last fetch: half a second by default
                **QUIET,
            }
        )
        self.cluster_id: str = self._consumer.list_topics(timeout=self._answer_seconds).cluster_id

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset and the one behind the last.

        Raises:
            KafkaException: the broker does not answer in time.
        """
        until = time.monotonic() + self._answer_seconds
        while True:
            try:
                bounds: tuple[int, int] = self._consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=self._answer_seconds
                )
            except KafkaException as error:
                if error.args[0].code() not in WITHOUT_LEADER or time.monotonic() > until:
                    raise
                time.sleep(LEADER_SECONDS)
            else:
                return bounds

    def one(self, topic: str, partition: int, offset: int) -> bytes | None:
        """Return the value at that offset, None when the log has none there."""
        low, high = self.bounds(topic, partition)
        return self.read(topic, partition, offset, offset + 1).get(offset) if low <= offset < high else None

    def read(self, topic: str, partition: int, start: int, end: int) -> dict[int, bytes]:
        """Return the values from offset `start` to before `end` by offset; offsets without a record are left out.

        Raises:
            KafkaException: the broker refuses, or does not answer in time.
        """
        return {message.offset() or 0: message.value() or b"" for message in self._read(topic, partition, start, end)}

    def newest(self, topic: str, partition: int) -> dict[bytes, tuple[int, bytes]]:
        """Return each key's newest offset and value in a compacted topic, whether it has been compacted yet or not.

        Raises:
            KafkaException: the broker refuses, or does not answer in time.
        """
        return {
            message.key() or b"": (message.offset() or 0, message.value() or b"")
            for message in self._read(topic, partition, *self.bounds(topic, partition))
        }

    def _read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        low, high = self.bounds(topic, partition)
        start, end = max(start, low), min(end, high)
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        until = time.monotonic() + self._answer_seconds
        while time.monotonic() < until:
            for message in self._consumer.consume(RECORDS_A_POLL, 0.01):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                    return
                if error is not None:
                    raise KafkaException(error)
                offset = message.offset() or 0
                if offset < end:
                    yield message
                if offset >= end - 1:
                    return
        raise KafkaException(
            KafkaError(KafkaError._TIMED_OUT, f"{topic}-{partition} from {start} to {end} in {self._answer_seconds} s")  # noqa: SLF001
        )
