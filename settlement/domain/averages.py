"""Exact averages: medians, means and deviations over fractions, never a float and never a square root."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from settlement.domain.money import divide

Weighted = tuple[Fraction, int]
"""A value and its weight, zero or more."""


def median(values: Sequence[Fraction]) -> Fraction:
    """Return the middle of one or more values; of an even number, the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) * Fraction(1, 2)


def medians_of_the_others(values: Sequence[Fraction]) -> list[Fraction]:
    """Return for each of two or more values the median of all but itself."""
    places = sorted(range(len(values)), key=lambda place: values[place])
    ordered = [values[place] for place in places]
    low, high = (len(values) - 2) // 2, (len(values) - 1) // 2  # the middle of one value fewer
    found = [Fraction()] * len(values)
    for at, place in enumerate(places):  # leaving out the one at `at` moves everything behind it forward
        found[place] = (ordered[low + (at <= low)] + ordered[high + (at <= high)]) * Fraction(1, 2)
    return found


def weighted_median(values: Sequence[Weighted]) -> Fraction | None:
    """Return the value at half of the weight, None where all weights are zero.

    With exactly half of the weight on either side it is the mean of the two values there, as in a median of an even
    number.
    """
    ordered = sorted(pair for pair in values if pair[1])
    total, below = sum(weight for _, weight in ordered), 0
    for at, (value, weight) in enumerate(ordered):
        below += weight
        if 2 * below == total:
            return (value + ordered[at + 1][0]) * Fraction(1, 2)
        if 2 * below > total:
            return value
    return None


def average(values: Sequence[Fraction]) -> Fraction:
    """Return the mean of one or more values."""
    return sum(values, Fraction()) * Fraction(1, len(values))


def trimmed_average(values: Sequence[Fraction], trim: Fraction) -> Fraction:
    """Return the mean without a share of the values at each end.

    trim: the share, below one half so that values are left; rounded down, but at least one value at each end. Of fewer
    than three values it is the mean.
    """
    if len(values) < 3:
        return average(values)
    cut = max(1, int(len(values) * trim))
    return average(sorted(values)[cut:-cut])


def far_from_average(values: Sequence[Fraction], trim: Fraction, deviations: Fraction) -> list[bool]:
    """Return for each value whether it lies further than that many sample standard deviations from the trimmed mean.

    The standard deviation is of all the values. It is compared squared: (x - mean)^2 > deviations^2 x variance. A
    single value is not far.
    """
    if len(values) < 2:
        return [False] * len(values)
    mean = average(values)
    variance = sum(((value - mean) ** 2 for value in values), Fraction()) * Fraction(1, len(values) - 1)
    center, limit = trimmed_average(values, trim), deviations**2 * variance
    return [(value - center) ** 2 > limit for value in values]


def rounded(value: Fraction, unit: int) -> int:
    """Return a value rounded half-up, away from zero, to a multiple of `unit`."""
    return divide(value.numerator, value.denominator * unit) * unit
