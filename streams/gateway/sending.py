"""Writes what the gateway derives: each record once by one gateway, with the broker's word for each."""

from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from settlement.folds.gateway import Emission
from settlement.folds.gateway.writing import FILLS, ORDERS, TICKS
from settlement.wire import codec
from streams.exits import Exits
from streams.gateway.lanes import Lane, Notes, Place, sha256, stream_seq_of
from streams.log import QUIET
from streams.outbox import ACKNOWLEDGED_WITHIN_MS

EVERYWHERE: Final = b"*"
"""Key of a record that goes to every partition of its topic."""

POLL_EVERY: Final = 500
NUMBERED: Final = (FILLS, ORDERS, TICKS)
_KEY_FIELD: Final = {
    (FILLS, "fill"): "account", (FILLS, "account"): "account", (FILLS, "waiver"): "feed",
    (FILLS, "claim"): "account",
    (ORDERS, "order"): "contract", (ORDERS, "public_trade"): "contract", (ORDERS, "quote"): "contract",
    (ORDERS, "listing"): "contract",
}  # fmt: skip


def key_of(emission: Emission) -> bytes:
    """Return a record's key: account, contract or series, or `*` where it goes everywhere; never null."""
    if emission.topic == TICKS:
        return str(emission.record["series"]).encode()
    name = _KEY_FIELD.get((emission.topic, emission.name))
    return EVERYWHERE if name is None else str(emission.record[name]).encode()


class Sending:
    """An idempotent producer with acks=all, and where each partition stands.

    lanes: by (topic, partition).  notes: by topic.  tick: called while we wait.
    """

    def __init__(self, bootstrap: str, prefix: str, exits: Exits, tick: Callable[[], None]) -> None:
        self._prefix, self._exits, self._tick = prefix, exits, tick
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.notes: dict[str, Notes] = {}
        self._last: dict[tuple[str, int], Message] = {}
        self._since_poll = 0
        self.written = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "message.timeout.ms": ACKNOWLEDGED_WITHIN_MS,
                "message.max.bytes": 4 << 20,
                "queue.buffering.max.messages": 200_000,
                **QUIET,
            }
        )

    def emit(self, emission: Emission) -> None:
        """Write a derived record, unless the log has it.

        Raises:
            DiffersError: the log has another one in its place.
        """
        value = codec.encode(emission.name, emission.record)
        lane = self.lanes[emission.topic, emission.partition]
        if not lane.has(emission.record["stream_seq"], value):
            self._produce(emission.topic, emission.partition, key_of(emission), value)

    def note(self, topic: str, key: str, name: str, record: codec.Record) -> None:
        """Write a rejection or an outcome, unless the log has it."""
        if not self.notes[topic].has(name, record):
            self._produce(topic, 0, key.encode("utf-8", "backslashreplace"), codec.encode(name, record))

    def control(self, topic: str, control_id: str, value: bytes) -> None:
        """Write one of our own controls; it counts when it is read back."""
        self._produce(topic, 0, control_id.encode(), value)

    def poll(self) -> None:
        """Take the broker's answers."""
        self._producer.poll(0)

    @property
    def waiting(self) -> int:
        """How many records the broker has not acknowledged yet."""
        return len(self._producer)

    def settle(self) -> None:
        """Wait until the broker has acknowledged everything, and take the places that this proves."""
        while len(self._producer):
            self._producer.flush(0.1)
            self._tick()
        for (topic, partition), message in self._last.items():
            value = message.value() or b""
            seq = stream_seq_of(value) if topic in NUMBERED else None
            place = Place(0 if seq is None else seq + 1, (message.offset() or 0) + 1, sha256(value))
            if topic in NUMBERED:
                self.lanes[topic, partition].place = place
            elif topic in self.notes:
                self.notes[topic].place = place

    def acknowledged_end(self, topic: str, partition: int) -> int:
        """Return one behind the last offset that we know the broker has; whatever it loses of that we write again."""
        message = self._last.get((topic, partition))
        if message is not None:
            return (message.offset() or 0) + 1
        return self.lanes[topic, partition].place.offset

    def _produce(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self.written += 1
        self._since_poll += 1
        if self._since_poll >= POLL_EVERY:
            self._since_poll = 0
            self._producer.poll(0)
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic, value, key, partition=partition, on_delivery=self._acknowledged
                )
            except BufferError:  # its queue is full: acknowledgements make room
                self._producer.poll(0.1)
                self._tick()
            else:
                return

    def _acknowledged(self, error: KafkaError | None, message: Message) -> None:
        topic, partition, offset = (
            (message.topic() or "")[len(self._prefix) :],
            message.partition() or 0,
            message.offset(),
        )
        if error is not None or offset is None:
            self._exits.die(
                f"{topic}-{partition}@sending",
                f"Expected the broker to take a record, was {error}. Look at the broker's log and at its disk; the "
                "gateway goes on where the log ends.",
            )
        before = self._last.get((topic, partition))
        if before is not None and offset <= (before.offset() or 0):
            self._exits.die(
                f"{topic}-{partition}@sending",
                f"Expected an offset after {before.offset()}, was {offset}: the broker lost what it had acknowledged. "
                "The restart writes it again.",
            )
        self._last[topic, partition] = message
