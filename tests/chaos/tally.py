"""What the chaos runs of this session did and found; printed at the session's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.nemesis import Nemesis
from tests.e2e.books import Books, Faults


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its seed, its faults by kind, how long it took, and how its books differ from the undisturbed run's."""

    seed: int
    done: Counter[str]
    kills: int
    seconds: float
    places: int
    twins: int
    faults: Faults


runs: list[Run] = []


def note(nemesis: Nemesis, seconds: float, found: Books, faults: Faults) -> None:
    """Keep what a run did and found."""
    runs.append(
        Run(
            seed=nemesis.seed, done=Counter(nemesis.done), kills=nemesis.kills, seconds=seconds,
            places=len(found.rows), twins=found.twins.total(), faults=faults,
        )
    )  # fmt: skip


HEADS = ("seed", "faults", "kills", "seconds", "compared", "twins", "lost", "doubled", "conflicting")


def table() -> Iterator[str]:
    """Yield the lines of the summary."""
    yield _row(HEADS)
    for run in runs:
        yield _row((run.seed, *_numbers([run])))
    yield _row(("all", *_numbers(runs)))
    total = sum((run.done for run in runs), Counter[str]())
    yield "by kind: " + ", ".join(f"{count} {kind}" for kind, count in sorted(total.items()))
    yield from (f"seed {run.seed}: {run.faults}" for run in runs if not run.faults.none)


def _numbers(of: list[Run]) -> list[int]:
    """Return the columns behind the seed, summed over runs."""
    found = [
        (r.done.total(), r.kills, round(r.seconds), r.places, r.twins, *map(len, (r.faults.lost, r.faults.doubled)),
         len(r.faults.conflicting))
        for r in of
    ]  # fmt: skip
    return [sum(column) for column in zip(*found, strict=True)]


def _row(cells: Iterable[object]) -> str:
    return "  ".join(f"{cell:>{len(head)}}" for head, cell in zip(HEADS, cells, strict=True))
