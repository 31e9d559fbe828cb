"""One partition of a folded topic: the fold, how far it has come, and why it stands still if it does."""

import logging
from dataclasses import dataclass, field

from settlement.folds.continuity import Continuity
from settlement.folds.fold import Fold, Output
from settlement.wire.columns import BrokenValueError, Columns, Piece
from streams.batch import Batch
from streams.snapshots import Frozen, LastResult, Restored

# What the gateway writes to the input topics; every one of them begins with its stream_seq there.
INPUT_RECORDS = frozenset(
    {
        "account", "bank_calendar", "claim", "cut", "fill", "fix", "index_tick", "listing", "order", "payment_state",
        "prices", "print", "public_trade", "quote", "series", "waiver",
    }
)  # fmt: skip

log = logging.getLogger(__name__)


class FoldFailedError(RuntimeError):
    """A fold raised: a bug, since refusals are results. `first` and `after` are the offsets it may have been at."""

    def __init__(self, first: int, after: int, why: str) -> None:
        super().__init__(why)
        self.first, self.after = first, after


@dataclass(frozen=True, slots=True)
class Parked:
    """Where a partition stands still for good, and why."""

    offset: int
    why: str


@dataclass(slots=True)
class Shard:
    """A fold and its place in its partition.

    name: topic and partition, `fills-2`.  cursor: the offset to read on at.
    careful_until: before this offset records are folded one by one, so that a failure names the very record.
    hole_offset: a place in the log before everything that was dropped because a record is missing before it; None
    without a hole.  holes: how many were met.
    last_result: the last acknowledged result; written by the outbox's thread.
    """

    name: str
    partition: int
    fold: Fold
    columns: Columns
    continuity: Continuity
    cursor: int
    last_result: LastResult
    careful_until: int = -1
    parked: Parked | None = None
    hole_offset: int | None = None
    holes: int = 0
    taken: int = field(default=0)

    @classmethod
    def of(cls, name: str, partition: int, restored: Restored) -> "Shard":
        """Return the shard of a restored fold."""
        return cls(
            name=name,
            partition=partition,
            fold=restored.fold,
            columns=Columns(restored.fold.columnar),
            continuity=Continuity(next_seq=restored.next_seq, highest=restored.next_seq),
            cursor=restored.offset,
            last_result=restored.last_result,
        )

    def take(self, batch: Batch) -> list[Output]:
        """Fold a fetched run and return its results, in order.

        A value that cannot be read parks the shard at it; what stands before it is folded.

        Raises:
            FoldFailedError: the fold raised.
        """
        if batch.first_offset >= self.careful_until:
            return self._take(batch)
        return [output for single in batch.single() for output in self._take(single)]

    def frozen(self) -> Frozen:
        """Return the state as bytes.

        While a hole is open the place to read on is before what was dropped: a restart meets the hole, and its alarm,
        again.
        """
        offset = self.cursor if self.hole_offset is None else self.hole_offset
        return Frozen(self.partition, self.continuity.next_seq, offset, self.fold.snapshot())

    def _take(self, batch: Batch) -> list[Output]:
        if self.parked is not None:
            return []
        pieces, broken = self._read(batch)
        after = batch.next_offset if broken is None else batch.offset_of(broken.at)
        outputs = self._fold(pieces, batch.first_offset, after)
        self.cursor = after
        self._look_for_holes(batch.first_offset)
        if broken is not None:
            self.parked = Parked(after, str(broken))
            log.error("PARKED %s at offset %d: %s", self.name, after, broken)
        return outputs

    def _read(self, batch: Batch) -> tuple[list[Piece], BrokenValueError | None]:
        """Return the sound pieces from the batch's beginning, and what ended them early."""
        broken = None
        try:
            pieces = self.columns(batch.body, batch.lengths)
        except BrokenValueError as error:
            pieces, broken = error.pieces, error
        for place, piece in enumerate(pieces):
            if piece.name not in INPUT_RECORDS:
                why = f"Expected a record that the gateway writes, was {piece.name}."
                return pieces[:place], BrokenValueError(piece.first, why, pieces[:place])
        return pieces, broken

    def _fold(self, pieces: list[Piece], first: int, after: int) -> list[Output]:
        fresh = self.continuity.fresh(pieces)
        if not fresh:
            return []
        self.taken += sum(piece.count for piece in fresh)
        try:
            return self.fold.apply(fresh)
        except Exception as error:
            raise FoldFailedError(first, after, f"{type(error).__name__}: {error}") from error

    def _look_for_holes(self, first_offset: int) -> None:
        seen = self.continuity
        if seen.hole and self.hole_offset is None:
            self.hole_offset = first_offset
            self.holes += 1
            log.error(
                "ALARM: %s waits for stream_seq %d, has seen up to %d; the gateway repairs it by writing again from it",
                self.name, seen.next_seq, seen.highest - 1,
            )  # fmt: skip
        elif not seen.hole and self.hole_offset is not None:
            self.hole_offset = None
            log.warning("%s is whole again up to stream_seq %d", self.name, seen.next_seq - 1)
