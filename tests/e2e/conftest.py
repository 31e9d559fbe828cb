"""The undisturbed run, and houses of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
