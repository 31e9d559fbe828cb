"""The clearing log as it is read: twins compared and dropped, holes waited for, every record hashed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from settlement.folds.continuity import Continuity
from settlement.run.breach import Breach, BreachError, Place
from settlement.run.chain import Chain
from settlement.wire.columns import BrokenValueError, Piece

Decode = Callable[[Sequence[bytes]], list[Piece]]
"""Makes pieces of framed values; raises BrokenValueError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Consecutive records of one partition as they were fetched; offsets: where they lie, for messages only."""

    topic: str
    partition: int
    offsets: Sequence[int]
    values: Sequence[bytes]

    def place(self, at: int) -> str:
        """Return where a value of the run lies, as `fills-2@1017`."""
        return f"{self.topic}-{self.partition}@{self.offsets[at]}"


@dataclass(slots=True)
class _Shard:
    continuity: Continuity = field(default_factory=Continuity)
    chain: Chain = field(default_factory=Chain)
    ahead: dict[int, bytes] = field(default_factory=dict)


class FillsLog:
    """All partitions of `fills`, up to where each is complete."""

    def __init__(self, partitions: int, decode: Decode) -> None:
        """Begin before the first record of each partition."""
        self._shards = [_Shard() for _ in range(partitions)]
        self._decode = decode

    def take(self, run: Run) -> list[Piece]:
        """Return what continues the log.

        Raises:
            BreachError: a value cannot be read, or a twin differs from its original.
        """
        shard = self._shards[run.partition]
        try:
            pieces = self._decode(run.values)
        except BrokenValueError as error:
            raise broken(run, error) from error
        odd = shard.continuity.twins + shard.continuity.ahead
        fresh = shard.continuity.fresh(pieces)
        for piece in fresh:
            shard.chain.extend(run.values[piece.first : piece.first + piece.count])
        if shard.ahead or shard.continuity.twins + shard.continuity.ahead != odd:
            self._compare(shard, run, pieces)
        return fresh

    def next_seq(self, partition: int) -> int:
        """Return the stream_seq that comes next; everything before it was taken."""
        return self._shards[partition].continuity.next_seq

    def hash_at(self, partition: int, stream_seq: int) -> bytes:
        """Return the partition's rolling hash after a record that was taken."""
        return self._shards[partition].chain.at(stream_seq)

    def holes(self) -> dict[int, int]:
        """Return the stream_seq that is missing by partition, where later ones were seen; the gateway repairs it."""
        return {
            partition: shard.continuity.next_seq
            for partition, shard in enumerate(self._shards)
            if shard.continuity.hole
        }

    @property
    def twins(self) -> int:
        """How many records came again."""
        return sum(shard.continuity.twins for shard in self._shards)

    def _compare(self, shard: _Shard, run: Run, pieces: Sequence[Piece]) -> None:
        """Compare every record of a run that is no news, and those that came before their turn, with the original."""
        for piece in pieces:
            for at, stream_seq in enumerate(sequence_numbers(piece), start=piece.first):
                value = run.values[at]
                if stream_seq < len(shard.chain):
                    early = shard.ahead.pop(stream_seq, value)
                    same = shard.chain.holds(stream_seq, value) and shard.chain.holds(stream_seq, early)
                else:
                    same = shard.ahead.setdefault(stream_seq, value) == value
                if not same:
                    raise _twin_differs(run, at, stream_seq)


def sequence_numbers(piece: Piece) -> Iterator[int]:
    """Yield the stream_seq of every record of a piece."""
    if piece.frame is not None:
        yield from piece.frame.get_column("stream_seq").to_list()
    else:
        yield from (record["stream_seq"] for record in piece.records)


def broken(run: Run, error: BrokenValueError) -> BreachError:
    """Return the breach of a value that cannot be read."""
    place = run.place(error.at)
    message = f"Expected a record at {place}, was broken: {error} Nothing behind it is read. Find out who wrote it."
    return BreachError([Breach(rule="BROKEN_RECORD", message=message)])


def _twin_differs(run: Run, at: int, stream_seq: int) -> BreachError:
    message = (
        f"Expected the record at {run.place(at)} to repeat stream_seq {stream_seq} byte for byte, was another record. "
        "Two writers disagree: stop the gateways, and find which one wrote it."
    )
    found = Breach(rule="TWIN_DIFFERS", message=message, stream_seqs=(Place(run.partition, stream_seq),))
    return BreachError([found])
