"""Who is over a position limit after a scenario, from its lines (rule POS-1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from settlement.domain.dates import parse_date
from settlement.domain.position_limit import Excess, Held, excesses, sides
from settlement.scenario import controls

if TYPE_CHECKING:
    from settlement.scenario.parse import Scenario

Json = dict[str, Any]


def over_limits(scenario: Scenario, document: Json) -> list[Excess]:
    """Return what is over its limit after the last settled date; document: the scenario's output."""
    limits = {
        name: [(0, int(terms["position_limit"]))]
        for name, terms in scenario.contracts.items()
        if terms.get("position_limit") is not None
    }
    return excesses(_held(scenario, document), limits)


def _held(scenario: Scenario, document: Json) -> Iterator[Held]:
    """Yield what each member held at the end of each date; of a date's lines of one account the last counts."""
    ends: dict[int, dict[tuple[str, str], Json]] = defaultdict(dict)
    for cycle in document["cycles"]:
        if cycle["kind"] in {"end_of_day", "final"}:
            lines = {(line["account"], line["contract"]): line for line in cycle["lines"]}
            ends[parse_date(cycle["date"])] |= lines
    accounts = controls.accounts(scenario)
    for date in sorted(ends):
        sums: dict[tuple[str, str, str], tuple[int, int]] = {}
        for (account, contract), line in ends[date].items():
            holder = (accounts[account].member, accounts[account].origin.value, contract)
            long, short = sums.get(holder, (0, 0))
            more_long, more_short = _sides(line)
            sums[holder] = (long + more_long, short + more_short)
        for (member, origin, contract), (long, short) in sums.items():
            yield Held(
                business_date=date, member=member, origin=origin, contract=contract, long=long, short=short
            )  # fmt: skip


def _sides(line: Json) -> tuple[int, int]:
    gross = "end_long" in line
    return sides(line.get("end", 0), line.get("end_long", 0), line.get("end_short", 0), gross=gross)
