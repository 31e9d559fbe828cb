"""The undisturbed run, houses of a test's own, and the summary of all faults at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import tally
from tests.e2e.baseline import Baseline, baseline_of, close_baseline, house_in
from tests.e2e.house import House


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    """The undisturbed run, finished."""
    return baseline_of(tmp_path_factory)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house where nothing runs yet."""
    yield from house_in(tmp_path)


def pytest_sessionfinish() -> None:
    """End the undisturbed run."""
    close_baseline()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was done to the platform, and what it did to the books."""
    if tally.runs:
        terminalreporter.section("faults, and how the books differ from the undisturbed run's")
        for line in tally.table():
            terminalreporter.write_line(line)
