"""The final settlement price as an average of index fixings; its days are the contract's data (rule FSP-1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from settlement.domain import document as read
from settlement.domain.calendar import Calendar
from settlement.domain.contract import TermsError
from settlement.domain.dates import format_date, to_date, to_number
from settlement.domain.money import NANO, divide

CLOSING_LAG_DEFAULT: Final = 2

_KEY: Final = "final_settlement"
_REQUIRED: Final = ("method", "series", "days", "missing", "precision")
_KEYS: Final = frozenset((*_REQUIRED, "list", "from", "to", "quote", "closing_lag"))
_HUNDRED_NANO: Final = 100 * 10**NANO
_DAYS_MAX: Final = 3660  # ten years of days: a longer list is a typing error in a year


class Days(StrEnum):
    """Which dates the average is over."""

    CALENDAR = "calendar"
    """Every date from `from` to `to`, both included."""
    BUSINESS = "business"
    """The business days of the contract's calendar among them."""
    LISTED = "listed"
    """The dates of `list`."""


class Missing(StrEnum):
    """What a day without a fixing means."""

    CARRY = "carry"
    """It takes the last fixing before it, whether or not that one's date is in the list."""
    SKIP = "skip"
    """It is left out of the average."""
    ERROR = "error"
    """There is no final price."""


class Quote(StrEnum):
    """How the contract quotes the average."""

    AVERAGE = "average"
    """As it is."""
    HUNDRED_LESS_AVERAGE = "100-average"
    """100 less the average, taken after the average was rounded."""


class FinalState(StrEnum):
    """How far a contract is on its way to the end (rule FSP-2)."""

    LAST_TRADE = "last-trade"
    """It trades until its last trading day."""
    AWAITING = "awaiting"
    """Its last trading day is over, and fixings of its days are awaited."""
    PROVISIONAL = "provisional"
    """A price was printed that later fixings still correct."""
    FINAL = "final"
    """The final price pays; the business date that it is booked on is not settled yet."""
    CLOSED = "closed"
    """That business date is settled too: nothing of the contract is left."""


