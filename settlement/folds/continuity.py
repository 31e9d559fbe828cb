"""The rule that makes every delivery harmless: apply the next stream_seq wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from settlement.wire.columns import Piece


@dataclass(slots=True)
class Continuity:
    """Where a reader stands in one partition.

    next_seq: the stream_seq that it takes next.  twins: records dropped because it had them.  ahead: records dropped
    because others are missing
    before them; the writer repairs a hole by writing everything from it again.  highest: one beyond the highest
    stream_seq seen.
    """

    next_seq: int = 0
    twins: int = 0
    ahead: int = 0
    highest: int = 0

    @property
    def hole(self) -> bool:
        """Whether something is missing at next_seq although later records are in the log."""
        return self.highest > self.next_seq

    def fresh(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return the part of the pieces that continues the sequence, and move on behind it."""
        return [part for piece in pieces for part in self._fresh(piece)]

    def _fresh(self, piece: Piece) -> Iterator[Piece]:
        for start, end, first_seq in _runs(piece):
            after = first_seq + end - start
            self.highest = max(self.highest, after)
            known = min(max(self.next_seq - first_seq, 0), end - start)
            if first_seq > self.next_seq:
                self.ahead += end - start
                continue
            self.twins += known
            if known < end - start:
                self.next_seq = after
                yield _slice(piece, start + known, end)


def _runs(piece: Piece) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, first stream_seq) of each run of consecutive numbers in a piece."""
    if piece.frame is not None:
        seq = piece.frame.get_column("stream_seq")
        breaks = (
            []
            if seq[-1] - seq[0] == len(seq) - 1 and seq.diff().slice(1).eq(1).all()
            else (seq.diff() != 1).arg_true().to_list()
        )
        for start, end in pairwise([0, *breaks, len(seq)]):
            yield start, end, seq[start]
    else:
        for at, record in enumerate(piece.records):
            yield at, at + 1, record["stream_seq"]


def _slice(piece: Piece, start: int, end: int) -> Piece:
    if start == 0 and end == piece.count:
        return piece
    frame = None if piece.frame is None else piece.frame.slice(start, end - start)
    return replace(piece, first=piece.first + start, count=end - start, frame=frame, records=piece.records[start:end])
