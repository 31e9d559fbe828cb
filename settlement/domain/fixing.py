"""One fixing of an index from the observations up to its instant, with what did not count and why (rule IDX-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from settlement.domain.averages import average, median, rounded, trimmed_average
from settlement.domain.dates import to_date
from settlement.domain.exclusions import (
    Exclusion,
    Observation,
    Reason,
    exclusion,
    far_providers,
    near_observations,
    provider_values,
    stale,
)
from settlement.domain.methodology import (
    AcrossProviders,
    Carry,
    Methodology,
    Relax,
)
from settlement.domain.money import NANO


class FixingTier(StrEnum):
    """Where a fixing came from."""

    PRIMARY = "primary"
    """The methodology's own ages and minima."""
    RELAX = "relax"
    """Older observations, as the fallback allows."""
    CARRY = "carry"
    """The previous fixing."""
    STOP = "stop"
    """There is none."""
    PRINT = "print"
    """An administrator gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """A fixing.

    value_nano: 1e-9, None when the series stops.  observations: how many were fresh enough.
    included: providers that count, sorted.  excluded: what does not count, sorted by provider.
    inputs_sha256: over everything that the value depends on besides the methodology.
    outliers: providers that are out until they are near enough again (hysteresis); an input of the next fixing.
    """

    value_nano: int | None
    tier: FixingTier
    observations: int
    included: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    inputs_sha256: str
    outliers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """The outcome with one limit of age; value is None where too little is left."""

    value: Fraction | None
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
    tried = _attempt(methodology, known, at_us, methodology.max_age_us, outliers)
    tier = FixingTier.PRIMARY
    for step in methodology.fallback:
        if tried.value is not None:
            break
        if isinstance(step, Relax):
            tried, tier = _attempt(methodology, known, at_us, step.max_age_us, outliers), FixingTier.RELAX
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
    at_us: int,
    max_age_us: int | None,
    outliers: frozenset[str],
) -> _Attempt:
    fresh = tuple(one for one in known if max_age_us is None or at_us - one.at_us <= max_age_us)
    kept, out = near_observations(methodology.outliers, fresh)
    excluded = stale(known, fresh, at_us) + out
    values, without_volume = provider_values(methodology.value_per_provider, kept)
    excluded += without_volume
    far = far_providers(methodology.outliers, values, outliers)
    excluded += [exclusion(provider, Reason.OUTLIER, values[provider]) for provider in far]
    counting = {provider: value for provider, value in values.items() if provider not in far}
    count = sum(one.provider in counting for one in kept)
    value = None
    if len(counting) >= methodology.min_providers and count >= methodology.min_observations:
        value = _across(methodology, list(counting.values()))
    else:
        excluded += [exclusion(provider, Reason.TOO_FEW, value) for provider, value in counting.items()]
        counting = {}
    return _Attempt(
        value=value,
        fresh=fresh,
        included=tuple(sorted(counting)),
        excluded=tuple(sorted(excluded)),
        outliers=(outliers - values.keys()) | far,
    )


def _across(methodology: Methodology, values: Sequence[Fraction]) -> Fraction:
    if methodology.across_providers is AcrossProviders.MEDIAN:
        return median(values)
    if methodology.across_providers is AcrossProviders.MEAN:
        return average(values)
    return trimmed_average(values, methodology.trim)