class _Method(StrEnum):
    AVERAGE = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A fixing as it stands: value_nano in 1e-9; tier says where it came from (primary, relax, carry, print)."""

    value_nano: int
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragedDay:
    """One date of the average.

    value_nano: what it counts with, None when it has no value.  source: the fixing's tier, `carried`, `skipped` or
    `missing`.
    source_date: the date of the fixing that was used, None without one.
    """

    date: int
    value_nano: int | None
    source: str
    source_date: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalPrice:
    """The outcome: price_nano in 1e-9, or None and the reason why there is none; days in their order.

    average_nano: the rounded average, before it is quoted.
    """

    price_nano: int | None
    reason: str
    days: tuple[AveragedDay, ...]
    average_nano: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalSettlement:
    """How a contract's final settlement price is found (rule FSP-1).

    first, last: both dates in the average, 0 where the days are listed.  listed: sorted dates, empty where they are
    not.
    precision: decimals that the average is rounded to, half-up.
    """

    series: str
    days: Days
    first: int
    last: int
    listed: tuple[int, ...]
    missing: Missing
    precision: int
    quote: Quote

    @classmethod
    def of(cls, document: object) -> FinalSettlement:
        """Return the final settlement of a terms document's `final_settlement`.

        Raises:
            TermsError: a key is unknown or missing, or a value breaks a rule.
        """
        terms = read.mapping(document, _KEY, _KEYS)
        for name in _REQUIRED:
            if terms.get(name) is None:
                raise TermsError(f"{_KEY}.{name}", "a value", None)
        read.choice(terms["method"], f"{_KEY}.method", _Method)
        days = read.choice(terms["days"], f"{_KEY}.days", Days)
        first, last, listed = _dates(terms, days)
        closing_lag(terms)
        quote = terms.get("quote")
        return cls(
            series=read.text(terms["series"], f"{_KEY}.series"),
            days=days,
            first=first,
            last=last,
            listed=listed,
            missing=read.choice(terms["missing"], f"{_KEY}.missing", Missing),
            precision=read.precision(terms["precision"], f"{_KEY}.precision"),
            quote=Quote.AVERAGE if quote is None else read.choice(quote, f"{_KEY}.quote", Quote),
        )

    def dates(self, calendar: Calendar) -> tuple[int, ...]:
        """Return the dates of the average, in order."""
        if self.days is Days.LISTED:
            return self.listed
        span = (to_date(self.last) - to_date(self.first)).days
        every = (to_number(to_date(self.first) + timedelta(days=n)) for n in range(span + 1))
        return tuple(day for day in every if self.days is Days.CALENDAR or calendar.is_business_day(day))


def closing_lag(document: object) -> int:
    """Return the business days from the last trading day to the closing day (rule FSP-2).

    document: a terms document's `final_settlement`, or None; it may name the lag alone, where the price will be given.

    Raises:
        TermsError: it is no mapping, or the lag no whole number from 0 to 99.
    """
    lag = None if document is None else read.mapping(document, _KEY, _KEYS).get("closing_lag")
    return CLOSING_LAG_DEFAULT if lag is None else read.count(lag, f"{_KEY}.closing_lag", 0, 99)


def standing(records: Iterable[Mapping[str, Any]], series: str) -> dict[int, Print]:
    """Return a series' fixings as they stand, by date, out of records `fixing` in the order of the log.

    A later value of a date stands instead of an earlier one; what stopped or was ignored has none and changes nothing.
    """
    return {
        record["date"]: Print(value_nano=record["value_nano"], tier=record["tier"])
        for record in records
        if record["series"] == series and record["value_nano"] is not None
    }


def decided_price(
    terms: FinalSettlement, in_time: Mapping[int, Print], late: Iterable[tuple[int, Print]], calendar: Calendar
) -> FinalPrice:
    """Return the final price that is decided when the closing day opens (rules FSP-1, FSP-2).

    in_time: the fixings that stood then.  late: date and fixing of those made after it, in the log's order: the first
    of a date that has none counts as long as there is no price; every other one is ignored.
    """
    known, found = dict(in_time), final_price(terms, in_time, calendar)
    for date, made in late:
        if found.price_nano is not None:
            break
        if date not in known:
            known[date] = made
            found = final_price(terms, known, calendar)
    return found


def final_price(terms: FinalSettlement, fixings: Mapping[int, Print], calendar: Calendar) -> FinalPrice:
    """Return the half-up average of the fixings over the contract's days, with each day's source (rule FSP-1).

    fixings: by date, as they stand; a fixing that stopped without a value is not among them. Bounds (cap, floor) are
    the contract's.
    """
    days = tuple(_day(date, terms.missing, fixings) for date in terms.dates(calendar))
    missing = [day.date for day in days if day.source == "missing"]
    values = [day.value_nano for day in days if day.value_nano is not None]
    if missing or not values:
        found = ", ".join(format_date(date) for date in missing) or "no day with a value"
        return FinalPrice(
            price_nano=None,
            reason=f"Expected a fixing of {terms.series} for every day, was missing: {found}.",
            days=days,
        )
    unit = 10 ** (NANO - terms.precision)
    average_nano = divide(sum(values), len(values) * unit) * unit
    price_nano = average_nano if terms.quote is Quote.AVERAGE else _HUNDRED_NANO - average_nano
    return FinalPrice(price_nano=price_nano, reason="", days=days, average_nano=average_nano)


def bounded(price_nano: int, cap_nano: int | None, floor_nano: int | None) -> int:
    """Return a final price within the contract's cap and floor, where it has them."""
    if cap_nano is not None:
        price_nano = min(price_nano, cap_nano)
    return price_nano if floor_nano is None else max(price_nano, floor_nano)


def _day(date: int, missing: Missing, fixings: Mapping[int, Print]) -> AveragedDay:
    if date in fixings:
        found = fixings[date]
        return AveragedDay(date=date, value_nano=found.value_nano, source=found.tier, source_date=date)
    if missing is Missing.SKIP:
        return AveragedDay(date=date, value_nano=None, source="skipped", source_date=None)
    before = max((day for day in fixings if day < date), default=None)
    if missing is Missing.ERROR or before is None:
        return AveragedDay(date=date, value_nano=None, source="missing", source_date=None)
    return AveragedDay(date=date, value_nano=fixings[before].value_nano, source="carried", source_date=before)


def _dates(terms: read.Document, days: Days) -> tuple[int, int, tuple[int, ...]]:
    given = [name for name in ("list", "from", "to") if terms.get(name) is not None]
    if days is Days.LISTED:
        if given != ["list"]:
            raise TermsError(f"{_KEY}.list", "a list of dates, without from and to, since the days are listed", given)
        listed = [read.date(day, f"{_KEY}.list") for day in read.sequence(terms["list"], f"{_KEY}.list", "dates")]
        if len(set(listed)) != len(listed):
            raise TermsError(f"{_KEY}.list", "each date once", terms["list"])
        return 0, 0, tuple(sorted(listed))
    if given != ["from", "to"]:
        raise TermsError(f"{_KEY}.from", f"from and to, without a list, since the days are {days.value}", given)
    first, last = (read.date(terms[name], f"{_KEY}.{name}") for name in ("from", "to"))
    if not 0 <= (to_date(last) - to_date(first)).days < _DAYS_MAX:
        raise TermsError(f"{_KEY}.to", "a date from `from` on, within ten years", terms["to"])
    return first, last, ()
