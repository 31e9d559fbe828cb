"""Asks a platform for something and waits for its answer, whoever dies meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from streams.gateway.controls import Accepted, Controls, Outcome
from tests.e2e.house import AWAY, PATIENCE_SECONDS, House

Json = dict[str, Any]


@dataclass(slots=True)
class Asking:
    """Appends controls at a house; outcomes: of those that were waited for, by id."""

    house: House
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _controls: tuple[str, Controls] | None = None

    def append(self, kind: str, control_id: str, payload: Json, **people: str) -> int:
        """Append a control, however long the broker takes; when nobody knows whether it was heard, it is sent again."""
        until = time.monotonic() + PATIENCE_SECONDS
        who = {"requested_by": "test", **people}
        while True:
            try:
                return self._appender().append(kind, payload, control_id=control_id, **who)
            except AWAY:
                self._forget_appender()
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def order(self, kind: str, control_id: str, payload: Json, *, halted: bool = False, **people: str) -> Outcome:
        """Append a control and wait for its outcome, which must be the same in every run.

        halted: the settlement run may be halted meanwhile.
        """
        offset = self.append(kind, control_id, payload, **people)
        found: list[Outcome] = []

        def answered() -> bool:
            try:
                found.append(self._appender().outcome(control_id, offset, timeout=1.0))
            except AWAY:
                self._forget_appender()
                raise
            return True

        self.house.wait(f"an answer to {control_id}", answered, halted=halted)
        self.outcomes[control_id] = found[-1]
        return found[-1]

    def await_accepted(self, control_id: str) -> None:
        """Wait until a control that somebody else sends is accepted."""

        def accepted() -> bool:
            try:
                return isinstance(self._appender().known(control_id), Accepted)
            except AWAY:
                self._forget_appender()
                raise

        self.house.wait(f"{control_id} to be accepted", accepted)

    def _appender(self) -> Controls:
        kafka = self.house.endpoints.kafka
        if self._controls is None or self._controls[0] != kafka:
            self._forget_appender()
            self._controls = kafka, Controls(kafka)
        return self._controls[1]

    def _forget_appender(self) -> None:
        if self._controls is not None:
            self._controls[1].close()
            self._controls = None
