"""Nothing is paid until everything agrees: the folds' results, the second engine, the control sums, the invariants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from settlement.domain.margin import CycleKey, MarginLine
from settlement.run.breach import Breach, Place
from settlement.run.engine import Engine
from settlement.run.results_log import LINE_FIELDS, PartitionResult, lines_of


def check(engine: Engine, cycle: CycleKey, results: Mapping[int, PartitionResult]) -> list[Breach]:
    """Return what forbids posting a cycle whose results are all there; empty when it may be posted.

    The log's own breaches come first: they explain a difference of the engines, not the other way round.
    """
    return engine.breaches(cycle) or check_results(engine, cycle, results)


def check_results(engine: Engine, cycle: CycleKey, results: Mapping[int, PartitionResult]) -> list[Breach]:
    """Return where the folds' results are not what they say, or not what the second engine computes."""
    places, fills = engine.places(cycle), engine.fills_before(cycle)
    found = [breach for p in sorted(results) for breach in _result_breaches(p, places[p], fills[p], results[p])]
    return found or compare(engine, cycle, lines_of(dict(results)))


def compare(engine: Engine, cycle: CycleKey, folded: Sequence[MarginLine]) -> list[Breach]:
    """Return the first difference between the folds' lines and the second engine's; empty when they are equal."""
    for expected, was in zip_longest(engine.margin_lines(cycle), folded):
        if expected != was:
            return [_difference(engine, expected, was)]
    return []


def _difference(engine: Engine, expected: MarginLine | None, was: MarginLine | None) -> Breach:
    line = min((one for one in (expected, was) if one is not None), key=_key)
    if expected is not None and was is not None and _key(expected) == _key(was):
        differing = [name for name in LINE_FIELDS if getattr(expected, name) != getattr(was, name)]
        told = ", ".join(f"{name} {getattr(expected, name)}, was {getattr(was, name)}" for name in differing)
    elif line is expected:
        told = "the line, was none"
    else:
        told = "no line, was one"
    message = (
        f"Expected {told}: the second engine and the fold differ first at {line.account} in {line.contract}. "
        "One of them is wrong: compare both with the fills named, by hand."
    )
    places = engine.fills_of(line.contract, [line.account], line.business_date)
    return Breach(
        rule="ENGINES_DIFFER",
        message=message,
        contract=line.contract,
        accounts=(line.account,),
        stream_seqs=tuple(places),
    )


def _key(line: MarginLine) -> tuple[bytes, bytes]:
    return line.account.encode(), line.contract.encode()


def _result_breaches(partition: int, prices_seq: int, fills: int, found: PartitionResult) -> Iterator[Breach]:
    """Yield where a partition's result does not describe its own lines."""
    result = found.result or {}
    lines = [line for _, line in found.in_order()]
    counted = {
        "stream_seq": prices_seq,
        "fills": fills,
        "lines": len(lines),
        "lines_sha256": found.lines_sha256(),
        "lots": sum(line.end for line in lines),
        "total_minor": sum(line.margin_minor for line in lines),
        "fee_minor": sum(line.fee_minor for line in lines),
    }
    if sorted(found.lines) != list(range(len(lines))):
        counted["lines"] = max(found.lines) + 1
        yield _wrong(partition, prices_seq, f"lines 0 to {max(found.lines)}, was {len(lines)} of them", lines)
    for name, was in counted.items():
        if result.get(name) != was:
            yield _wrong(partition, prices_seq, f"{name} {result.get(name)} of its lines, was {was}", lines)


def _wrong(partition: int, prices_seq: int, told: str, lines: Sequence[MarginLine]) -> Breach:
    return Breach(
        rule="RESULT_DIFFERS",
        message=f"The result of partition {partition}: Expected {told}. Look at the worker of that partition.",
        accounts=tuple(sorted({line.account for line in lines})[:20]),
        stream_seqs=(Place(partition, prices_seq),),
    )
