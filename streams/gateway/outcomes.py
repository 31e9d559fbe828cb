"""What the gateway answered to each control, read from the topic `outcomes`.

Every control that is no advance has an outcome there, found by its place in `controls`. So an operator anywhere learns
what became of an instruction, from the log alone and also after the gateway was restarted.
"""

import time
from dataclasses import dataclass
from typing import Final, TypeAlias

from confluent_kafka import Consumer, KafkaException, TopicPartition

from settlement.wire import codec
from streams.gateway.patience import TRANSIENT, is_transient, patiently
from streams.log import QUIET

OUTCOMES: Final = "outcomes"
_RECORDS_A_POLL: Final = 1_000
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Accepted:
    """The control took effect. repeated: an equal one with its id had done so before, and this one changed nothing."""

    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The control was refused, and nothing of it took effect; its id is used, so a better one needs another.

    code, rule, message: the refusal's.  repeated: an equal control with its id was refused before.
    """

    code: str
    rule: str
    message: str
    repeated: bool = False


Outcome: TypeAlias = Accepted | Rejected


class NoOutcomeError(TimeoutError):
    """The gateway has not answered in time; the control stays in the log and will be applied."""


class Outcomes:
    """The outcomes so far, in memory, read on whenever somebody asks; a few hundred a day."""

    def __init__(self, bootstrap: str, prefix: str = "") -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "outcomes",  # required, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
                **QUIET,
            }
        )
        self._at = TopicPartition(prefix + OUTCOMES, 0, 0)
        self._consumer.assign([self._at])
        self._next_offset = 0
        self._by_seq: dict[int, codec.Record] = {}
        self._first: dict[str, codec.Record] = {}

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def read_to_end(self, timeout: float = 30.0) -> None:
        """Read what is in the topic now.

        Raises:
            NoOutcomeError: the broker does not give it in time.
            KafkaException: the broker refuses.
        """
        until = time.monotonic() + timeout
        try:
            _, end = patiently(lambda: self._consumer.get_watermark_offsets(self._at, timeout=5), seconds=timeout)
        except KafkaException as error:
            if not is_transient(error):
                raise
            raise NoOutcomeError(f"Expected Kafka to say how far {OUTCOMES} goes, was away: {error}.") from error
        while self._next_offset < end and time.monotonic() < until:
            self._read()
        if self._next_offset < end:
            raise NoOutcomeError(
                f"Expected the topic {OUTCOMES} to be read within {timeout:.0f} s, was not. Is Kafka up?"
            )

    def known(self, control_id: str) -> Outcome | None:
        """Return what the first control with that id was answered; None while none was applied, as far as was read."""
        found = self._first.get(control_id)
        return None if found is None else self._outcome(found)

    def at(self, control_seq: int) -> Outcome | None:
        """Return what the control at that offset was answered; None while nothing was read of it."""
        found = self._by_seq.get(control_seq)
        return None if found is None else self._outcome(found)

    def of(self, control_id: str, control_seq: int, timeout: float) -> Outcome:
        """Wait for the outcome of the control at that offset of `controls`.

        Raises:
            NoOutcomeError: there is none in time.
        """
        until = time.monotonic() + timeout
        while (found := self._by_seq.get(control_seq)) is None:
            if time.monotonic() > until:
                raise NoOutcomeError(
                    f"Expected the gateway to answer {control_id} within {timeout:.0f} s, was silent. Does it run "
                    f"(novate status)? The control stands in the log at {control_seq} and is applied when it does."
                )
            self._read()
        return self._outcome(found)

    def _outcome(self, record: codec.Record) -> Outcome:
        repeated = bool(record["repeated"])
        counts = self._first.get(record["control_id"], record) if repeated else record
        if counts["accepted"]:
            return Accepted(repeated)
        return Rejected(counts["code"], counts["rule"], counts["message"], repeated)

    def _read(self) -> None:
        """Take what has come."""
        for message in self._consumer.consume(_RECORDS_A_POLL, _POLL_SECONDS):
            error = message.error()
            if error is not None:
                if error.retriable() or error.code() in TRANSIENT:
                    continue
                raise KafkaException(error)
            self._next_offset = (message.offset() or 0) + 1
            name, record = codec.decode(message.value() or b"")
            if name == "outcome":
                self._by_seq.setdefault(record["control_seq"], record)
                if record["control_id"]:
                    self._first.setdefault(record["control_id"], record)
