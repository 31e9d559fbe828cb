"""The undisturbed run, and houses of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.baseline import Baseline, baseline_of, close_baseline, house_in
from tests.e2e.house import House

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 300  # any of the tests may be the first, and wait for the undisturbed run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder time for a whole platform's days."""
    for item in items:
        if item.path.is_relative_to(HERE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


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
