"""When a new value of a date that was fixed replaces the one that stands (rule IDX-1)."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Final

ABOVE: Final = Fraction(1, 1000)
"""0.10 % of the value that stands: what the shipped methodologies use. Smaller errors move less than a tick or two."""


class Restatement(StrEnum):
    """What becomes of a new value of a date that has one."""

    RESTATED = "restated"
    """It replaces the value that stands."""
    UNCHANGED = "unchanged"
    """It is the value that stands."""
    TOO_LATE = "too-late"
    """The next fixing was made: recorded and ignored."""
    TOO_SMALL = "too-small"
    """It is not further than the share from the value that stands: recorded and ignored."""


def restatement(standing_nano: int, proposed_nano: int, *, next_is_fixed: bool, above: Fraction = ABOVE) -> Restatement:
    """Return what becomes of a new value of a date.

    standing_nano, proposed_nano: 1e-9.  next_is_fixed: whether a later date of the series is fixed or printed.
    above: the share of the standing value that a change must exceed; from a value of zero every change does.
    """
    if proposed_nano == standing_nano:
        return Restatement.UNCHANGED
    if next_is_fixed:
        return Restatement.TOO_LATE
    if abs(proposed_nano - standing_nano) <= above * abs(standing_nano):
        return Restatement.TOO_SMALL
    return Restatement.RESTATED
