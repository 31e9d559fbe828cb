"""The daily settlement price by tiers: the window's average, the last trade within the quote, the curve, the previous.

A contract's terms name the tiers in order; the first that gives a price makes the day's settlement price. Prices are
integers of 1e-9 of the
currency unit, lots are whole, and the average is exact until its one rounding to the tick.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from settlement.domain import document as read
from settlement.domain.contract import TermsError
from settlement.domain.dates import to_date, to_instant

NO_INSTANT: Final = -1
"""`at_us` of a trade whose instant the exchange did not give."""

_KEY: Final = "daily_settlement"
_KEYS: Final = frozenset(("window", "zone", "tiers"))
_WINDOW: Final = "[HH:MM:SS, HH:MM:SS], both ends in the window, or day"
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


class Tier(StrEnum):
    """How a daily settlement price can come about."""

    VWAP = "vwap"
    """The regular trades in the window by lots, to the nearest tick."""
    LAST_IN_QUOTE = "last-in-quote"
    """The last trade of the day, or the previous settlement, moved into the last quote."""
    CURVE = "curve"
    """The previous settlement moved by the net change of the contract listed before."""
    PREVIOUS = "previous"
    """The previous settlement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of the local day; both ends are in it.

    first, last: time since local midnight as the clock shows it, so 14:28:00 is 14 h 28 min also on a day that lost
    an hour.
    """

    first: timedelta
    last: timedelta


_WHOLE_DAY: Final = Window(first=timedelta(), last=_DAY - _MICROSECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTrade:
    """A regular trade that stands, at the price that stands.

    lots: greater than zero.  price_nano: 1e-9 of the currency unit.  at_us: microseconds since 1970 UTC, -1 where the
    exchange did not say.
    """

    lots: int
    price_nano: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySettlement:
    """How a contract's daily settlement price is found.

    window: when trades count for the average; None is the whole day.  zone: IANA name of the zone of window and day.
    tiers: in order.
    """

    window: Window | None
    zone: str
    tiers: tuple[Tier, ...]

    @classmethod
    def of(cls, document: object) -> DailySettlement:
        """Return the daily settlement of a terms document's `daily_settlement`.

        For example `{"window": ["14:28:00", "14:30:00"], "zone": "America/Chicago", "tiers": ["vwap",
        "last-in-quote", "previous"]}`.

        A window is needed where `vwap` is a tier, a zone where the window has hours; a window of the whole day is
        UTC's without one.

        Raises:
            TermsError: a key is unknown or missing, or a value breaks a rule.
        """
        terms = read.mapping(document, _KEY, _KEYS)
        tiers = _tiers(terms.get("tiers"))
        named = terms.get("window")
        if named is None and Tier.VWAP in tiers:
            raise TermsError(f"{_KEY}.window", _WINDOW, named)
        window = None if named in (None, "day") else _window(named)
        zone = terms.get("zone")
        return cls(
            window=window,
            zone="UTC" if zone is None and window is None else read.zone(zone, f"{_KEY}.zone"),
            tiers=tiers,
        )

    def counts(self, at_us: int, business_date: int) -> bool:
        """Whether an instant is in the window of that date (yyyymmdd) in the contract's zone, both ends included."""
        if at_us == NO_INSTANT:
            return self.window is None
        span_us = _span_us(self, business_date)
        return self._counts_by_the_clock(at_us, business_date) if span_us is None else span_us[0] <= at_us <= span_us[1]

    def _counts_by_the_clock(self, at_us: int, business_date: int) -> bool:
        """Whether the zone's clock shows that date, and a time in the window, at an instant."""
        try:
            local = to_instant(at_us).astimezone(_zone_info(self.zone)).replace(tzinfo=None)
        except OverflowError:  # beyond the years 1 to 9999: on no business date
            return False
        midnight = datetime.combine(to_date(business_date), time())
        window = self.window or _WHOLE_DAY
        return window.first <= local - midnight <= window.last


def vwap(
    settlement: DailySettlement,
    trades: Iterable[MarketTrade],
    business_date: int,
    tick_nano: int,
    previous_nano: int | None,
) -> int | None:
    """Return the average price of the trades in the window by lots, to the nearest tick; None without a trade there.

    Exactly between two ticks it is the one nearer to the previous settlement, and the higher one where that decides
    nothing.
    """
    lots = notional = 0
    for trade in trades:
        if settlement.counts(trade.at_us, business_date):
            lots += trade.lots
            notional += trade.lots * trade.price_nano
    if not lots:
        return None
    ticks, rest = divmod(notional, lots * tick_nano)
    lower, upper, whole = ticks * tick_nano, (ticks + 1) * tick_nano, lots * tick_nano
    if 2 * rest == whole:
        nearer_below = previous_nano is not None and abs(previous_nano - lower) < abs(upper - previous_nano)
        return lower if nearer_below else upper
    return lower if 2 * rest < whole else upper


