"""One fixing of an index from the observations up to its instant, with what did not count and why (rule IDX-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from settlement.domain.averages import average, far_from_average, median, trimmed_average, weighted_median
from settlement.domain.dates import to_date
from settlement.domain.methodology import (
    AcrossProviders,
    Carry,
    Deviation,
    Methodology,
    Relax,
    TrimmedStdev,
    ValuePerProvider,
)
from settlement.domain.money import NANO, divide

REMEMBERED_US: Final = 31 * 24 * 3_600_000_000
"""A provider whose last observation is older than 31 days is no longer named as stale: it has left."""


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


class Reason(StrEnum):
    """Why a provider or an observation does not count."""

    STALE = "STALE"
    """Its last observation is too old."""
    NO_VOLUME = "NO_VOLUME"
    """Values are weighted by quantity, and it has none."""
    OUTLIER = "OUTLIER"
    """It is too far from the others."""
    TOO_FEW = "TOO_FEW"
    """It would count, but fewer providers or observations are left than the methodology needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A provider's price: price_nano and quantity_nano in 1e-9, at_us in microseconds since 1970 UTC."""

    provider: str
    price_nano: int
    quantity_nano: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Exclusion:
    """What does not count, and why.

    price_nano: the provider's value, half-up to 1e-9; the observation's price where only that one is out.
    """

    provider: str
    reason: Reason
    price_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """A fixing.

    value_nano: 1e-9, None when the series stops.  observations: how many were fresh enough.  included: providers that
    count, sorted.
    excluded: sorted.  inputs_sha256: over everything that the value depends on besides the methodology.
    outliers: providers that are out from here on until they are near enough again (hysteresis); the next fixing's
    input.
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
    previous: value (1e-9) by date of what was fixed or printed, carried values not among them; only earlier dates are
    looked at.
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
        value_nano=_rounded(tried.value, 10 ** (NANO - methodology.precision)),
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
    the outliers before, sorted,
    and the date and value that were carried.
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
    kept, out = _near_observations(methodology.outliers, fresh)
    excluded = _stale(known, fresh, at_us) + out
    values, without_volume = _provider_values(methodology.value_per_provider, kept)
    excluded += without_volume
    far = _far_providers(methodology.outliers, values, outliers)
    excluded += [_exclusion(provider, Reason.OUTLIER, values[provider]) for provider in far]
    counting = {provider: value for provider, value in values.items() if provider not in far}
    count = sum(one.provider in counting for one in kept)
    value = None
    if len(counting) >= methodology.min_providers and count >= methodology.min_observations:
        value = _across(methodology, list(counting.values()))
    else:
        excluded += [_exclusion(provider, Reason.TOO_FEW, value) for provider, value in counting.items()]
        counting = {}
    return _Attempt(
        value=value,
        fresh=fresh,
        included=tuple(sorted(counting)),
        excluded=tuple(sorted(excluded)),
        outliers=(outliers - values.keys()) | far,
    )


def _stale(known: Sequence[Observation], fresh: Sequence[Observation], at_us: int) -> list[Exclusion]:
    """Return the providers that have observations, but none that is fresh; each with its last price."""
    named = {one.provider for one in fresh}
    last: dict[str, Observation] = {}
    for one in known:
        if one.provider not in named and (one.provider not in last or last[one.provider].at_us <= one.at_us):
            last[one.provider] = one
    return [
        Exclusion(provider=provider, reason=Reason.STALE, price_nano=one.price_nano)
        for provider, one in last.items()
        if at_us - one.at_us <= REMEMBERED_US
    ]


def _near_observations(
    rule: Deviation | TrimmedStdev | None, fresh: Sequence[Observation]
) -> tuple[list[Observation], list[Exclusion]]:
    """Split off the single observations that are too far from all."""
    if not isinstance(rule, TrimmedStdev):
        return list(fresh), []
    far = far_from_average([Fraction(one.price_nano) for one in fresh], rule.trim, rule.stdev)
    kept, out = ([one for one, is_far in zip(fresh, far, strict=True) if is_far is side] for side in (False, True))
    return kept, [_exclusion(one.provider, Reason.OUTLIER, Fraction(one.price_nano)) for one in out]


def _provider_values(
    rule: ValuePerProvider, kept: Sequence[Observation]
) -> tuple[dict[str, Fraction], list[Exclusion]]:
    """Return each provider's value, and the providers whose observations weigh nothing."""
    by_provider: dict[str, list[Observation]] = {}
    for one in kept:
        by_provider.setdefault(one.provider, []).append(one)
    values: dict[str, Fraction] = {}
    excluded: list[Exclusion] = []
    for provider, theirs in by_provider.items():
        value = _provider_value(rule, theirs)
        if value is None:
            price_nano = theirs[-1].price_nano
            excluded.append(Exclusion(provider=provider, reason=Reason.NO_VOLUME, price_nano=price_nano))
        else:
            values[provider] = value
    return values, excluded


def _provider_value(rule: ValuePerProvider, theirs: Sequence[Observation]) -> Fraction | None:
    if rule is ValuePerProvider.LAST:
        latest = max(one.at_us for one in theirs)
        return Fraction([one.price_nano for one in theirs if one.at_us == latest][-1])
    if rule is ValuePerProvider.MEDIAN:
        return median([Fraction(one.price_nano) for one in theirs])
    return weighted_median([(Fraction(one.price_nano), max(one.quantity_nano, 0)) for one in theirs])


def _far_providers(
    rule: Deviation | TrimmedStdev | None, values: Mapping[str, Fraction], outliers: frozenset[str]
) -> frozenset[str]:
    """Return the providers too far from the median of the others; one alone has nothing to deviate from."""
    if not isinstance(rule, Deviation) or len(values) < 2:
        return frozenset()
    far = set()
    for provider, value in values.items():
        center = median([other for name, other in values.items() if name != provider])
        distance, base = abs(value - center), abs(center)
        if distance > rule.exclude * base or (provider in outliers and distance >= rule.readmit * base):
            far.add(provider)
    return frozenset(far)


def _across(methodology: Methodology, values: Sequence[Fraction]) -> Fraction:
    if methodology.across_providers is AcrossProviders.MEDIAN:
        return median(values)
    if methodology.across_providers is AcrossProviders.MEAN:
        return average(values)
    return trimmed_average(values, methodology.trim)


def _exclusion(provider: str, reason: Reason, value: Fraction) -> Exclusion:
    return Exclusion(provider=provider, reason=reason, price_nano=_rounded(value, 1))


def _rounded(value: Fraction, unit: int) -> int:
    """Return a value rounded half-up to a multiple of `unit`."""
    return divide(value.numerator, value.denominator * unit) * unit
