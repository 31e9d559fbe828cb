"""The controls that the gateway has answered, in their order. No broker here."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from streams.gateway.instructions import Instruction, read_control

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """Controls that are no advance, until they are answered, and answers whose control was not read yet."""

    _controls: deque[tuple[int, Json]] = field(default_factory=deque)
    _outcomes: dict[int, Json] = field(default_factory=dict)
    _next: int = 0
    _read: int = 0
    _sent: int = -1

    def control(self, seq: int, value: bytes) -> None:
        """Take a value of `controls` at its offset; what is no control has no effect."""
        self._read = seq + 1
        read = read_control(value)
        if isinstance(read, Instruction):
            self._controls.append((seq, read.control))

    def outcome(self, record: Json) -> None:
        """Take a record `outcome`; a twin changes nothing."""
        if record["control_seq"] >= self._next:
            self._outcomes.setdefault(record["control_seq"], record)

    def sent(self, seq: int) -> None:
        """Note a control of our own, which is awaited too."""
        self._sent = max(self._sent, seq)

    @property
    def waits(self) -> bool:
        """Whether a control has no answer yet, or ours was not read back."""
        return bool(self._controls) or self._read <= self._sent

    def answered(self) -> Iterator[tuple[int, Json, Json]]:
        """Yield offset, control and outcome of each that is answered, up to the first that is not; each once."""
        while self._controls and self._controls[0][0] in self._outcomes:
            seq, control = self._controls.popleft()
            self._next = seq + 1
            yield seq, control, self._outcomes.pop(seq)