def last_of_day(settlement: DailySettlement, trades: Iterable[MarketTrade], business_date: int) -> int | None:
    """Return the price of the last trade of the day, None without one.

    A late trade, whose instant falls on another date in the contract's zone, is none; one without an instant is.
    """
    day = replace(settlement, window=None)
    of_day = [
        trade.price_nano for trade in trades if trade.at_us == NO_INSTANT or day.counts(trade.at_us, business_date)
    ]
    return of_day[-1] if of_day else None


def last_in_quote(
    last_nano: int | None, bid_nano: int | None, ask_nano: int | None, previous_nano: int | None
) -> int | None:
    """Return the last trade, or the previous settlement, moved to the nearer of bid and ask when outside them.

    None on a day with neither trade nor quote, and where there is no price to start from. A quote of one side bounds
    one side only; in a
    crossed quote nothing is inside, and what is as near to one as to the other goes to the higher.
    """
    quote = [side for side in (bid_nano, ask_nano) if side is not None]
    start = last_nano if last_nano is not None else previous_nano
    if start is None or (last_nano is None and not quote):
        return None
    if (bid_nano is None or bid_nano <= start) and (ask_nano is None or start <= ask_nano):
        return start
    return min(quote, key=lambda side: (abs(side - start), -side))


def choose(tier_prices: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, str]]:
    """Return each contract's price (1e-9) and the tier that gave it, from one cut's `tier_prices` of all partitions.

    The curve is resolved here, since it needs the contract listed before, which may live in another partition: that
    contract's chosen price
    less its previous one is added to this one's previous. A contract for which no tier gives a price is left out.
    """
    chosen: dict[str, tuple[int, str]] = {}
    net_change: int | None = None  # of the contract listed before
    for record in sorted((r for r in tier_prices if r["contract"]), key=lambda r: (r["ordinal"], r["contract"])):
        previous = record["previous_nano"]
        found: tuple[int, str] | None = None
        for tier in record["tiers"]:
            price = tier["price_nano"]
            if tier["tier"] == Tier.CURVE:
                price = None if previous is None or net_change is None else previous + net_change
            if price is not None:
                found = price, str(tier["tier"])
                break
        if found:
            chosen[record["contract"]] = found
        net_change = found[0] - previous if found and previous is not None else None
    return chosen


def _tiers(value: object) -> tuple[Tier, ...]:
    key = f"{_KEY}.tiers"
    named = read.sequence(value, key, "a list out of " + ", ".join(tier.value for tier in Tier))
    tiers = tuple(read.choice(name, key, Tier) for name in named)
    if len(set(tiers)) != len(tiers):
        raise TermsError(key, "each tier once", value)
    return tiers


def _window(value: object) -> Window:
    ends = read.sequence(value, f"{_KEY}.window", _WINDOW)
    if len(ends) != 2:
        raise TermsError(f"{_KEY}.window", _WINDOW, value)
    first, last = (_clock(end) for end in ends)
    if first > last:
        raise TermsError(f"{_KEY}.window", "a first time that is not after the last", value)
    return Window(first=first, last=last)


def _clock(value: object) -> timedelta:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise TermsError(f"{_KEY}.window", "a time such as 14:28:00", value)
    return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0))


@lru_cache(maxsize=256)
def _span_us(settlement: DailySettlement, business_date: int) -> tuple[int, int] | None:
    """Return first and last instant that count on a date; None on a day on which the clocks change.

    A market has a million trades a day: two comparisons each instead of a conversion of zones.
    """
    zone = _zone_info(settlement.zone)
    midnight = datetime.combine(to_date(business_date), time(), zone)
    if midnight.utcoffset() != (midnight + _DAY).utcoffset():
        return None
    window = settlement.window or _WHOLE_DAY
    midnight_us = (midnight - to_instant(0)) // _MICROSECOND
    return midnight_us + window.first // _MICROSECOND, midnight_us + window.last // _MICROSECOND


@lru_cache(maxsize=64)
def _zone_info(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)
