"""Instructions to the platform: how operators, the scheduler and pricing append to `controls`, and what they are told.

    controls = Controls(bootstrap)
    offset = controls.append("cut", {"date": "2026-08-03"}, control_id="cut/2026-08-03", requested_by="ann")
    match controls.outcome("cut/2026-08-03", offset, timeout=10):
        case Accepted(): ...
        case Rejected(code, rule, message): ...

The first control with an id counts, also when it is refused: an equal one later changes nothing and is answered alike,
another one with the same id is refused (CONTROL_REUSED). So a command that is not sure whether it was heard sends the
same again; and a refused one is followed by a better one under `unused_id`.
"""

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaError, Message, Producer

from settlement.wire import codec
from streams.gateway.outcomes import Accepted, NoOutcomeError, Outcome, Outcomes, Rejected
from streams.log import QUIET

__all__ = ["Accepted", "Controls", "ControlsError", "NoOutcomeError", "Outcome", "Rejected", "encode_control"]

CONTROLS: Final = "controls"
ACKNOWLEDGED_WITHIN_SECONDS: Final = 30.0


class ControlsError(RuntimeError):
    """A control could not be written, or is none."""


def encode_control(kind: str, payload: Mapping[str, Any], **fields: str) -> bytes:
    """Return the framed record of a control; its payload becomes canonical JSON.

    fields: control_id and requested_by, and where they apply approved_by, reason and exchange_reference.

    Raises:
        ControlsError: there is no id, or a number with a fraction is no decimal text.
    """
    if not fields.get("control_id"):
        raise ControlsError("Expected a control id, was empty. Give the control an identity of its own.")
    _require_exact(payload, "payload")
    names = ("control_id", "requested_by", "approved_by", "reason", "exchange_reference")
    record = {
        "kind": kind,
        **{name: fields.get(name, "") for name in names},
        "requested_at_us": time.time_ns() // 1_000,
        "payload": json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }
    try:
        return codec.encode("control", record)
    except (codec.WireError, UnicodeEncodeError) as error:
        raise ControlsError(f"Expected text that is valid Unicode, was not: {error}") from error


def _require_exact(value: object, place: str) -> None:
    if isinstance(value, float):
        raise ControlsError(f"{place}: Expected decimal text, was the binary number {value!r}. Quote it.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _require_exact(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _require_exact(inner, f"{place}[{number}]")


class Controls:
    """Appends controls and tells what became of them; one for each thread that does so.

    prefix: stands before the name of every topic.
    """

    def __init__(self, bootstrap: str, prefix: str = "") -> None:
        self._bootstrap, self._prefix = bootstrap, prefix
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": int(ACKNOWLEDGED_WITHIN_SECONDS * 1_000),
                **QUIET,
            }
        )
        self._outcomes: Outcomes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._outcomes is not None:
            self._outcomes.close()
            self._outcomes = None

    def append(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        control_id: str,
        requested_by: str,
        approved_by: str = "",
        reason: str = "",
        exchange_reference: str = "",
    ) -> int:
        """Append one control, wait until the broker has it safely, and return its offset.

        Raises:
            ControlsError: it is no control, or the broker does not take it; then nobody knows whether it stands in the
                log, and the same may be sent again.
        """
        value = encode_control(
            kind, payload, control_id=control_id, requested_by=requested_by, approved_by=approved_by, reason=reason,
            exchange_reference=exchange_reference,
        )  # fmt: skip
        return self.append_bytes(value, control_id)

    def append_bytes(self, value: bytes, control_id: str) -> int:
        """Append bytes as they are; see `append`."""
        answers: list[tuple[KafkaError | None, int | None]] = []

        def answered(error: KafkaError | None, message: Message) -> None:
            answers.append((error, message.offset()))

        key = control_id.encode("utf-8", "backslashreplace")
        self._producer.produce(self._prefix + CONTROLS, value, key, partition=0, on_delivery=answered)
        self._producer.flush(ACKNOWLEDGED_WITHIN_SECONDS + 1)
        error, offset = answers[0] if answers else (None, None)
        if error is not None or offset is None:
            why = f"was {error}" if error else "was silent"
            raise ControlsError(
                f"Expected the broker {self._bootstrap} to take the control {control_id}, {why}. Look whether it runs "
                "(novate status), then send the same again: a control counts once."
            )
        return offset

    def outcome(self, control_id: str, offset: int, timeout: float = 10.0) -> Outcome:
        """Wait until the gateway has applied the control at that offset, and return what it answered.

        timeout: seconds.

        Raises:
            NoOutcomeError: it did not answer in time.
        """
        return self._answers().of(control_id, offset, timeout)

    def known(self, control_id: str) -> Outcome | None:
        """Return what the first control with that id was answered by now; None when none was applied, so it is free."""
        return self._answers(read=True).known(control_id)

    def answered(self, offset: int) -> Outcome | None:
        """Return what the control at that offset was answered by now; None when it was not, and for an advance."""
        return self._answers(read=True).at(offset)

    def unused_id(self, stem: str) -> str:
        """Return the first free id of a series, for example `prices/2026-08-03/end_of_day/2` after `.../1` was refused.

        stem: what stands before the number, for example `prices/2026-08-03/end_of_day`.
        """
        answers, number = self._answers(read=True), 1
        while answers.known(f"{stem}/{number}") is not None:
            number += 1
        return f"{stem}/{number}"

    def _answers(self, *, read: bool = False) -> Outcomes:
        if self._outcomes is None:
            self._outcomes = Outcomes(self._bootstrap, self._prefix)
        if read:
            self._outcomes.read_to_end()
        return self._outcomes
