"""An index methodology as a document: how observations of many providers become one fixing (rule IDX-1).

What the values do stands in docs/reference/methodology.md; `settlement.domain.fixing` computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from settlement.domain import document as read
from settlement.domain.contract import TermsError
from settlement.domain.methodology_parts import (
    HOUR_US,
    Blend,
    Partitions,
    Pool,
    blend_of,
    hours_us,
    least,
    partitions_of,
    pool_of,
    restatement_of,
)

DESCRIPTIVE_KEYS: Final = frozenset(("series", "title", "currency", "unit", "note"))
"""Keys that say what the series is and change no figure."""

_KEY: Final = "methodology"
_REQUIRED: Final = ("value_per_provider", "across_providers", "precision")
_OPTIONAL: Final = ("outliers", "max_age_hours", "min_providers", "min_observations", "fallback")
_PARTS: Final = ("pool", "partitions", "blend", "restatement")
_KEYS: Final = DESCRIPTIVE_KEYS | frozenset((*_REQUIRED, *_OPTIONAL, *_PARTS))
_ACROSS: Final = "median, mean, volume-weighted-median or {trimmed-mean: {trim: 0.10}}"
_OUTLIERS: Final = "{deviation: {exclude: 0.10, readmit: 0.05}} or {trimmed-stdev: {trim: 0.10, stdev: 2.5}}, or none"
_FALLBACK: Final = "a list of {relax: HOURS}, {carry: DAYS} and stop, in the order they are tried"

CARRY_DAYS_MAX: Final = 100
"""A fixing that old says nothing; it also bounds how many fixings a reader keeps."""


class ValuePerProvider(StrEnum):
    """How a provider's observations become its value."""

    LAST = "last"
    """The latest observation; of several at the same instant, the one that came last."""
    MEDIAN = "median"
    """The median of all that are fresh enough."""
    VOLUME_WEIGHTED_MEDIAN = "volume-weighted-median"
    """The price at half of the quantity."""
    EACH = "each"
    """There is none: each observation counts for itself."""


