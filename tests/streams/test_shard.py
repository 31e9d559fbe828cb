"""A shard folds the same, however its log is cut into fetched runs."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.wire import codec
from streams.batch import Batch
from streams.shard import FoldFailedError, Shard
from streams.snapshots import LastResult, Restored
from tests.streams.platform import cut, fill, stream, truth
from tests.streams.tally import BUG_LOTS, TallyFold

LOG = [
    *stream(0, 40, cut_every=13), *stream(20, 40, cut_every=13), *stream(44, 70, cut_every=13),
    *stream(40, 90, cut_every=13), cut(90),
]  # fmt: skip
"""Twins, and a hole that is repaired by writing everything from it again."""


def shard() -> Shard:
    """Return the shard of an empty fold."""
    return Shard.of("fills-0", 0, Restored(TallyFold(0), 0, 0, LastResult()))


def batch(values: list[bytes], first: int) -> Batch:
    """Return values as they would be fetched together."""
    return Batch(
        topic="fills",
        partition=0,
        body=b"".join(values),
        lengths=[len(value) for value in values],
        first_offset=first,
        next_offset=first + len(values),
    )


def runs(values: list[bytes], cuts: list[int]) -> Iterator[Batch]:
    """Yield the values cut into runs at these places."""
    edges = [0, *sorted({at for at in cuts if 0 < at < len(values)}), len(values)]
    for start, end in pairwise(edges):
        yield batch(values[start:end], start)


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=12))
def test_any_cut_into_runs_gives_the_same(cuts: list[int]) -> None:
    """Results and state do not depend on where a fetch began or ended, with twins, holes and controls in the middle."""
    taken = shard()
    outputs = [output.value for run in runs(LOG, cuts) for output in taken.take(run)]
    assert outputs == truth(0, LOG)
    assert (taken.cursor, taken.continuity.next_seq, taken.hole_offset) == (len(LOG), 91, None)
    assert taken.holes <= 1, "a hole whose repair came in the same fetch is none"


@settings(max_examples=60, deadline=None)
@given(broken_at=st.integers(0, len(LOG) - 1), cuts=st.lists(st.integers(0, len(LOG)), max_size=5))
def test_a_broken_value_is_named_wherever_a_run_begins(broken_at: int, cuts: list[int]) -> None:
    """Everything before a broken value is folded, and the shard stands at it, in any cut into runs."""
    values = [*LOG]
    values[broken_at] = values[broken_at][:-1]
    taken = shard()
    outputs = [output.value for run in runs(values, cuts) for output in taken.take(run)]
    assert outputs == truth(0, values[:broken_at])
    assert taken.parked is not None
    assert (taken.parked.offset, taken.cursor) == (broken_at, broken_at)


def test_a_record_that_the_gateway_never_writes_is_broken() -> None:
    """A well-formed record of another topic stops the shard like bytes that cannot be read."""
    strange = codec.encode(
        "position", {"stream_seq": 5, "account": "A", "contract": "C", "lots": 0, "long": 0, "short": 0}
    )
    taken = shard()
    taken.take(batch([*stream(0, 5), strange, *stream(5, 9)], 0))
    assert taken.parked is not None
    assert taken.parked.offset == 5
    assert taken.parked.why == "Expected a record that the gateway writes, was position."


def test_while_a_hole_is_open_a_snapshot_reads_on_before_it() -> None:
    """A restart meets the hole again, so its alarm is not lost."""
    taken = shard()
    taken.take(batch(stream(0, 10), 0))
    taken.take(batch(stream(12, 20), 10))
    taken.take(batch(stream(20, 30), 18))
    frozen = taken.frozen()
    assert (frozen.next_seq, frozen.offset) == (10, 10)


def test_a_failing_fold_is_narrowed_to_the_record() -> None:
    """A first failure names the run, a second one, read one by one, the record."""
    values = [*stream(0, 20), fill(20, lots=BUG_LOTS), *stream(21, 30)]
    with pytest.raises(FoldFailedError) as whole:
        shard().take(batch(values, 0))
    assert (whole.value.first, whole.value.after) == (0, 30)
    careful = shard()
    careful.careful_until = 30
    with pytest.raises(FoldFailedError) as single:
        careful.take(batch(values, 0))
    assert (single.value.first, single.value.after) == (20, 21)
