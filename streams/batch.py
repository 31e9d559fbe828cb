"""A run of fetched values of one partition, as the feed hands it to a fold's agent."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise


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
