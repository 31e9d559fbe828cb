"""The two engines against each other: every line of every cycle, and what the second one finds broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Final

from settlement.domain.calendar import Calendar
from settlement.domain.margin import CycleKey, MarginLine
from settlement.run.breach import BreachError
from settlement.run.engine import Engine
from settlement.scenario.offline import Offline, cycle_key

TRADE_BREAKS: Final = "ENT-7"
"""A refused trade holds up a production date until somebody resubmits or waives it; here it is a rejection, no more."""

_LINE: Final = tuple(field.name for field in fields(MarginLine))


def lines_by_cycle(offline: Offline) -> dict[CycleKey, list[MarginLine]]:
    """Return the folds' margin lines by cycle, in the log's order, lines by account and contract."""
    offline.flush()
    lines: dict[CycleKey, list[MarginLine]] = {
        cycle_key(prices): [] for prices in offline.cycles if prices["kind"] != "opening"
    }
    for record in offline.emitted.get("margin_line", []):
        lines[cycle_key(record)].append(MarginLine(**{name: record[name] for name in _LINE}))
    return {key: sorted(inner, key=lambda line: (line.account, line.contract)) for key, inner in lines.items()}


def disagreements(
    offline: Offline, lines: dict[CycleKey, list[MarginLine]], banks: Mapping[str, Calendar]
) -> list[str]:
    """Return what the engines see differently, as sentences; empty when they agree and nothing is broken.

    banks: the banking days that payments were dated by.
    """
    engine = offline.engine()
    try:
        found = list(_results(offline, lines))
        if set(engine.cycles()) != set(lines):
            found.append(
                f"Cycles: the folds have {list(map(str, lines))}, the SQL engine {list(map(str, engine.cycles()))}."
            )
        for cycle, theirs in lines.items():
            found += _of_cycle(engine, cycle, theirs)
            if (logged := engine.banks(cycle)) != banks:
                found.append(f"{cycle}: Expected the bank calendars {banks}, was {logged} in the log.")
        return found
    finally:
        engine.close()


def expired_sides(
    lines: Iterable[MarginLine], sides: Mapping[tuple[str, str], tuple[int, int]], gross: Collection[str]
) -> list[str]:
    """Return where the sides that a final closed are not what both engines' lines say, as sentences.

    sides: long and short lots that the gateway held before the final, by account and contract; a line has them net, in
    `expired`: what opened and closed since its start is not in it (rules ACC-1, FSP-3).
    """
    finals = [line for line in lines if line.kind == "final" and line.account in gross]
    held = [(line, *sides.get((line.account, line.contract), (0, 0))) for line in finals]
    return [
        f"{line.account} in {line.contract}: Expected {line.expired} lots net to expire, as both engines say, was "
        f"{long} long and {short} short by the gateway."
        for line, long, short in held
        if long - short != line.expired
    ]


def _results(offline: Offline, lines: dict[CycleKey, list[MarginLine]]) -> Iterator[str]:
    """Yield where a partition's own word on a cycle is missing or counts other lines than it sent."""
    counted: defaultdict[tuple[CycleKey, int], int] = defaultdict(int)
    for cycle, inner in lines.items():
        for line in inner:
            counted[cycle, line.partition] += 1
    said = {
        (cycle_key(result), result["partition"]): result["lines"]
        for result in offline.emitted.get("partition_result", [])
    }
    for cycle in lines:
        for partition in range(len(offline.fills)):
            expected, was = counted[cycle, partition], said.get((cycle, partition))
            if expected != was:
                yield f"{cycle}: Expected a result of {expected} lines from partition {partition}, was {was}."


def _of_cycle(engine: Engine, cycle: CycleKey, theirs: list[MarginLine]) -> Iterator[str]:
    try:
        ours = engine.margin_lines(cycle)
        breaches = [breach for breach in engine.breaches(cycle) if breach.rule != TRADE_BREAKS]
    except BreachError as error:
        yield f"{cycle}: {error}"
        return
    yield from (f"{cycle}: {breach}" for breach in breaches)
    by_name = [{(line.account, line.contract): line for line in side} for side in (theirs, ours)]
    for name in sorted(set(by_name[0]) | set(by_name[1])):
        fold, sql = (side.get(name) for side in by_name)
        if fold != sql:
            yield f"{cycle}, {name[0]} in {name[1]}: {_difference(fold, sql)}."


def _difference(fold: MarginLine | None, sql: MarginLine | None) -> str:
    if fold is None or sql is None:
        return f"the folds have {'no' if fold is None else 'a'} line, the SQL engine {'none' if sql is None else 'one'}"
    named = [field.name for field in fields(MarginLine) if getattr(fold, field.name) != getattr(sql, field.name)]
    return "; ".join(
        f"{name} is {getattr(fold, name)} by the folds, {getattr(sql, name)} by the SQL engine" for name in named
    )
