"""Position limits: who holds more of a contract than its terms say, and since when (rule POS-1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from settlement.domain.dates import format_date

Limits = Mapping[str, Sequence[tuple[int, int | None]]]
"""By contract, from which date (yyyymmdd) which limit in lots holds, None for no limit; the later ones last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a member's house or its clients hold of a contract at the end of a date.

    long, short: lots, zero or more, each summed over the accounts; lots of two accounts never net, as in open interest.
    """

    business_date: int
    member: str
    origin: str
    contract: str
    long: int
    short: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A position over its limit.

    side: `long` or `short`.  since: the first settled date (yyyymmdd) from which on it was over at every end.
    """

    member: str
    origin: str
    contract: str
    side: str
    lots: int
    limit_lots: int
    since: int

    @property
    def over_lots(self) -> int:
        """Lots beyond the limit, above zero."""
        return self.lots - self.limit_lots

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.member} {self.origin.lower()} is {self.side} {self.lots} lots of {self.contract}, "
            f"{self.over_lots} over the position limit of {self.limit_lots}, since {format_date(self.since)}."
        )


def sides(lots: int, long: int, short: int, *, gross: bool) -> tuple[int, int]:
    """Return an account's long and short lots: a net account's signed lots are one of them."""
    return (long, short) if gross else (max(lots, 0), max(-lots, 0))


def excesses(held: Iterable[Held], limits: Limits) -> list[Excess]:
    """Return what is over its limit after the last date, by contract, member, origin and side (rule POS-1).

    held: by date; each date has everything that was held or changed at its end.
    """
    over: dict[tuple[str, str, str, str], Excess] = {}
    for one in held:
        limit_lots = limit_at(limits.get(one.contract, ()), one.business_date)
        for side, lots in (("long", one.long), ("short", one.short)):
            key = (one.contract, one.member, one.origin, side)
            before = over.pop(key, None)
            if limit_lots is not None and lots > limit_lots:
                over[key] = Excess(
                    member=one.member, origin=one.origin, contract=one.contract, side=side, lots=lots,
                    limit_lots=limit_lots, since=before.since if before else one.business_date,
                )  # fmt: skip
    return [over[key] for key in sorted(over)]


def limit_at(versions: Sequence[tuple[int, int | None]], date: int) -> int | None:
    """Return the limit that holds on a date, None for none."""
    return next((limit_lots for since, limit_lots in reversed(versions) if since <= date), None)
