"""One platform for the operator's days, and none for bad input."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operated import Operated
from tests.e2e.house import House


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """The two days, done."""
    folder = tmp_path_factory.mktemp("operated")
    house = House(folder / "data", workers=1)
    try:
        house.start()
        days = Operated(house, folder)
        days.run()
        yield days
    finally:
        house.close()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A data folder where no platform ever was."""
    return tmp_path / "data"
