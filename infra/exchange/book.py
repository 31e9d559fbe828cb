"""An order book: price-time priority, no crossed book, lots conserved.

Prices are whole ticks. The book knows no clock and no randomness: what it does follows from the order of the calls.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["BUY", "SELL"]


@dataclass(slots=True)
class Order:
    """One order: `lots` is its size, `remaining` is not matched yet, `closes` means that it closes a gross position."""

    order_id: str
    account: str
    side: Side
    lots: int
    price_ticks: int
    closes: bool = False
    remaining: int = field(init=False)

    def __post_init__(self) -> None:
        self.remaining = self.lots


@dataclass(frozen=True, slots=True)
class Match:
    """`lots` changed hands between the arriving and the resting order, at the resting order's price."""

    arriving: Order
    resting: Order
    lots: int
    price_ticks: int


@dataclass(frozen=True, slots=True)
class Execution:
    """What an order met: its matches in order, and resting orders of its own account that were taken out instead."""

    matches: list[Match]
    prevented: list[Order]


class OrderBook:
    """The resting orders of one contract.

    A side is its prices, sorted, and per price the orders in order of arrival (a dict keeps it, and finds any order
    at once).
    """

    def __init__(self) -> None:
        self._levels: dict[Side, dict[int, dict[str, Order]]] = {"BUY": {}, "SELL": {}}
        self._prices: dict[Side, list[int]] = {"BUY": [], "SELL": []}
        self._orders: dict[str, Order] = {}

    def get(self, order_id: str | None) -> Order | None:
        """Return a resting order, or None when it rests no more."""
        return None if order_id is None else self._orders.get(order_id)

    @property
    def bid_ticks(self) -> int | None:
        """The highest price that somebody pays."""
        prices = self._prices["BUY"]
        return prices[-1] if prices else None

    @property
    def ask_ticks(self) -> int | None:
        """The lowest price that somebody takes."""
        prices = self._prices["SELL"]
        return prices[0] if prices else None

    def orders(self) -> list[Order]:
        """Return the resting orders by side, price (lowest first) and priority."""
        sides: tuple[Side, Side] = ("BUY", "SELL")
        return [order for side in sides for price in self._prices[side] for order in self._levels[side][price].values()]

    def submit(self, order: Order, *, rests: bool = True) -> Execution:
        """Match an order against the book; what remains rests if it may, behind all others of its price.

        An account never trades with itself: its resting order is taken out and the arriving one goes on.
        """
        if order.order_id in self._orders or order.remaining <= 0:
            raise ValueError(f"Expected a new order with lots, was {order}")
        execution = Execution([], [])
        while order.remaining and (best := self._first_opposite(order)) is not None:
            if best.account == order.account:
                self._take_out(best)
                execution.prevented.append(best)
                continue
            lots = min(order.remaining, best.remaining)
            order.remaining -= lots
            best.remaining -= lots
            if not best.remaining:
                self._take_out(best)
            execution.matches.append(Match(order, best, lots, best.price_ticks))
        if order.remaining and rests:
            self._rest(order)
        return execution

    def cancel(self, order_id: str) -> Order:
        """Take a resting order out and return it."""
        order = self._orders[order_id]
        self._take_out(order)
        return order

    def replace(self, order_id: str, *, remaining: int, price_ticks: int) -> Execution:
        """Change what remains of a resting order and its price.

        Fewer lots at the same price keep the order's place; more lots or another price put it behind all others, and
        it may match.
        """
        if remaining <= 0:
            raise ValueError(f"Expected lots to remain, was {remaining}: cancel the order instead")
        order = self._orders[order_id]
        grows = remaining > order.remaining
        if price_ticks == order.price_ticks and not grows:
            order.lots += remaining - order.remaining
            order.remaining = remaining
            return Execution([], [])
        self._take_out(order)
        order.lots += remaining - order.remaining
        order.remaining = remaining
        order.price_ticks = price_ticks
        return self.submit(order)

    def _first_opposite(self, order: Order) -> Order | None:
        """Return the order that an arriving one would meet first, or None when none is at its price or better."""
        buys = order.side == "BUY"
        best = self.ask_ticks if buys else self.bid_ticks
        if best is None or (best > order.price_ticks if buys else best < order.price_ticks):
            return None
        return next(iter(self._levels["SELL" if buys else "BUY"][best].values()))

    def _rest(self, order: Order) -> None:
        level = self._levels[order.side].get(order.price_ticks)
        if level is None:
            level = self._levels[order.side][order.price_ticks] = {}
            insort(self._prices[order.side], order.price_ticks)
        level[order.order_id] = order
        self._orders[order.order_id] = order

    def _take_out(self, order: Order) -> None:
        level = self._levels[order.side][order.price_ticks]
        del level[order.order_id]
        del self._orders[order.order_id]
        if not level:
            del self._levels[order.side][order.price_ticks]
            prices = self._prices[order.side]
            del prices[bisect_left(prices, order.price_ticks)]
