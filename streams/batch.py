"""A run of fetched values of one partition, as the feed hands it to a fold's agent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import cast

from confluent_kafka import Message

# `map` over these costs a quarter of calling a lambda. A fetched record has a partition and an offset, whatever the
# stub says; its value may be missing, which `Batch.of` looks at.
partition_of = cast("Callable[[Message], int]", Message.partition)
_offset_of = cast("Callable[[Message], int]", Message.offset)
_value_of = cast("Callable[[Message], bytes]", Message.value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Values of one partition in the log's order, joined.

    body: the framed values, joined.  lengths: bytes of each.
    first_offset: the first value's.  next_offset: where to read on.
    offsets: every value's offset, or None where they are contiguous (only transactions leave gaps).
    """

    topic: str
    partition: int
    body: bytes
    lengths: list[int]
    first_offset: int
    next_offset: int
    offsets: list[int] | None = None

    @classmethod
    def of(cls, topic: str, run: list[Message]) -> "Batch":
        """Return the batch of fetched messages of one partition."""
        values = list(map(_value_of, run))
        try:
            body = b"".join(values)
        except TypeError:  # a tombstone has no value; as an empty one it is named and refused like any broken value
            values = [value or b"" for value in values]
            body = b"".join(values)
        first, after = _offset_of(run[0]), _offset_of(run[-1]) + 1
        return cls(
            topic=topic,
            partition=partition_of(run[0]),
            body=body,
            lengths=list(map(len, values)),
            first_offset=first,
            next_offset=after,
            offsets=None if after - first == len(run) else list(map(_offset_of, run)),
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def offset_of(self, at: int) -> int:
        """Return the offset of the value at that place of the run."""
        return self.first_offset + at if self.offsets is None else self.offsets[at]

    def single(self) -> Iterator["Batch"]:
        """Yield the same values as batches of one."""
        for at, (start, end) in enumerate(pairwise(accumulate(self.lengths, initial=0))):
            offset = self.offset_of(at)
            yield Batch(
                topic=self.topic,
                partition=self.partition,
                body=self.body[start:end],
                lengths=[end - start],
                first_offset=offset,
                next_offset=offset + 1,
            )
