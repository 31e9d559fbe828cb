"""Parts of a methodology that some indices have: a pool of days, partitions, a blend, restatements (rule IDX-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from settlement.domain import document as read
from settlement.domain.contract import TermsError

HOUR_US: Final = 3_600_000_000
_HOUR_DECIMALS: Final = 3
_HOURS: Final = "hours greater than zero, such as 48"
_HOURS_MAX: Final = 100_000
_COUNT_MAX: Final = 1_000_000
_POOL_DAYS_MAX: Final = 366
_PARTITIONS_MAX: Final = 1_000
_BLEND: Final = "shares by component that sum to 1, such as {input: 0.75, output: 0.25}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The observations of the last `days` dates (UTC), the fixing's own the last, judged a day at a time, then pooled.

    min_observations: how many a day needs, or it does not count.  confident_days: with fewer days that count the
    fixing is of the tier `low-confidence`.
    """

    days: int
    min_observations: int
    confident_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """The time before the fixing cut into `count` equal parts; each gives a value, and the fixing is their mean.

    window_us: microseconds up to the fixing's instant; what is exactly that old is too old.  min_partitions: how many
    must have a value.
    """

    window_us: int
    count: int
    min_partitions: int

    def place(self, age_us: int) -> int | None:
        """Return the part that an age falls into, 0 for the youngest; None for what is too old."""
        return age_us * self.count // self.window_us if 0 <= age_us < self.window_us else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """A provider's value is the weighted sum of its components, observed under `provider/component`.

    weights: the share of each component, in the document's order; they sum to 1.
    """

    weights: Mapping[str, Fraction]


def hours_us(value: object, key: str) -> int:
    """Return hours greater than zero, at most three decimals, in microseconds."""
    thousandths = read.decimal(value, key, _HOUR_DECIMALS, _HOURS)
    if not 0 < thousandths <= _HOURS_MAX * 10**_HOUR_DECIMALS:
        raise TermsError(key, _HOURS, value)
    return thousandths * (HOUR_US // 10**_HOUR_DECIMALS)


def least(value: object, key: str) -> int:
    """Return a minimum: a whole number from 1 on, 1 where nothing is said."""
    return 1 if value is None else read.count(value, key, 1, _COUNT_MAX)


def pool_of(value: object, key: str) -> Pool | None:
    """Return the pool of a document's `pool`, None without one."""
    if value is None:
        return None
    terms = read.mapping(value, key, frozenset(("days", "min_observations", "confident_days")))
    days = read.count(terms.get("days"), f"{key}.days", 1, _POOL_DAYS_MAX)
    confident = terms.get("confident_days")
    return Pool(
        days=days,
        min_observations=least(terms.get("min_observations"), f"{key}.min_observations"),
        confident_days=1 if confident is None else read.count(confident, f"{key}.confident_days", 1, days),
    )


def partitions_of(value: object, key: str) -> Partitions | None:
    """Return the partitions of a document's `partitions`, None without them."""
    if value is None:
        return None
    terms = read.mapping(value, key, frozenset(("hours", "count", "min_partitions")))
    count = read.count(terms.get("count"), f"{key}.count", 1, _PARTITIONS_MAX)
    needed = terms.get("min_partitions")
    return Partitions(
        window_us=hours_us(terms.get("hours"), f"{key}.hours"),
        count=count,
        min_partitions=1 if needed is None else read.count(needed, f"{key}.min_partitions", 1, count),
    )


def blend_of(value: object, key: str) -> Blend | None:
    """Return the blend of a document's `blend`, None without one."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise TermsError(key, _BLEND, value)
    weights = {str(name): read.share(share, f"{key}.{name}", _BLEND) for name, share in value.items()}
    if sum(weights.values()) != 1 or not all(weights.values()):
        raise TermsError(key, _BLEND, dict(value))
    return Blend(weights=weights)


def restatement_of(value: object, key: str) -> Fraction | None:
    """Return the share of a document's `restatement: {above: 0.0010}`, None without one."""
    if value is None:
        return None
    terms = read.mapping(value, key, frozenset(("above",)))
    return read.share(terms.get("above"), f"{key}.above", "a share of the value, such as 0.0010")
