"""Clearing accounts (rule ACC-1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CLEARING_HOUSE: Final = "CCP"
"""Its own books: no member and no account has this name, or one that begins with it and a slash."""
FEES: Final = "fees"
FEE_ACCOUNT: Final = f"{CLEARING_HOUSE}/{FEES}"
"""What the clearing house has earned; it stands against the members' fees, so that a currency sums to 0 (VM-4)."""


class Origin(StrEnum):
    """Whose positions an account holds; the two never net."""

    HOUSE = "HOUSE"
    CLIENT = "CLIENT"


class Positions(StrEnum):
    """How an account keeps its lots."""

    NET = "NET"
    """Signed lots."""
    GROSS = "GROSS"
    """Long and short apart, with open and close on every fill, as in Shanghai."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A clearing account and the member who answers for it."""

    account: str
    member: str
    origin: Origin
    positions: Positions


def is_clearing_house(name: str) -> bool:
    """Whether a name is the clearing house's own: CCP, or CCP/ and more."""
    return name.partition("/")[0] == CLEARING_HOUSE
