"""The worked cases: each settles as expected, and no expected figure is there for show."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from settlement.domain.products.shipped import shipped_terms
from settlement.scenario.expectation import differences
from settlement.scenario.parse import Scenario, parse_scenario, read_scenario
from settlement.scenario.run import Result, run_scenario
from settlement.scenario.tree import Items, Mapping, Node, Text

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "docs/recipes").glob("[EF]*.yaml"))  # the others are no scenarios (tests/hedge)
WORKED = [f"E{number:02}" for number in (1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 18, 19, 33)]
RULES = {
    "E01": ("VM-1", "VAL-1"),
    "E02": ("VM-2", "VAL-1"),
    "E04": ("VM-4",),
    "E05": ("VM-3",),
    "E07": ("COR-1",),
    "E08": ("COR-1",),
    "E15": ("ACC-1", "PAY-1"),
    "E16": ("ACC-1",),
    "E18": ("PAY-1",),
    "E19": ("ITD-1",),
    "E33": ("FEE-1",),
    "F01": ("FSP-1", "FSP-2", "FSP-3"),
    "F02": ("FSP-1",),
    "F03": ("FSP-2", "COR-1"),
    "F04": ("FSP-2", "ENT-4"),
    "F05": ("FSP-3", "ITD-1", "AVG-1"),
    "F06": ("COR-2", "TRF-1"),
    "F07": ("COR-2", "TRF-1"),
    "F08": ("IDX-1", "FSP-1"),
    "F09": ("ACC-1", "FSP-3"),
    "F10": ("CUT-1",),
}
_SETTLED: dict[Path, Result] = {}


def settled(path: Path) -> Result:
    """Return a recipe's result, settled once."""
    if path not in _SETTLED:
        _SETTLED[path] = run_scenario(read_scenario(path, shipped_terms()))
    return _SETTLED[path]


def marked(path: Path) -> object:
    """Return a recipe as a parameter that carries its rules."""
    return pytest.param(path, id=path.stem, marks=[pytest.mark.rule(code) for code in RULES.get(path.stem[:3], ())])


def test_every_worked_case_is_shipped() -> None:
    """The worked cases of the language's definition stand in docs/recipes, each with its expectation."""
    assert [path.stem[:3] for path in RECIPES if path.stem[:3] in WORKED] == WORKED
    assert all(read_scenario(path, shipped_terms()).expect is not None for path in RECIPES)


@pytest.mark.parametrize("path", [marked(path) for path in RECIPES])
def test_a_recipe_settles_as_expected(path: Path) -> None:
    """Both engines find the same lines, and everything is as the recipe says."""
    result = settled(path)
    assert [str(difference) for difference in result.differences] == []
    assert list(result.disagreements) == []
    assert result.exit_code == 0


@pytest.mark.parametrize("path", [marked(path) for path in RECIPES])
def test_no_expected_figure_is_vacuous(path: Path) -> None:
    """Whatever single figure or word of a recipe's expectation is changed, exactly that one differs."""
    scenario, document = read_scenario(path, shipped_terms()), settled(path).document
    assert scenario.expect is not None
    changed = 0
    for expect in one_changed(scenario.expect):
        found = differences(expect, document, names(scenario))
        assert found, f"changing a figure of {path.name} was not noticed: {expect}"
        changed += 1
    assert changed >= 10


def names(scenario: Scenario) -> frozenset[str]:
    """Return everything that could be an account: the comparison must not need a kind word about a zero."""
    return frozenset(re.findall(r"[A-Z/a-z-]+", Path(scenario.file).read_text(encoding="utf-8")))


def one_changed(node: Node) -> Iterator[Node]:
    """Yield an expectation once for each of its figures and words, with that one changed."""
    if isinstance(node, Text):
        yield dataclasses.replace(node, value=str(int(node.value) + 1) if node.value.isdecimal() else f"{node.value}9")
    elif isinstance(node, Items):
        for place, item in enumerate(node.items):
            for changed in one_changed(item):
                yield dataclasses.replace(node, items=(*node.items[:place], changed, *node.items[place + 1 :]))
        if not node.items:
            yield dataclasses.replace(node, items=(Mapping(node.line, ()),))
    else:
        for place, (key, inner) in enumerate(node.entries):
            for changed in one_changed(inner):
                entries = (*node.entries[:place], (key, changed), *node.entries[place + 1 :])
                yield dataclasses.replace(node, entries=entries)


REFERENCE = (ROOT / "docs/reference/scenarios.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"(?:^### `(\w+)`.*?)?```yaml\n(.*?)```", REFERENCE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("event", "content"), EXAMPLES, ids=[event or "first" for event, _ in EXAMPLES])
def test_an_example_of_the_reference_settles_as_it_says(event: str, content: str) -> None:
    """Every example of docs/reference/scenarios.md runs, has its event in it, and gives what it expects."""
    assert f"  - {event}" in content
    result = run_scenario(parse_scenario(content, f"{event}.yaml"))
    assert [str(difference) for difference in result.differences] == []
    assert list(result.disagreements) == []
    assert result.scenario.expect is not None
