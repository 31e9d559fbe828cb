"""Reads `controls` in their order, from a cursor that must be in the log."""

from collections.abc import Callable
from typing import Final, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.exits import OUTSIDE_THE_LOG, Exits
from streams.gateway.controls import CONTROLS
from streams.gateway.patience import TRANSIENT, patiently
from streams.log import QUIET

CONTROLS_A_POLL: Final = 100
POLL_SECONDS: Final = 0.01
_OUTSIDE: Final = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION}  # noqa: SLF001  their public names
)


class ControlLog:
    """The partition of the controls; ends the process when it does not hold the cursor."""

    def __init__(
        self, bootstrap: str, prefix: str, group: str, cursor: int, exits: Exits, tick: Callable[[], None]
    ) -> None:
        self._prefix, self._exits = prefix, exits
        self._at = TopicPartition(prefix + CONTROLS, 0, cursor)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,  # required, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
                **QUIET,
            }
        )
        low, high = patiently(lambda: self._consumer.get_watermark_offsets(self._at, timeout=10), tick=tick)
        if not low <= cursor <= high:
            self._outside(cursor, f"offsets from {low} to {high}")
        self._consumer.assign([self._at])

    def poll(self, cursor: int) -> list[Message]:
        """Return the next controls, as soon as there are some; none after a moment.

        cursor: how far they are applied, for the exit note.
        """
        first = self._consumer.poll(POLL_SECONDS)
        if first is None:
            return []
        messages: list[Message] = [first, *self._consumer.consume(CONTROLS_A_POLL, 0)]
        for message in messages:
            error = message.error()
            if error is not None and not error.retriable() and error.code() not in TRANSIENT:
                self._refuse(error, cursor)
        return [message for message in messages if message.error() is None]

    def end(self) -> int:
        """Return where the log ends, as last heard; a negative number before the first word."""
        _, heard = self._consumer.get_watermark_offsets(self._at, cached=True)
        return int(heard)

    def end_of(self, topic: str, partition: int) -> int | None:
        """Return where another partition ends; None while the broker is away."""
        try:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._prefix + topic, partition), timeout=1.0)
        except KafkaException:  # asked again later
            return None
        return int(high)

    def _refuse(self, error: KafkaError, cursor: int) -> NoReturn:
        if error.code() in _OUTSIDE:
            self._outside(cursor, f"a log that does not hold it ({error})")
        self._exits.die(f"{CONTROLS}-0@{cursor}", f"Expected a control, was the consumer's error {error}.")

    def _outside(self, cursor: int, was: str) -> NoReturn:
        self._exits.die(
            f"{CONTROLS}-0@{cursor}",
            f"Expected a log that holds offset {cursor} of {CONTROLS}, was {was}: controls that were applied are gone, "
            "or this is another log. Point to the right broker, or restore the topic; `novate replay` shows what is "
            "missing.",
            OUTSIDE_THE_LOG,
        )
