"""One contract's market as the orders fold keeps it: resting orders, the dates' trades and quotes, the prior price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from settlement.domain.contract import TermsError
from settlement.domain.daily_settlement import DailySettlement, MarketTrade, Tier, last_in_quote, last_of_day, vwap

_REGULAR = "regular"
Json = dict[str, Any]


@dataclass(slots=True)
class PublicTrade:
    """One trade id of one date.

    lots_at: the lots that stand, by price; a bust takes lots back, an adjustment puts them at another price. A trade
    whose first record of the date takes lots back is `foreign`: it was made on an earlier date and makes no price of
    this one.
    """

    trade_type: str
    at_us: int
    foreign: bool
    lots_at: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class DayMarket:
    """Trades, in the order of their first record, and the last quote of one contract and date.

    lots: traded, of any type.
    """

    trades: dict[str, PublicTrade] = field(default_factory=dict)
    lots: int = 0
    bid_nano: int | None = None
    ask_nano: int | None = None

    def trade(self, record: Json) -> None:
        """Add a record `public_trade`."""
        trade_id, lots, price_nano = record["trade_id"], record["lots"], record["price_nano"]
        found = self.trades.get(trade_id)
        if found is None:
            found = PublicTrade(record["trade_type"], record["at_us"], foreign=lots < 0)
            self.trades[trade_id] = found
        found.lots_at[price_nano] = found.lots_at.get(price_nano, 0) + lots
        if not found.lots_at[price_nano]:
            del found.lots_at[price_nano]
        if not found.foreign:
            self.lots += lots

    def standing(self) -> Iterator[MarketTrade]:
        """Yield what makes prices: regular trades that stand, at the price that stands."""
        return (trade for found in self.trades.values() for trade in _standing(found))

    def last_nano(self) -> int | None:
        """Return the price of the last trade that stands, None without one."""
        return next((trade.price_nano for found in reversed(self.trades.values()) for trade in _standing(found)), None)

    def to_json(self) -> Json:
        """Return the state as JSON values."""
        trades = [
            [trade_id, found.trade_type, found.at_us, found.foreign, [list(pair) for pair in found.lots_at.items()]]
            for trade_id, found in self.trades.items()
        ]
        return {"trades": trades, "lots": self.lots, "bid": self.bid_nano, "ask": self.ask_nano}

    @classmethod
    def from_json(cls, state: Json) -> DayMarket:
        """Return the day of a state."""
        day = cls(lots=state["lots"], bid_nano=state["bid"], ask_nano=state["ask"])
        for trade_id, trade_type, at_us, foreign, lots_at in state["trades"]:
            day.trades[trade_id] = PublicTrade(trade_type, at_us, foreign, dict(lots_at))
        return day


@dataclass(frozen=True, slots=True)
class Terms:
    """What prices need of a listing: in force from a business date on."""

    effective_date: int
    version: int
    tick_nano: int
    daily_settlement: str
    """The document's part, as JSON; `null` where it has none."""

    def settlement(self) -> DailySettlement | None:
        """Return the daily settlement; None where the terms have none (the gateway refuses one that breaks a rule)."""
        try:
            return DailySettlement.of(json.loads(self.daily_settlement))
        except TermsError:
            return None


@dataclass(slots=True)
class Order:
    """A resting order."""

    side: str
    price_nano: int
    remaining: int


