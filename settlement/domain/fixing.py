"""One fixing of an index from the observations up to its instant, with what did not count and why (rule IDX-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from settlement.domain.averages import average, median, rounded, trimmed_average, weighted_median
from settlement.domain.dates import to_date
from settlement.domain.exclusions import (
    Exclusion,
    Observation,
    Reason,
    exclusion,
    far_providers,
    near_observations,
    stale,
)
from settlement.domain.methodology import (
    AcrossProviders,
    Carry,
    Methodology,
    Relax,
    ValuePerProvider,
)
from settlement.domain.money import NANO
from settlement.domain.provider_values import Value, provider_values
from settlement.domain.time_parts import fresh_parts


class FixingTier(StrEnum):
    """Where a fixing came from."""

    PRIMARY = "primary"
    """The methodology's own ages and minima."""
    LOW_CONFIDENCE = "low-confidence"
    """As primary, from fewer days than the methodology's pool wants."""
    RELAX = "relax"
    """Older observations, as the fallback allows."""
    CARRY = "carry"
    """The previous fixing."""
    STOP = "stop"
    """There is none."""
    PRINT = "print"
    """An administrator gave it."""
    IGNORED = "ignored"
    """A new value of a date that had one, which the restatement rule leaves aside; the one that stood stands."""

    @property
    def is_made(self) -> bool:
        """Whether observations made the value, so that it can be carried."""
        return self in {FixingTier.PRIMARY, FixingTier.LOW_CONFIDENCE, FixingTier.RELAX}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well observations made a value; nothing of it changes the value.

    counted: observations behind it.  parts: days of a pool, or partitions, that count.
    lowest_nano, highest_nano: of the values that count, 1e-9, half-up.  deviation_nano: the median distance of these
    values from their median.
    """

    counted: int = 0
    parts: int = 0
    lowest_nano: int | None = None
    highest_nano: int | None = None
    deviation_nano: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """A fixing.

    value_nano: 1e-9, None when the series stops.  observations: how many were fresh enough.
    included: providers that count, sorted.  excluded: what does not count, sorted by provider.
    inputs_sha256: over everything that the value depends on besides the methodology.
    outliers: providers that are out until they are near enough again (hysteresis); an input of the next fixing.
    carried_date: of the fixing that is carried, None where none is.  ignored_nano: a value that does not stand.
    fresh: the observations that were fresh enough, in the log's order.  values: what they gave that counts.
    """

    value_nano: int | None
    tier: FixingTier
    observations: int
    included: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    inputs_sha256: str
    outliers: frozenset[str]
    quality: Quality = Quality()
    carried_date: int | None = None
    ignored_nano: int | None = None
    fresh: tuple[Observation, ...] = ()
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """The outcome with one limit of age; value is None where too little is left."""

    value: Fraction | None
    values: tuple[Value, ...]
    parts: int
    confident: bool
    fresh: tuple[Observation, ...]
    included: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    outliers: frozenset[str]


def fixing(
    methodology: Methodology,
    observations: Iterable[Observation],
    *,
    date: int,
    at_us: int,
    previous: Mapping[int, int],
    outliers: frozenset[str] = frozenset(),
) -> Fixing:
    """Return the fixing of a date (yyyymmdd); a pure function of its arguments (rule IDX-1).

    observations: in the log's order; those after `at_us` have not happened yet, and ages count from it.
    previous: values (1e-9) by date that were fixed or printed, none that was carried; only earlier dates matter.
    outliers: providers that the fixing before left out for their deviation.
    """
    known = [one for one in observations if one.at_us <= at_us]
    made_at = date, at_us
    tried = _attempt(methodology, known, made_at, methodology.max_age_us, outliers)
    tier = FixingTier.PRIMARY if tried.confident else FixingTier.LOW_CONFIDENCE
    for step in methodology.fallback:
        if tried.value is not None:
            break
        if isinstance(step, Relax):
            tried, tier = _attempt(methodology, known, made_at, step.max_age_us, outliers), FixingTier.RELAX
        elif isinstance(step, Carry):
            carried = _carried(previous, date, step.days)
            if carried is not None:
                return _without_value(tried, at_us, outliers, FixingTier.CARRY, carried)
    if tried.value is None:
        return _without_value(tried, at_us, outliers, FixingTier.STOP, None)
    return Fixing(
        value_nano=rounded(tried.value, 10 ** (NANO - methodology.precision)),
        tier=tier,
        observations=len(tried.fresh),
        included=tried.included,
        excluded=tried.excluded,
        inputs_sha256=inputs_sha256(at_us, tried.fresh, outliers),
        outliers=tried.outliers,
        quality=_quality(tried),
        fresh=tried.fresh,
        values=tried.values,
    )


def inputs_sha256(
    at_us: int, fresh: Sequence[Observation], outliers: frozenset[str], carried: tuple[int, int] | None = None
) -> str:
    """Return the SHA-256, in hex, of what a fixing depends on besides its methodology, as canonical JSON.

    The instant, the observations that were fresh enough as [provider, price, quantity, instant] in the log's order,
    the outliers before, sorted, and the date and value that were carried.
    """
    rows = [[one.provider, one.price_nano, one.quantity_nano, one.at_us] for one in fresh]
    content = {"at_us": at_us, "carried": carried, "observations": rows, "outliers": sorted(outliers)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without_value(
    tried: _Attempt, at_us: int, outliers: frozenset[str], tier: FixingTier, carried: tuple[int, int] | None
) -> Fixing:
    """Return a fixing that the observations did not make; the outliers stay as they were, since nothing was decided."""
    return Fixing(
        value_nano=carried[1] if carried else None,
        tier=tier,
        observations=len(tried.fresh),
        included=(),
        excluded=tried.excluded,
        inputs_sha256=inputs_sha256(at_us, tried.fresh, outliers, carried),
        outliers=outliers,
        carried_date=carried[0] if carried else None,
        fresh=tried.fresh,
    )


def _carried(previous: Mapping[int, int], date: int, days: int) -> tuple[int, int] | None:
    """Return the date and value of the fixing before, when it is at most `days` calendar days old."""
    before = max((day for day in previous if day < date), default=None)
    if before is None or (to_date(date) - to_date(before)).days > days:
        return None
    return before, previous[before]


def _attempt(
    methodology: Methodology,
    known: Sequence[Observation],
    made_at: tuple[int, int],
    max_age_us: int | None,
    outliers: frozenset[str],
) -> _Attempt:
    date, at_us = made_at
    fresh, parts = fresh_parts(methodology, known, date=date, at_us=at_us, max_age_us=max_age_us)
    excluded = stale(known, fresh, at_us)
    kept, days = _near(methodology, parts, excluded)
    judged = [_judge(methodology, part, outliers, excluded) for part in kept if part]
    counting = [values for values, _ in judged if values]
    named = {value.provider for values in counting for value in values}
    observations = sum(value.observations for values in counting for value in values)
    parts_needed = methodology.partitions.min_partitions if methodology.partitions else 1
    enough = len(named) >= methodology.min_providers and observations >= methodology.min_observations
    if not enough or len(counting) < parts_needed:
        left = [value for values in counting for value in values]
        excluded += [exclusion(value.provider, Reason.TOO_FEW, value.value) for value in left]
        counting, named = [], set()
    far = frozenset().union(*(out for _, out in judged))
    return _Attempt(
        value=average([_across(methodology, values) for values in counting]) if counting else None,
        values=tuple(value for values in counting for value in values),
        parts=days if methodology.pool else len(counting),
        confident=methodology.pool is None or days >= methodology.pool.confident_days,
        fresh=fresh,
        included=tuple(sorted(named)),
        excluded=tuple(sorted(excluded)),
        outliers=(outliers - _judged_names(judged)) | far,
    )


def _quality(tried: _Attempt) -> Quality:
    figures = [value.value for value in tried.values]
    middle = median(figures)
    return Quality(
        counted=sum(value.observations for value in tried.values),
        parts=tried.parts,
        lowest_nano=rounded(min(figures), 1),
        highest_nano=rounded(max(figures), 1),
        deviation_nano=rounded(median([abs(figure - middle) for figure in figures]), 1),
    )


def _near(
    methodology: Methodology, parts: Sequence[Sequence[Observation]], excluded: list[Exclusion]
) -> tuple[list[list[Observation]], int]:
    """Return each part without its single outliers, the days of a pool as one; and how many parts count.

    What does not count is added to `excluded`.
    """
    kept: list[list[Observation]] = []
    for part in parts:
        if methodology.pool is not None and len(part) < methodology.pool.min_observations:
            excluded += [exclusion(one.provider, Reason.TOO_FEW, Fraction(one.price_nano)) for one in part]
            continue
        near, out = near_observations(methodology.outliers, part)
        excluded += out
        kept.append(near)
    count = sum(bool(part) for part in kept)
    return ([[one for part in kept for one in part]] if methodology.pool else kept), count


def _judge(
    methodology: Methodology, part: Sequence[Observation], outliers: frozenset[str], excluded: list[Exclusion]
) -> tuple[list[Value], frozenset[str]]:
    """Return the values that count of one part, and the providers that are too far from the others there."""
    values, out = provider_values(methodology, part)
    excluded += out
    if methodology.value_per_provider is ValuePerProvider.EACH:
        return values, frozenset()
    by_provider = {value.provider: value.value for value in values}
    far = far_providers(methodology.outliers, by_provider, outliers)
    excluded += [exclusion(provider, Reason.OUTLIER, by_provider[provider]) for provider in far]
    return [value for value in values if value.provider not in far], far


def _judged_names(judged: Sequence[tuple[list[Value], frozenset[str]]]) -> frozenset[str]:
    return frozenset(value.provider for values, _ in judged for value in values)


def _across(methodology: Methodology, values: Sequence[Value]) -> Fraction:
    figures = [value.value for value in values]
    match methodology.across_providers:
        case AcrossProviders.MEDIAN:
            return median(figures)
        case AcrossProviders.MEAN:
            return average(figures)
        case AcrossProviders.TRIMMED_MEAN:
            return trimmed_average(figures, methodology.trim)
        case AcrossProviders.VOLUME_WEIGHTED_MEDIAN:
            found = weighted_median([(value.value, value.weight_nano) for value in values])
            return found if found is not None else median(figures)  # no value without a weight comes here
