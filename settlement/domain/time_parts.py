"""The observations that are fresh enough, by the part of time that they belong to: all in one, dates, or partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from settlement.domain.dates import to_date, to_instant, to_number
from settlement.domain.exclusions import Observation
from settlement.domain.methodology import Methodology


def fresh_parts(
    methodology: Methodology, known: Sequence[Observation], *, date: int, at_us: int, max_age_us: int | None
) -> tuple[tuple[Observation, ...], list[list[Observation]]]:
    """Return the observations that are fresh enough, in the log's order, and the same by part, empty parts too.

    date: of the fixing, yyyymmdd.  max_age_us: of a methodology without pool and partitions, None without a limit.
    """
    place_of, count = _places(methodology, date, at_us, max_age_us)
    parts: list[list[Observation]] = [[] for _ in range(count)]
    fresh = []
    for one in known:
        place = place_of(one)
        if place is not None:
            fresh.append(one)
            parts[place].append(one)
    return tuple(fresh), parts


def _places(
    methodology: Methodology, date: int, at_us: int, max_age_us: int | None
) -> tuple[Callable[[Observation], int | None], int]:
    """Return what gives an observation's part, None of one that is too old, and the number of parts."""
    if methodology.pool is not None:
        last, count = to_date(date), methodology.pool.days
        days = {to_number(last - timedelta(days=ago)): ago for ago in range(count)}
        return (lambda one: days.get(to_number(to_instant(one.at_us).date()))), count
    partitions = methodology.partitions
    if partitions is not None:
        return (lambda one: partitions.place(at_us - one.at_us)), partitions.count
    return (lambda one: 0 if max_age_us is None or at_us - one.at_us <= max_age_us else None), 1
