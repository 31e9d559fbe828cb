"""What sound folds would say of a logbook: lines and results, made from the second engine's lines."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from settlement.domain.margin import CycleKey, MarginLine
from settlement.run.collect import RESULTS, columns
from settlement.run.fills_log import Run
from settlement.run.results_log import COLUMNAR, ResultsLog
from settlement.wire import codec
from tests.run.logbook import Logbook


def result_values(
    lines: Sequence[MarginLine], cycle: CycleKey, partition: int, stream_seq: int, fills: int
) -> list[bytes]:
    """Return the framed lines of a partition and its result behind them."""
    own = [line for line in lines if line.partition == partition]
    values = [codec.encode("margin_line", asdict(line)) for line in own]
    result = {
        **cycle._asdict(),
        "partition": partition,
        "stream_seq": stream_seq,
        "lines": len(own),
        "lines_sha256": hashlib.sha256(b"".join(values)).hexdigest(),
        "fills": fills,
        "lots": sum(line.end for line in own),
        "total_minor": sum(line.margin_minor for line in own),
        "fee_minor": sum(line.fee_minor for line in own),
    }
    return [*values, codec.encode("partition_result", result)]


def folded(log: Logbook) -> dict[int, list[bytes]]:
    """Return what each partition's fold emits over the whole logbook."""
    engine = log.engine()
    values: dict[int, list[bytes]] = {partition: [] for partition in range(log.partitions)}
    for cycle in engine.cycles():
        lines, fills = engine.margin_lines(cycle), engine.fills_before(cycle)
        for partition, stream_seq in engine.places(cycle).items():
            values[partition] += result_values(lines, cycle, partition, stream_seq, fills[partition])
    return values


def run_of(topic: str, partition: int, values: Sequence[bytes], offset: int = 0) -> Run:
    """Return values as a fetched run."""
    return Run(topic=topic, partition=partition, offsets=range(offset, offset + len(values)), values=values)


def results_log(values: dict[int, list[bytes]]) -> ResultsLog:
    """Return the results as they are read."""
    results = ResultsLog(columns(COLUMNAR))
    for partition, own in values.items():
        if own:
            results.take(run_of(RESULTS, partition, own))
    return results
