"""What a fold is: the pure state machine over one partition of one topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from settlement.wire.columns import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A record that a fold emits.

    topic: where it goes; the partition is the fold's own, or 0 where the topic has one.  key: the record's key.
    value: framed Avro bytes.
    """

    topic: str
    key: str
    value: bytes


class Fold(Protocol):
    """State of one partition; it equals fold(log[0 : next stream_seq]), always, and depends on nothing else.

    name: also names its snapshots.  version: of the state's form; a snapshot of another version is not restored.
    columnar: the records that it takes as columns, and which columns (settlement.wire.columns.Columns).
    """

    name: str
    version: int
    columnar: dict[str, list[str]]

    def __init__(self, partition: int) -> None: ...

    def apply(self, pieces: Sequence[Piece]) -> list[Output]:
        """Fold records that follow each other without hole or twin; return the results that they ask for, in order.

        The outputs depend on the log only, so a repeated apply after a crash repeats them byte for byte.
        """
        ...

    def live(self) -> list[Output]:
        """Return what changed for live views since the last call; conflated, never an input of anything that pays."""
        ...

    def snapshot(self) -> bytes:
        """Return the state as bytes that `restore` takes."""
        ...

    @classmethod
    def restore(cls, partition: int, state: bytes) -> Self:
        """Return the fold of a snapshot."""
        ...
