"""Markers of the whole suite: which rule a test carries, and which tests run only in the long run."""

import pytest

from settlement.domain.rules import RULES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --long: the tests that take minutes run too (make chaos)."""
    parser.addoption("--long", action="store_true", help="run the tests marked long too")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "rule(*codes): the rules of settlement/domain/rules.py that this test carries")
    config.addinivalue_line("markers", "long: runs only with --long (minutes; make chaos, make bench)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a rule code that is not in the catalogue, and deselect long tests unless they are asked for."""
    for item in items:
        for mark in item.iter_markers("rule"):
            if not mark.args or not set(mark.args) <= RULES.keys():
                message = f"Expected rule codes of settlement/domain/rules.py, was {mark.args} on {item.nodeid}."
                raise pytest.UsageError(message)
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        if long:
            items[:] = [item for item in items if not item.get_closest_marker("long")]
            config.hook.pytest_deselected(items=long)
