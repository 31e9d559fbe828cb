"""Workers and gateways that come, go and overlap while fills flow: the books are those of the undisturbed run."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from tests.e2e.baseline import Baseline
from tests.e2e.books import books, compare
from tests.e2e.house import PARTS_ONLY, House, named
from tests.e2e.script import Script

LINE_SECONDS = 0.003  # the feed flows for some ten seconds
OVERLAP_SECONDS = 0.5


class Schedule:
    """Slows the exchange down, and does each thing when that share of the feed is written."""

    def __init__(self, *steps: tuple[float, Callable[[], None]]) -> None:
        self.steps = deque(steps)

    def __call__(self, share: float) -> None:
        """Wait a moment before the next line."""
        time.sleep(LINE_SECONDS)
        while self.steps and share >= self.steps[0][0]:
            self.steps.popleft()[1]()


def test_partitions_are_split_over_two_workers_and_joined_again(house: House, baseline: Baseline) -> None:
    """One worker, two, one again: with an overlap, without one, and with a gap; nothing lost, nothing twice."""
    house.workers = 1
    house.start(PARTS_ONLY)
    house.run_all()
    whole = house.process("positions-0")

    def start(name: str, partitions: str) -> None:
        house.run(named(whole, name, partitions=partitions))

    def split() -> None:
        start("positions-low", "0-1")
        start("positions-high", "2-3")
        time.sleep(OVERLAP_SECONDS)
        house.end("positions-0")

    def join() -> None:
        start("positions-joined", "0-3")
        house.end("positions-low")
        house.await_heartbeat("positions-joined")  # both have 2-3 now
        house.end("positions-high")

    def split_with_a_gap() -> None:
        house.end("positions-joined")
        start("positions-odd", "1,3")
        house.await_heartbeat("positions-odd")
        start("positions-even", "0,2")

    schedule = Schedule((0.15, split), (0.45, join), (0.75, split_with_a_gap))
    Script(house).run(schedule)
    assert not schedule.steps
    found = books(house)
    assert compare(baseline.books, found).none, compare(baseline.books, found)
    assert found.twins["variation-margin"] > 0, "Expected two workers to have said the same, was none."


def test_two_gateways_at_once(house: House, baseline: Baseline) -> None:
    """Two gateways work through one feed, one of them is killed and comes back: readers see one log."""
    house.start(PARTS_ONLY)
    house.run_all()
    second = named(house.process("gateway"), "gateway-second")
    house.run(second)

    def restart() -> None:
        house.end("gateway-second")
        house.run(second)

    Script(house).run(Schedule((0.3, restart), (0.7, restart)))
    found = books(house)
    assert compare(baseline.books, found).none, compare(baseline.books, found)
    assert found.twins["fills"] > 0, "Expected both to have written, was one."
