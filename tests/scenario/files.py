"""Scenario texts that tests share."""

from __future__ import annotations

from settlement.scenario.errors import ScenarioError, UnreadableScenarioError
from settlement.scenario.parse import Scenario, parse_scenario
from settlement.scenario.run import Result, run_scenario

FILE = "case.yaml"
GPUH = "contracts: {GPUH: {size: 730, tick: 0.001}}\n"


def settle(events: str, head: str = GPUH, *, partitions: int = 4) -> Result:
    """Settle events, one a line without the dash, against the contract GPUH."""
    return run_scenario(scenario(events, head), partitions=partitions)


def scenario(events: str, head: str = GPUH) -> Scenario:
    """Read events, one a line without the dash."""
    listed = "\n".join(f"  - {line.strip()}" for line in events.strip().splitlines())
    return parse_scenario(f"{head}events:\n{listed}\n", FILE)


def problems(content: str | bytes) -> list[ScenarioError]:
    """Return what is wrong with a file, or fail when nothing is."""
    try:
        parse_scenario(content, FILE)
    except UnreadableScenarioError as error:
        return list(error.errors)
    raise AssertionError("Expected an error of the file, was none.")


def codes(result: Result) -> list[tuple[int, str]]:
    """Return the refused events and their codes, and check that the engines agree on the rest."""
    assert not result.disagreements, result.disagreements
    return [(rejection["event"], rejection["code"]) for rejection in result.document["rejections"]]
