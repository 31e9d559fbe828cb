"""Exact averages, as tables and against the standard library's statistics."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.domain import averages

VALUES = st.lists(st.integers(-50, 50).map(Fraction), min_size=1, max_size=12)
TENTH = Fraction(1, 10)


def numbers(*values: int) -> list[Fraction]:
    """Return whole numbers as fractions."""
    return [Fraction(value) for value in values]


@given(VALUES)
def test_median_and_average_are_those_of_the_standard_library(values: list[Fraction]) -> None:
    """Medians and means are exact fractions, equal to an independent implementation."""
    assert averages.median(values) == statistics.median(values)
    assert averages.average(values) == statistics.mean(values)


@given(VALUES.filter(lambda values: len(values) > 1))
def test_medians_of_the_others_leave_one_out(values: list[Fraction]) -> None:
    """Each value's median of the others is the median of the list without it."""
    expected = [statistics.median(values[:at] + values[at + 1 :]) for at in range(len(values))]
    assert averages.medians_of_the_others(values) == expected


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(3, 5)], 3),
        ([(1, 1), (2, 1), (3, 1)], 2),
        ([(1, 1), (2, 1)], Fraction(3, 2)),  # exactly half on either side: the mean of the two
        ([(1, 2), (2, 1), (3, 1)], Fraction(3, 2)),
        ([(1, 1), (2, 1), (3, 2)], Fraction(5, 2)),
        ([(1, 1), (5, 0), (3, 1)], 2),  # what weighs nothing is not a neighbour
        ([(3, 9), (1, 1), (2, 1)], 3),
        ([(2, 1), (2, 1), (9, 2)], Fraction(11, 2)),
        ([(1, 0), (2, 0)], None),
        ([], None),
    ],
)
def test_weighted_median(pairs: list[tuple[int, int]], expected: Fraction | None) -> None:
    """The weighted median is the value at half of the weight, in any order of the pairs."""
    weighted = [(Fraction(number), weight) for number, weight in pairs]
    assert averages.weighted_median(weighted) == averages.weighted_median(weighted[::-1]) == expected


@given(VALUES)
def test_weighted_median_of_equal_weights_is_the_median(values: list[Fraction]) -> None:
    """With the same weight everywhere the weighted median is the median."""
    assert averages.weighted_median([(value, 7) for value in values]) == averages.median(values)


@pytest.mark.parametrize(
    ("values", "trim", "expected"),
    [
        (numbers(1, 2, 30), TENTH, 2),  # a tenth of three is none, but at least one goes at each end
        (numbers(30, 1, 2, 4), TENTH, 3),
        (numbers(1, 30), TENTH, Fraction(31, 2)),  # fewer than three: the mean
        (numbers(7), TENTH, 7),
        (numbers(*range(19), 1000), TENTH, Fraction(sum(range(2, 18)), 16)),  # two at each end of twenty
        (numbers(*range(18), 1000), TENTH, 9),  # 1.9 is rounded down: one at each end of nineteen
        (numbers(1, 2, 3, 4, 100), Fraction(0), 3),  # a share of none still takes one
        (numbers(1, 2, 4, 9, 100), Fraction(49, 100), 4),
    ],
)
def test_trimmed_average(values: list[Fraction], trim: Fraction, expected: Fraction) -> None:
    """A share at each end is left out, rounded down but at least one value."""
    assert averages.trimmed_average(values, trim) == expected


@pytest.mark.parametrize(
    ("values", "deviations", "far"),
    [
        (numbers(*[10] * 7, 20), Fraction(5, 2), [False] * 7 + [True]),  # 2.83 deviations among eight
        (numbers(*[10] * 5, 20), Fraction(5, 2), [False] * 6),  # 2.45 among six
        (numbers(*[10] * 3, 20), Fraction(2), [False] * 4),  # exactly 2 deviations: not further
        (numbers(*[10] * 3, 20), Fraction(199, 100), [False] * 3 + [True]),
        (numbers(10, 10, 10), Fraction(1), [False] * 3),
        (numbers(10, 99), Fraction(1, 2), [True, True]),  # of two, the mean is not trimmed: 0.71 deviations each
        (numbers(10, 99), Fraction(1), [False] * 2),
        (numbers(10), Fraction(1), [False]),
        ([], Fraction(1), []),
    ],
)
def test_far_from_the_trimmed_average(values: list[Fraction], deviations: Fraction, far: list[bool]) -> None:
    """A value is far when it is further than so many sample standard deviations, compared without a square root."""
    assert averages.far_from_average(values, TENTH, deviations) == far


@pytest.mark.parametrize(
    ("value", "unit", "expected"), [("0.5", 1, 1), ("-0.5", 1, -1), ("0.49", 1, 0), ("25", 10, 30), ("24.9", 10, 20)]
)
def test_rounded_half_up(value: str, unit: int, expected: int) -> None:
    """Half a unit goes away from zero."""
    assert averages.rounded(Fraction(value), unit) == expected
