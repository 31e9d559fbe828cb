"""A product document, and the terms of a month's contract that follow from it.

A product is everything of a contract but its month. `terms(underlying, month)` gives a document of the keys of
`Contract.of`: size of the month, last trading day, the days of the final average. The other keys (listing,
positions, notes) are for people, and stand in the rulebook (`settlement.domain.rulebook`).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.domain import document as read
from settlement.domain import market_terms
from settlement.domain.account import Positions
from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract, TermsError
from settlement.domain.daily_settlement import DailySettlement
from settlement.domain.dates import format_date
from settlement.domain.final_settlement import FinalSettlement, closing_lag

Document = dict[str, Any]

LAST_BUSINESS_DAY: Final = "last-business-day"
"""The only rule of a last trading day there is so far: the contract month's last business day."""

SHARED: Final = (
    "product",
    "title",
    "version",
    "unit",
    "currency",
    "size",
    "tick",
    "rounding",
    "fee",
    "correction_days",
)
"""Keys that a contract's terms take over as they stand; `OPTIONAL` too, where they are."""

OPTIONAL: Final = ("cap", "floor", "ticks", *market_terms.KEYS)

FOR_PEOPLE: Final = ("positions", "listing", "blend", "notes")
"""Keys that no figure depends on: `positions` says how accounts of the venue are opened, net or gross."""

_NEEDED: Final = frozenset(
    (*SHARED, "contract", "underlyings", "positions", "last_trade", "daily_settlement", "final_settlement", "notes")
)
_KEYS: Final = _NEEDED | {*FOR_PEOPLE, *OPTIONAL}
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product: its name, what it is on, and the whole document.

    underlyings: what a contract can be on; the first one where none is named.
    """

    name: str
    underlyings: tuple[str, ...]
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: object) -> Product:
        """Return the product of a document, whose values are text, whole numbers, lists and mappings.

        Raises:
            TermsError: a key is unknown or missing, or a rule of the terms is broken for one of the underlyings.
        """
        keys = read.mapping(document, "product", _KEYS)
        for key in sorted(_NEEDED - set(keys)):
            raise TermsError(key, "a value", None)
        read.choice(str(keys["positions"]).upper(), "positions", Positions)
        if keys["last_trade"] != LAST_BUSINESS_DAY:
            raise TermsError("last_trade", LAST_BUSINESS_DAY, keys["last_trade"])
        if not isinstance(keys["final_settlement"], Mapping):
            raise TermsError("final_settlement", "a mapping", keys["final_settlement"])
        notes = read.mapping(keys["notes"], "notes", frozenset(("public", "assumed")))
        for kind in ("public", "assumed"):
            read.sequence(notes.get(kind), f"notes.{kind}", "sentences that say what is public and what is assumed")
        underlyings = read.sequence(keys["underlyings"], "underlyings", "names such as H100")
        made = cls(
            name=read.text(keys["product"], "product"),
            underlyings=tuple(read.text(one, "underlyings") for one in underlyings),
            document=dict(keys),
        )
        for underlying in made.underlyings:
            made.terms(underlying, "2028-02")  # any month: what holds for one holds for all
        return made

    def terms(
        self, underlying: str | None = None, month: str | None = None, calendar: Calendar | None = None
    ) -> Document:
        """Return a contract's terms document, checked.

        month: `2026-09`; without one the document is not bound to a month: no last trading day, no days of the final
        average, and a size of `hours-in-month` breaks the rule that it needs a month.
        calendar: the venue's business days (default: Mondays to Fridays).

        Raises:
            TermsError: the underlying or the month is none, or a rule of the terms is broken.
        """
        document = self.unbound(underlying, month, calendar)
        Contract.of(document)
        market_terms.check(document)
        DailySettlement.of(document["daily_settlement"])
        if month is not None:
            FinalSettlement.of(document["final_settlement"])
        return document

    def unbound(
        self, underlying: str | None = None, month: str | None = None, calendar: Calendar | None = None
    ) -> Document:
        """Return the terms as `terms` does, unchecked: whoever overrides keys checks the whole afterwards."""
        name = self.underlyings[0] if underlying is None else underlying
        if name not in self.underlyings:
            raise TermsError("underlying", "one of " + ", ".join(self.underlyings), name)
        filled = _filled(self.document, {"underlying": name, "month": month or "MONTH"})
        document: Document = {"contract": filled["contract"] if month else filled["contract"].removesuffix("-MONTH")}
        document |= {key: filled[key] for key in (*SHARED, *OPTIONAL) if key in filled}
        document["daily_settlement"] = filled["daily_settlement"]
        final = filled["final_settlement"]
        if month is None:
            return {**document, "final_settlement": {"closing_lag": closing_lag(final)}}
        first, last, trades_until = month_days(month, calendar or Calendar())
        span = {} if final.get("days") == "listed" else {"from": format_date(first), "to": format_date(last)}
        bound = {"month": month, "last_trade": format_date(trades_until), "final_settlement": {**final, **span}}
        return {**document, **bound}


def month_days(month: str, calendar: Calendar) -> tuple[int, int, int]:
    """Return a month's first day, its last day and its last business day, as yyyymmdd.

    Raises:
        TermsError: it is no month.
    """
    match = _MONTH.fullmatch(month)
    if match is None or match[1] == "0000":
        raise TermsError("month", "a month such as 2026-09", month)
    first = int(match[1]) * 10000 + int(match[2]) * 100 + 1
    last = first - 1 + monthrange(int(match[1]), int(match[2]))[1]
    days = range(last, first - 1, -1)
    business_day = next((day for day in days if calendar.is_business_day(day)), None)
    if business_day is None:
        raise TermsError("month", "a month with a business day", month)
    return first, last, business_day


def _filled(value: Any, words: Mapping[str, str]) -> Any:  # noqa: ANN401  whatever a document holds
    """Return a value with its `{underlying}` and `{month}` filled in."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    return value
