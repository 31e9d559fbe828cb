"""What the log says of final prices and of the fixings behind them, read for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from settlement.cli.operate_log import ControlBook
from settlement.folds.continuity import Continuity
from settlement.folds.evidence import Evidence, evidence
from settlement.folds.finals import Finals
from settlement.wire import codec
from settlement.wire.columns import Columns, Piece
from settlement.wire.partition import partition_of
from streams import topics
from streams.log import LogReader

FIXINGS: Final = "index-fixings"
TICKS: Final = "index-ticks"
CHUNK: Final = 50_000
Json = dict[str, Any]


def read_fixings(bootstrap: str) -> list[Json]:
    """Return every record `fixing`, twins too, in the order of the topic."""
    with LogReader(bootstrap) as log:
        values = log.read(FIXINGS, 0, *log.bounds(FIXINGS, 0)).values()
    return [record for name, record in map(codec.decode, values) if name == "fixing"]


def finals_of(book: ControlBook, fixings: Collection[Json], until: int | None = None) -> Finals:
    """Return what the log says of final prices; until: as it stood before the control at that place."""
    finals = Finals()
    for asked in book.asked:
        if asked.answer is not None and (until is None or asked.seq < until):
            finals.take(asked.seq, asked.control, asked.payload, asked.answer)
    for record in fixings:
        finals.fixing(record)
    return finals


def read_evidence(bootstrap: str, series: str, wanted: Collection[int]) -> dict[int, Evidence]:
    """Return the fixings of a series at these stream_seqs, computed again from its observations in the log."""
    partition = partition_of(series, topics.verify(bootstrap))
    with LogReader(bootstrap) as log:
        return evidence(partition, pieces_of(log, TICKS, partition), wanted)


def pieces_of(log: LogReader, topic: str, partition: int) -> Iterator[Sequence[Piece]]:
    """Yield a partition of an input topic in the order of its stream_seqs, twins left out."""
    continuity, columns = Continuity(), Columns({})
    low, high = log.bounds(topic, partition)
    for start in range(low, high, CHUNK):
        values = list(log.read(topic, partition, start, min(start + CHUNK, high)).values())
        yield continuity.fresh(columns(b"".join(values), [len(value) for value in values]))