@dataclass(slots=True)
class ContractMarket:
    """The market of one listed contract.

    ordinal: its number in the order of listing.  previous_nano, previous_date: the prior settlement price and its
    date; 0 before the first.
    last_nano, bid_nano, ask_nano: the last trade of earlier dates and the last quote of any date, for the live view
    only.
    """

    ordinal: int
    terms: list[Terms]
    previous_nano: int | None = None
    previous_date: int = 0
    last_nano: int | None = None
    bid_nano: int | None = None
    ask_nano: int | None = None
    days: dict[int, DayMarket] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    levels: dict[str, dict[int, int]] = field(default_factory=lambda: {"BUY": {}, "SELL": {}})
    """Resting orders by side and price; made from `orders`."""

    def order(self, record: Json) -> None:
        """Put an order where its record says it stands; one without lots left is gone."""
        before = self.orders.pop(record["order_id"], None)
        if before is not None:
            self._count(before, -1)
        if record["action"] != "cancelled" and record["remaining"] > 0:
            self.rest(record["order_id"], Order(record["side"], record["price_nano"], record["remaining"]))

    def rest(self, order_id: str, order: Order) -> None:
        """Add a resting order."""
        self.orders[order_id] = order
        self._count(order, 1)

    def _count(self, order: Order, change: int) -> None:
        level = self.levels[order.side]
        level[order.price_nano] = level.get(order.price_nano, 0) + change
        if not level[order.price_nano]:
            del level[order.price_nano]

    def quote(self, date: int, record: Json) -> None:
        """Take a quote as the last one of its date."""
        day = self.days.setdefault(date, DayMarket())
        day.bid_nano, day.ask_nano = self.bid_nano, self.ask_nano = record["bid_nano"], record["ask_nano"]

    def best(self) -> tuple[int | None, int | None]:
        """Return best bid and offer: of the resting orders where there are any, else of the last quote."""
        if not self.orders:
            return self.bid_nano, self.ask_nano
        return max(self.levels["BUY"], default=None), min(self.levels["SELL"], default=None)

    def terms_of(self, date: int) -> Terms:
        """Return the terms in force on a date: the newest that took effect by then, else the first."""
        in_force = [terms for terms in self.terms if terms.effective_date <= date]
        return in_force[-1] if in_force else self.terms[0]

    def list_terms(self, terms: Terms) -> None:
        """Add a version of the terms; one with the same effective date replaces it."""
        kept = [one for one in self.terms if one.effective_date != terms.effective_date]
        self.terms = sorted([*kept, terms], key=lambda one: one.effective_date)

    def close(self, date: int) -> DayMarket:
        """Take a date, and what is before it, out of the market and return that date's trades and quote."""
        closed = self.days.get(date, DayMarket())
        for day in [day for day in self.days if day <= date]:
            last_nano = self.days.pop(day).last_nano()
            self.last_nano = self.last_nano if last_nano is None else last_nano
        in_force = self.terms_of(date)
        self.terms = [one for one in self.terms if one is in_force or one.effective_date > date]
        return closed

    def tiers(self, date: int, day: DayMarket, terms: Terms) -> list[Json]:
        """Return what each tier of the contract's daily settlement says, as the records `Tier` of `tier_prices`."""
        settlement = terms.settlement()
        if settlement is None:
            return []
        return [
            {"tier": tier.value, "price_nano": self._tier(tier, settlement, date, day, terms)}
            for tier in settlement.tiers
        ]

    def _tier(self, tier: Tier, settlement: DailySettlement, date: int, day: DayMarket, terms: Terms) -> int | None:
        if tier is Tier.VWAP:
            return vwap(settlement, day.standing(), date, terms.tick_nano, self.previous_nano)
        if tier is Tier.LAST_IN_QUOTE:
            last_nano = last_of_day(settlement, day.standing(), date)
            return last_in_quote(last_nano, day.bid_nano, day.ask_nano, self.previous_nano)
        return self.previous_nano if tier is Tier.PREVIOUS else None

    def to_json(self) -> Json:
        """Return the state as JSON values."""
        return {
            "ordinal": self.ordinal,
            "terms": [[t.effective_date, t.version, t.tick_nano, t.daily_settlement] for t in self.terms],
            "previous": [self.previous_nano, self.previous_date],
            "live": [self.last_nano, self.bid_nano, self.ask_nano],
            "days": {str(date): day.to_json() for date, day in self.days.items()},
            "orders": {order_id: [one.side, one.price_nano, one.remaining] for order_id, one in self.orders.items()},
        }

    @classmethod
    def from_json(cls, state: Json) -> ContractMarket:
        """Return the market of a state."""
        market = cls(state["ordinal"], [Terms(*terms) for terms in state["terms"]])
        market.previous_nano, market.previous_date = state["previous"]
        market.last_nano, market.bid_nano, market.ask_nano = state["live"]
        market.days = {int(date): DayMarket.from_json(day) for date, day in state["days"].items()}
        for order_id, order in state["orders"].items():
            market.rest(order_id, Order(*order))
        return market


def _standing(found: PublicTrade) -> Iterator[MarketTrade]:
    if found.trade_type == _REGULAR and not found.foreign:
        for price_nano, lots in found.lots_at.items():
            if lots > 0:
                yield MarketTrade(lots=lots, price_nano=price_nano, at_us=found.at_us)
