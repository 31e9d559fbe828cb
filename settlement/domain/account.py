"""Clearing accounts (rule ACC-1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
