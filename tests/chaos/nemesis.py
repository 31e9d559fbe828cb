"""Kills, freezes and doubles parts of a running platform at seeded random moments, and counts what it did."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.house import AWAY, House, named

PROCESSES: Final = ("gateway", "positions-0", "positions-1", "orders", "index", "pricing", "settlement")
THINGS: Final = (*PROCESSES, "postgres", "kafka")
BESIDE: Final = ("two gateways", "overlap", "zombie")
FREEZE_SECONDS: Final = (0.5, 6.0)  # the supervisor kills what has no heartbeat for 3 s: both sides of that
ABSENT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two faults, at random between these."""

    shortest: float = 0.3
    longest: float = 4.0


@dataclass(slots=True)
class Nemesis:
    """Runs in a thread until its plan is done or it is stopped.

    plan: faults in order: the name of a thing to kill -9 (`supervisor`: with all that is under it), `freeze NAME`,
    `two gateways`, `overlap` (a second worker of all partitions), `zombie` (it is frozen while others go on).
    done: what was done, by kind.
    """

    house: House
    seed: int
    plan: Sequence[str]
    pace: Pace = Pace()
    done: Counter[str] = field(default_factory=Counter)
    failure: BaseException | None = None
    _chance: random.Random = field(init=False)
    _thread: threading.Thread = field(init=False)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._thread = threading.Thread(target=self._run, name="nemesis", daemon=True)

    @property
    def share(self) -> float:
        """How much of the plan is done, the way to the next fault included."""
        began, seconds = self._interval
        on_the_way = min(max(time.monotonic() - began, 0.0) / seconds, 1.0)
        return (self.done.total() + on_the_way) / len(self.plan)

    @property
    def kills(self) -> int:
        """How many processes were ended by SIGKILL."""
        return sum(count for kind, count in self.done.items() if kind.startswith("kill "))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and leave the platform to heal.

        Raises:
            AssertionError: it broke, or could not do what it planned.
        """
        self._stopping.set()
        self._thread.join()
        self.house.end_all()
        if self.failure is not None:
            raise AssertionError(f"The nemesis broke: {self.failure!r}") from self.failure

    def hold(self, share: float) -> None:
        """Hold the exchange back while the feed is ahead of the plan, so that every fault meets a feed that flows."""
        while self.share < share and self._thread.is_alive():
            time.sleep(0.02)

    def _run(self) -> None:
        try:
            for fault in self.plan:
                seconds = self._chance.uniform(self.pace.shortest, self.pace.longest)
                self._interval = time.monotonic(), seconds
                if self._stopping.wait(seconds):
                    return
                self._do(fault)
        except BaseException as error:  # noqa: BLE001  told by `stop`
            self.failure = error

    def _do(self, fault: str) -> None:
        match fault.split():
            case ["freeze", name]:
                self._freeze(name)
            case ["two", "gateways"]:
                self._double("gateway", "gateway-beside")
            case ["overlap"]:
                self._double("positions-0", "positions-beside", partitions="0-3")
            case ["zombie"]:
                self._double("positions-0", "positions-beside", partitions="0-3")
                self._stopping.wait(self._chance.uniform(1.0, 4.0))
                self._freeze("positions-beside")
            case ["supervisor"]:
                self.house.kill_supervisor()
                self.house.launch()
                self.house.await_running()
            case _:
                self._signal(fault, signal.SIGKILL)
        self.done[fault if " " in fault or fault in BESIDE else f"kill {fault}"] += 1

    def _signal(self, name: str, what: signal.Signals) -> int:
        """Send a signal as soon as the thing is there: it may be between two lives."""
        until = time.monotonic() + ABSENT_SECONDS
        while (pid := self.house.signal(name, what)) is None:
            assert time.monotonic() < until, f"Expected {name} to come back, was gone. {self.house.told()}"
            time.sleep(0.02)
        return pid

    def _freeze(self, name: str) -> None:
        """Stop a process for a while; who is frozen too long is killed by the supervisor, and SIGCONT finds nobody."""
        pid = self._signal(name, signal.SIGSTOP)
        self._stopping.wait(self._chance.uniform(*FREEZE_SECONDS))
        if self.house.pid(name) == pid:
            self.house.signal(name, signal.SIGCONT)

    def _double(self, name: str, other: str, **options: str) -> None:
        """Run a second one of a kind beside the platform's own; the one before it is killed first."""
        if other in self.house.own:
            self.house.end(other)
        until = time.monotonic() + ABSENT_SECONDS
        while True:
            try:
                self.house.run(named(self.house.process(name), other, **options))
                return
            except AWAY:
                assert time.monotonic() < until, self.house.told()
                time.sleep(0.2)


def shuffled(seed: int, *faults: str, times: int = 1) -> list[str]:
    """Return faults in a seeded order: all of them, then all of them in another order, so many times."""
    chance = random.Random(seed)
    return [fault for _ in range(times) for fault in chance.sample(faults, len(faults))]
