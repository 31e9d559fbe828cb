"""The undisturbed run that every other one is held against: once a session, for e2e and chaos together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.books import Books, books
from tests.e2e.house import PARTS_ONLY, House
from tests.e2e.script import Script


@dataclass(frozen=True, slots=True)
class Baseline:
    """A finished run: its broker and database still run, its processes do not."""

    house: House
    script: Script
    books: Books


_made: list[Baseline] = []


def baseline_of(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    """Return the session's undisturbed run."""
    if not _made:
        house = House(tmp_path_factory.mktemp("baseline") / "data")
        try:
            house.start(PARTS_ONLY)
            house.run_all()
            script = Script(house)
            script.run()
            found = books(house)
            house.end_all()
        except BaseException:
            house.close()
            raise
        _made.append(Baseline(house, script, found))
    return _made[0]


def close_baseline() -> None:
    """End it with the session."""
    while _made:
        _made.pop().house.close()


def house_in(folder: Path) -> Iterator[House]:
    """Yield a house for a test, and end it."""
    house = House(folder / "data")
    yield house
    house.close()
