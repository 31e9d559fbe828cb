"""Whatever is killed, frozen or doubled while a platform runs: its books equal the undisturbed run's, byte for byte."""

from __future__ import annotations

import time

import pytest

from tests.chaos import tally
from tests.chaos.nemesis import BESIDE, THINGS, Nemesis, Pace, shuffled
from tests.e2e.baseline import Baseline
from tests.e2e.books import books, compare
from tests.e2e.house import House
from tests.e2e.script import Script

SEEDS = range(101, 109)
FREEZES = [f"freeze {name}" for name in (*THINGS, "supervisor")]


def disturbed(house: House, baseline: Baseline, nemesis: Nemesis) -> None:
    """Play the script under a nemesis, let the platform heal, and compare its books."""
    began = time.monotonic()
    house.start()
    nemesis.start()
    Script(house).run(nemesis.hold)
    nemesis.stop()
    house.await_running()
    found = books(house)
    faults = compare(baseline.books, found)
    tally.note(nemesis, time.monotonic() - began, found, faults)
    assert faults.none, f"{faults} ({nemesis.done})"


@pytest.mark.timeout(400)
def test_every_thing_killed_three_times(house: House, baseline: Baseline) -> None:
    """27 kill -9 at random moments, of gateway, workers, pricing, settlement, Postgres and broker: equal books."""
    nemesis = Nemesis(house, 1, shuffled(1, *THINGS, times=3), Pace(0.3, 3.2))
    disturbed(house, baseline, nemesis)
    assert nemesis.kills >= 20
    assert all(nemesis.done[f"kill {name}"] == 3 for name in THINGS)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_kills_freezes_and_doubles(house: House, baseline: Baseline, seed: int) -> None:
    """Kills, freezes, two gateways, overlapping workers, zombies, the supervisor killed and started: equal books."""
    plan = shuffled(seed, *THINGS, *THINGS, *THINGS, *FREEZES, *BESIDE, *BESIDE, "supervisor")
    nemesis = Nemesis(house, seed, plan)
    disturbed(house, baseline, nemesis)
    assert nemesis.kills >= 28
