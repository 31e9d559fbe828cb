"""What counts in a fixing and what does not, each exclusion with its reason: age, quantity, distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from settlement.domain.averages import far_from_average, medians_of_the_others, rounded
from settlement.domain.methodology import Deviation, TrimmedStdev

REMEMBERED_US: Final = 31 * 24 * 3_600_000_000
"""A provider whose last observation is older than 31 days is no longer named as stale: it has left."""


class Reason(StrEnum):
    """Why a provider or an observation does not count."""

    STALE = "STALE"
    """Its last observation is too old."""
    NO_VOLUME = "NO_VOLUME"
    """Values are weighted by quantity, and it has none."""
    OUTLIER = "OUTLIER"
    """It is too far from the others."""
    INCOMPLETE = "INCOMPLETE"
    """A component of the blend is missing, or this is none of its components."""
    TOO_FEW = "TOO_FEW"
    """It would count, but fewer providers or observations are left, of a day or in all, than the methodology needs."""


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


def exclusion(provider: str, reason: Reason, value: Fraction) -> Exclusion:
    """Return an exclusion at a provider's value."""
    return Exclusion(provider=provider, reason=reason, price_nano=rounded(value, 1))


def stale(known: Sequence[Observation], fresh: Sequence[Observation], at_us: int) -> list[Exclusion]:
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


def near_observations(
    rule: Deviation | TrimmedStdev | None, fresh: Sequence[Observation]
) -> tuple[list[Observation], list[Exclusion]]:
    """Split off the single observations that are too far from all."""
    if not isinstance(rule, TrimmedStdev):
        return list(fresh), []
    far = far_from_average([Fraction(one.price_nano) for one in fresh], rule.trim, rule.stdev)
    kept, out = ([one for one, is_far in zip(fresh, far, strict=True) if is_far is side] for side in (False, True))
    return kept, [exclusion(one.provider, Reason.OUTLIER, Fraction(one.price_nano)) for one in out]


def far_providers(
    rule: Deviation | TrimmedStdev | None, values: Mapping[str, Fraction], outliers: frozenset[str]
) -> frozenset[str]:
    """Return the providers too far from the median of the others; one alone has nothing to deviate from.

    Everybody can be too far: of 100, 101 and 200 each is, since 200 moves the median of the others. Then the farthest
    is taken out and the rest is judged again, and who is left counts if that is more than half of all.
    """
    if not isinstance(rule, Deviation):
        return frozenset()
    everybody, left = frozenset(values), dict(values)
    far = _too_far(rule, left, outliers)
    while left and far == left.keys():
        shares = _shares(left)
        del left[max(left, key=lambda provider: (shares[provider], provider))]
        far = _too_far(rule, left, outliers)
    agreeing = left.keys() - far
    return everybody - agreeing if len(left) == len(values) or 2 * len(agreeing) > len(values) else everybody


def _too_far(rule: Deviation, values: Mapping[str, Fraction], outliers: frozenset[str]) -> frozenset[str]:
    shares = _shares(values)
    limits = {provider: rule.readmit if provider in outliers else rule.exclude for provider in values}
    return frozenset(
        provider
        for provider, (from_zero, share) in shares.items()
        if from_zero or share > limits[provider] or (provider in outliers and share == limits[provider])
    )


def _shares(values: Mapping[str, Fraction]) -> dict[str, tuple[bool, Fraction]]:
    """Return how far each value is from the median of the others, as a share of it.

    From a median of zero anything else is farther than every share: (True, distance).
    """
    if len(values) < 2:
        return dict.fromkeys(values, (False, Fraction()))
    found = {}
    for (provider, value), center in zip(values.items(), medians_of_the_others(list(values.values())), strict=True):
        distance = abs(value - center)
        found[provider] = (False, distance * Fraction(1, abs(center))) if center else (distance > 0, distance)
    return found
