"""A contract's terms: a validated document, and V of a price (rule VAL-1)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.domain.currency import DECIMALS
from settlement.domain.dates import DateTextError, parse_date
from settlement.domain.feed import TRADE_TYPES
from settlement.domain.money import NANO, DecimalTextError, Rounding, parse_decimal, value_minor

KEYS: Final = frozenset(
    (
        "contract",
        "product",
        "currency",
        "size",
        "month",
        "tick",
        "ticks",
        "rounding",
        "fee",
        "correction_days",
        "cap",
        "floor",
        "last_trade",
        "daily_settlement",
        "final_settlement",
        "unit",
        "title",
        "version",
        "effective_date",
        "administrator",
        "position_limit",
        "trading",
    )
)
HOURS_IN_MONTH: Final = "hours-in-month"
DEFAULT_CORRECTION_DAYS: Final = 5

# The limits, and why every sum stays below 2^63 = 9.22e18 (tests at each limit and one beyond):
#   a price is a long of 1e-9: |price| < 9.2e9;  one fill: |lots x V| < 9e16, so one trade's two fills and all amounts
# of a line of one fill are below it;
#   one contract and date: the gateway adds |lots x V| over all its fills and refuses beyond 2e18, and refuses a
# settlement price at which the sum of
#   |lots| x |V| over the whole book is beyond 2e18.  A line's amount is at most |start| (|V(S)| + |V(prior)|) +
# (bought + sold) |V(S)| + the day's |lots x V|, so 8e18.
PRICE_LIMIT_NANO: Final = 9_200_000_000 * 10**NANO
LOTS_LIMIT: Final = 1_000_000_000
FILL_LIMIT_MINOR: Final = 90_000_000_000_000_000
BOOK_LIMIT_MINOR: Final = 2_000_000_000_000_000_000


class TermsError(ValueError):
    """A terms document breaks a rule; `key` says where."""

    def __init__(self, key: str, expected: str, was: object) -> None:
        super().__init__(f"{key}: Expected {expected}, was {was!r}.")
        self.key, self.expected, self.was = key, expected, was


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The terms of one contract in force.

    size_nano: units of the underlying per contract, times 1e9.  tick_nano: price increment, 1e-9 of the currency unit.
    ticks_nano: the increment of each trade type that has one of its own.
    fee_minor: per side and lot, zero or more.  cap_nano, floor_nano: bounds of trade and daily prices, None without
    one.
    last_trade: last trading day yyyymmdd, None without one.  document: everything, as it was written.
    """

    contract: str
    currency: str
    currency_decimals: int
    size_nano: int
    tick_nano: int
    ticks_nano: Mapping[str, int]
    rounding: Rounding
    fee_minor: int
    correction_days: int
    cap_nano: int | None
    floor_nano: int | None
    last_trade: int | None
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Contract:
        """Return the contract of a terms document, whose values are text (decimal numbers included).

        Raises:
            TermsError: a key is unknown, missing or breaks a rule.
        """
        unknown = sorted(set(document) - KEYS)
        if unknown:
            raise TermsError(unknown[0], "a key of a terms document: " + ", ".join(sorted(KEYS)), "unknown")
        currency = _text(document, "currency", "USD")
        if currency not in DECIMALS:
            raise TermsError("currency", "an ISO 4217 code", currency)
        decimals = DECIMALS[currency]
        tick_nano = _tick("tick", document.get("tick"))
        fee_minor = (
            _decimal(document, "fee", decimals, f"a fee in {currency}, never finer than its minor unit (rule FEE-1)")
            or 0
        )
        if fee_minor < 0:
            raise TermsError("fee", "a fee of zero or more", document.get("fee"))
        return cls(
            contract=_text(document, "contract"),
            currency=currency,
            currency_decimals=decimals,
            size_nano=_size_nano(document),
            tick_nano=tick_nano,
            ticks_nano=_ticks_nano(document),
            rounding=_rounding(document),
            fee_minor=fee_minor,
            correction_days=_count(document, "correction_days", DEFAULT_CORRECTION_DAYS),
            cap_nano=_decimal(document, "cap", NANO),
            floor_nano=_decimal(document, "floor", NANO),
            last_trade=_date(document, "last_trade"),
            document=dict(document),
        )

    def value_minor(self, price_nano: int) -> int:
        """Return V(price): the money value of ONE contract in minor units, rounded once (rule VAL-1)."""
        return value_minor(price_nano, self.size_nano, self.currency_decimals, self.rounding)

    def tick_of(self, trade_type: str | None) -> int:
        """Return the price increment of a trade type, 1e-9; of a daily price without one (rule ENT-2)."""
        return self.tick_nano if trade_type is None else self.ticks_nano.get(trade_type, self.tick_nano)

    def on_tick(self, price_nano: int, trade_type: str | None = None) -> bool:
        """Whether a price is a multiple of the tick, of its trade type where that has its own."""
        return price_nano % self.tick_of(trade_type) == 0


def _text(document: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = document.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value:
        raise TermsError(key, "a text", value)
    return value


def _decimal(document: Mapping[str, Any], key: str, decimals: int, expected: str = "a decimal number") -> int | None:
    value = document.get(key)
    if value is None:
        return None
    try:
        return parse_decimal(str(value), decimals)
    except DecimalTextError as error:
        raise TermsError(key, expected, value) from error


def _tick(key: str, value: object) -> int:
    tick_nano = _decimal({key: value}, key, NANO)
    if tick_nano is None or tick_nano <= 0:
        raise TermsError(key, "a price increment greater than zero", value)
    return tick_nano


def _ticks_nano(document: Mapping[str, Any]) -> dict[str, int]:
    ticks = document.get("ticks")
    if ticks is None:
        return {}
    if not isinstance(ticks, Mapping):
        raise TermsError("ticks", "price increments by trade type such as {block: 0.0001}", ticks)
    for unknown in sorted(set(ticks) - set(TRADE_TYPES)):
        raise TermsError(f"ticks.{unknown}", "a trade type: " + ", ".join(TRADE_TYPES), "unknown")
    return {kind: _tick(f"ticks.{kind}", tick) for kind, tick in ticks.items()}


def _count(document: Mapping[str, Any], key: str, default: int) -> int:
    value = document.get(key)
    if value is None:
        return default
    if not re.fullmatch(r"\d{1,4}", str(value)):
        raise TermsError(key, "a whole number of zero or more", value)
    return int(value)


def _date(document: Mapping[str, Any], key: str) -> int | None:
    value = document.get(key)
    if value is None:
        return None
    try:
        return parse_date(str(value))
    except DateTextError as error:
        raise TermsError(key, "a date such as 2026-11-23", value) from error


def _rounding(document: Mapping[str, Any]) -> Rounding:
    value = document.get("rounding") or Rounding.HALF_UP
    try:
        return Rounding(value)
    except ValueError as error:
        raise TermsError("rounding", "half-up, half-even or down", value) from error


def _size_nano(document: Mapping[str, Any]) -> int:
    size = document.get("size")
    if size == HOURS_IN_MONTH:
        month = document.get("month")
        match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", str(month))
        if match is None:
            raise TermsError("month", "a month such as 2027-02, since the size is hours-in-month", month)
        return monthrange(int(match[1]), int(match[2]))[1] * 24 * 10**NANO
    size_nano = _decimal(document, "size", NANO, "units per lot such as 730, or hours-in-month")
    if size_nano is None or size_nano <= 0:
        raise TermsError("size", "units per lot greater than zero, or hours-in-month", size)
    return size_nano