class AcrossProviders(StrEnum):
    """How the providers' values become the fixing."""

    MEDIAN = "median"
    MEAN = "mean"
    TRIMMED_MEAN = "trimmed-mean"
    VOLUME_WEIGHTED_MEDIAN = "volume-weighted-median"
    """The value at half of the quantity that the providers' values stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A provider further than `exclude` from the median of the others is out until it is nearer than `readmit`.

    Both are shares of that median.
    """

    exclude: Fraction
    readmit: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedStdev:
    """An observation further than `stdev` sample standard deviations from the mean trimmed by `trim` is out."""

    trim: Fraction
    stdev: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Relax:
    """Take observations up to that old (microseconds)."""

    max_age_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Take the previous fixing when it is at most that many days old."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """There is no fixing; people decide."""


Fallback = Relax | Carry | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Methodology:
    """How a series is fixed.

    trim: share that a trimmed mean leaves out at each end.  max_age_us: how old an observation may be, None without a
    limit.
    min_providers, min_observations: how many must be left after exclusions.  precision: decimals of the fixing,
    rounded half-up.
    fallback: what is tried, in order, when fewer are left; at its end the series stops.
    pool, partitions: how the time before the fixing is cut, None where it is taken as one.  blend: of components, or
    None.  restatement: the share beyond which a new value replaces the old one, None where it always does.
    """

    value_per_provider: ValuePerProvider
    across_providers: AcrossProviders
    trim: Fraction
    outliers: Deviation | TrimmedStdev | None
    max_age_us: int | None
    min_providers: int
    min_observations: int
    precision: int
    fallback: tuple[Fallback, ...]
    pool: Pool | None = None
    partitions: Partitions | None = None
    blend: Blend | None = None
    restatement: Fraction | None = None

    @classmethod
    def of(cls, document: object) -> Methodology:
        """Return the methodology of a document, whose numbers are decimal text or integers.

        Needed: value_per_provider, across_providers, precision. Without `outliers` nobody is one; without
        `max_age_hours` no observation
        is too old; the minima are 1; without `fallback` the series stops.

        Raises:
            TermsError: a key is unknown or missing, or a value breaks a rule.
        """
        terms = read.mapping(document, _KEY, _KEYS)
        for name in _REQUIRED:
            if terms.get(name) is None:
                raise TermsError(f"{_KEY}.{name}", "a value", None)
        across, trim = _across(terms["across_providers"])
        age, key = terms.get("max_age_hours"), f"{_KEY}.value_per_provider"
        made = cls(
            value_per_provider=read.choice(terms["value_per_provider"], key, ValuePerProvider),
            across_providers=across,
            trim=trim,
            outliers=_outliers(terms.get("outliers")),
            max_age_us=None if age is None else hours_us(age, f"{_KEY}.max_age_hours"),
            min_providers=least(terms.get("min_providers"), f"{_KEY}.min_providers"),
            min_observations=least(terms.get("min_observations"), f"{_KEY}.min_observations"),
            precision=read.precision(terms["precision"], f"{_KEY}.precision"),
            fallback=_fallback(terms.get("fallback")),
            pool=pool_of(terms.get("pool"), f"{_KEY}.pool"),
            partitions=partitions_of(terms.get("partitions"), f"{_KEY}.partitions"),
            blend=blend_of(terms.get("blend"), f"{_KEY}.blend"),
            restatement=restatement_of(terms.get("restatement"), f"{_KEY}.restatement"),
        )
        _check_parts(made)
        return made

    @property
    def reach_us(self) -> int | None:
        """How far back a fixing may need observations (microseconds); None without a limit."""
        if self.pool is not None:
            return (self.pool.days + 1) * 24 * HOUR_US  # the instant may be on the day after the date
        if self.partitions is not None:
            return self.partitions.window_us
        if self.max_age_us is None:
            return None
        return max([self.max_age_us, *(step.max_age_us for step in self.fallback if isinstance(step, Relax))])


def _check_parts(made: Methodology) -> None:
    """Refuse parts that contradict each other."""
    cut = "pool" if made.pool else "partitions"
    if made.pool and made.partitions:
        raise TermsError(f"{_KEY}.partitions", "a pool or partitions, not both", "both")
    if made.pool or made.partitions:
        if made.max_age_us is not None:
            raise TermsError(f"{_KEY}.max_age_hours", f"none, since `{cut}` says how old an observation may be", "one")
        if any(isinstance(step, Relax) for step in made.fallback):
            raise TermsError(f"{_KEY}.fallback", f"no relax, since `{cut}` says how old an observation may be", "relax")
    if made.value_per_provider is ValuePerProvider.EACH:
        if isinstance(made.outliers, Deviation):
            raise TermsError(f"{_KEY}.outliers", "trimmed-stdev or none, since providers have no value", "deviation")
        if made.blend:
            raise TermsError(f"{_KEY}.blend", "none, since providers have no value", "a blend")


def _across(value: object) -> tuple[AcrossProviders, Fraction]:
    key = f"{_KEY}.across_providers"
    if isinstance(value, str) and value in set(AcrossProviders) - {AcrossProviders.TRIMMED_MEAN}:
        return AcrossProviders(value), Fraction()
    name, inner = read.only_entry(value, key, _ACROSS)
    if name != AcrossProviders.TRIMMED_MEAN:
        raise TermsError(key, _ACROSS, value)
    key = f"{key}.{name}"
    return AcrossProviders.TRIMMED_MEAN, _trim(read.mapping(inner, key, frozenset(("trim",))).get("trim"), key)


def _outliers(value: object) -> Deviation | TrimmedStdev | None:
    if value in (None, "none"):
        return None
    name, inner = read.only_entry(value, f"{_KEY}.outliers", _OUTLIERS)
    key = f"{_KEY}.outliers.{name}"
    if name == "deviation":
        terms = read.mapping(inner, key, frozenset(("exclude", "readmit")))
        exclude, readmit = (_positive(terms.get(part), f"{key}.{part}") for part in ("exclude", "readmit"))
        if readmit > exclude:
            raise TermsError(f"{key}.readmit", "at most exclude", terms["readmit"])
        return Deviation(exclude=exclude, readmit=readmit)
    if name == "trimmed-stdev":
        terms = read.mapping(inner, key, frozenset(("trim", "stdev")))
        return TrimmedStdev(trim=_trim(terms.get("trim"), key), stdev=_positive(terms.get("stdev"), f"{key}.stdev"))
    raise TermsError(f"{_KEY}.outliers", _OUTLIERS, value)


def _trim(value: object, key: str) -> Fraction:
    trim = read.share(value, f"{key}.trim", "a share below 0.5, such as 0.10")
    if 2 * trim >= 1:
        raise TermsError(f"{key}.trim", "a share below 0.5, such as 0.10", value)
    return trim


def _positive(value: object, key: str) -> Fraction:
    number = read.share(value, key, "a decimal number greater than zero")
    if not number:
        raise TermsError(key, "a decimal number greater than zero", value)
    return number


def _fallback(value: object) -> tuple[Fallback, ...]:
    if value is None:
        return (Stop(),)
    key = f"{_KEY}.fallback"
    steps: list[Fallback] = []
    for entry in read.sequence(value, key, _FALLBACK):
        if Stop() in steps:
            raise TermsError(key, "stop as the last step", entry)
        steps.append(_step(entry, key))
    return tuple(steps)


def _step(entry: object, key: str) -> Fallback:
    if entry == "stop":
        return Stop()
    name, inner = read.only_entry(entry, key, _FALLBACK)
    if name == "relax":
        return Relax(max_age_us=hours_us(inner, f"{key}.relax"))
    if name == "carry":
        return Carry(days=read.count(inner, f"{key}.carry", 1, CARRY_DAYS_MAX))
    raise TermsError(key, _FALLBACK, entry)
