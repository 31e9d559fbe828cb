"""One contract's market for one session: makers, hedgers and takers around a fair value that follows the index.

All randomness comes of the generator that is passed in, as whole numbers from `random()` times a width, which is
exact in IEEE arithmetic: the same on every machine.
"""

from collections import deque
from dataclasses import dataclass
from random import Random

from infra.exchange.book import Execution, Order, OrderBook, Side
from infra.exchange.gross import GrossPositions
from infra.exchange.listing import MARKET_MAKERS, MEMBERS, Contract, account_name
from infra.exchange.tape import Tape

_MAKER_HALF_SPREAD_TICKS = (2, 5)
_MAKER_LOTS = (5, 25)
_HEDGER_LOTS = (1, 10)
_TAKER_LOTS = (1, 12)
_BLOCK_LOTS = (50, 200)
_HEDGER_OFFSET_TICKS = (0, 6)
_TAKER_REACH_TICKS = 3
"""How far beyond the best price a taker goes."""

_HEDGER_ORDERS_MAX = 8
_REQUOTE_SHARE = 0.6
_HEDGE_SHARE = 0.12
_CLOSE_SHARE = 0.5
_NATURAL_SHARE = 0.7
"""Most buying is done by those who rent compute and most selling by those who own it."""


@dataclass(frozen=True, slots=True)
class FairPath:
    """A contract's fair value in ticks: from the index of the day before to the date's, over so many steps."""

    start_ticks: int
    end_ticks: int
    steps: int

    def at(self, step: int) -> int:
        """Return the path's value after a step."""
        return self.start_ticks + (self.end_ticks - self.start_ticks) * step // max(1, self.steps)


class Market:
    """One contract's order book and those who trade in it."""

    def __init__(self, contract: Contract, path: FairPath, rng: Random, tape: Tape, gross: GrossPositions) -> None:
        self.contract = contract
        self._path = path
        self._random = rng.random
        self._tape = tape
        self._gross = gross
        self._is_gross = contract.product.gross
        self._name = contract.name
        self._book = OrderBook()
        self._makers = [account_name(member, client=False, gross=self._is_gross) for member in MARKET_MAKERS]
        self._owners = self._hedgers(parity=0)
        self._renters = self._hedgers(parity=1)
        self._maker_quotes: dict[tuple[str, Side], str] = {}
        self._hedger_orders: deque[str] = deque()
        self._best: tuple[int | None, int | None] = (None, None)
        self._texts: dict[int, str] = {}
        self._noise_ticks = 0
        self._fair_ticks = path.start_ticks
        self._steps = 0
        self._trades = 0

    def open(self, at: str) -> None:
        """Every maker quotes both sides."""
        for account in self._makers:
            self._requote(account, "BUY", at)
            self._requote(account, "SELL", at)

    def step(self, at: str) -> None:
        """Let the fair value move, somebody quote, and somebody trade unless the day's schedule is ahead."""
        self._move()
        random = self._random
        side: Side = "BUY" if random() < 0.5 else "SELL"
        if random() < _REQUOTE_SHARE or self._opposite_is_empty(side):
            opposite: Side = "SELL" if side == "BUY" else "BUY"
            self._requote(self._makers[int(random() * len(self._makers))], opposite, at)
        if random() < _HEDGE_SHARE:
            self._hedge("BUY" if random() < 0.5 else "SELL", at)
        if self._trades < self._steps:
            self._take(side, at)

    def block(self, at: str) -> None:
        """Two accounts agree on many lots off the book, within 1 % of the fair value; no settlement price counts it."""
        self._move()
        buyer, seller = self._natural("BUY"), self._natural("SELL")
        while seller == buyer:
            seller = self._natural("SELL")
        reach = self._fair_ticks // 100
        ticks = max(1, self._fair_ticks + self._between((-reach, reach)))
        lots = self._between(_BLOCK_LOTS)
        self._trades += 1
        self._tape.trade(self._name, buyer, seller, lots, self._text(ticks), at, trade_type="block")
        if self._is_gross:
            self._gross.match(buyer, "BUY", lots, closes=False)
            self._gross.match(seller, "SELL", lots, closes=False)

    def close(self, at: str) -> None:
        """Orders live for the day: what rests is cancelled. No quote is reported for that, so the last one stands."""
        for order in self._book.orders():
            self._book.cancel(order.order_id)
            self._cancelled(order, at)

    def _hedgers(self, parity: int) -> list[str]:
        members = [member for number, member in enumerate(MEMBERS) if number % 2 == parity]
        houses = [member for member in members if member not in MARKET_MAKERS]
        return [account_name(member, client=True, gross=self._is_gross) for member in members] + [
            account_name(member, client=False, gross=self._is_gross) for member in houses
        ]

    def _between(self, ends: tuple[int, int]) -> int:
        return ends[0] + int(self._random() * (ends[1] - ends[0] + 1))

    def _natural(self, side: Side) -> str:
        accounts = self._renters if (side == "BUY") == (self._random() < _NATURAL_SHARE) else self._owners
        return accounts[int(self._random() * len(accounts))]

    def _move(self) -> None:
        """Move the fair value along its path, with a noise that is drawn back to it."""
        self._steps += 1
        pace = self.contract.product.pace_ticks
        self._noise_ticks += int(self._random() * (2 * pace + 1)) - pace - self._noise_ticks // 16
        self._fair_ticks = max(1, self._path.at(self._steps) + self._noise_ticks)

    def _opposite_is_empty(self, side: Side) -> bool:
        return (self._book.ask_ticks if side == "BUY" else self._book.bid_ticks) is None

    def _requote(self, account: str, side: Side, at: str) -> None:
        half = self._between(_MAKER_HALF_SPREAD_TICKS)
        ticks = max(1, self._fair_ticks - half if side == "BUY" else self._fair_ticks + half)
        lots = self._between(_MAKER_LOTS)
        resting = self._book.get(self._maker_quotes.get((account, side)))
        if resting is None:
            self._maker_quotes[account, side] = self._enter(account, side, lots, ticks, at)
        elif resting.price_ticks != ticks or resting.remaining < _MAKER_LOTS[0]:
            if self._is_gross:  # what an order opens or closes cannot be replaced
                self._book.cancel(resting.order_id)
                self._cancelled(resting, at)
                self._maker_quotes[account, side] = self._enter(account, side, lots, ticks, at)
            else:
                self._replace(resting, lots, ticks, at)

    def _hedge(self, side: Side, at: str) -> None:
        """Somebody places a patient order; the oldest goes when there are many."""
        offset = self._between(_HEDGER_OFFSET_TICKS)
        ticks = max(1, self._fair_ticks - offset if side == "BUY" else self._fair_ticks + offset)
        self._hedger_orders.append(self._enter(self._natural(side), side, self._between(_HEDGER_LOTS), ticks, at))
        if len(self._hedger_orders) > _HEDGER_ORDERS_MAX:
            order = self._book.get(self._hedger_orders.popleft())
            if order is not None:
                self._book.cancel(order.order_id)
                self._cancelled(order, at)
                self._report_quote(at)

    def _take(self, side: Side, at: str) -> None:
        """Somebody trades at once what is there; the rest of the order is cancelled."""
        best = self._book.ask_ticks if side == "BUY" else self._book.bid_ticks
        if best is None:
            return
        ticks = best + _TAKER_REACH_TICKS if side == "BUY" else max(1, best - _TAKER_REACH_TICKS)
        self._enter(self._natural(side), side, self._between(_TAKER_LOTS), ticks, at, rests=False)

    def _enter(self, account: str, side: Side, lots: int, ticks: int, at: str, *, rests: bool = True) -> str:
        closes = self._is_gross and self._random() < _CLOSE_SHARE and self._gross.free(account, side) >= lots
        order = Order(self._tape.order_id(), account, side, lots, ticks, closes=closes)
        self._gross.claim(order)
        self._report(order, "new", at)
        self._executed(order, self._book.submit(order, rests=rests), at)
        if order.remaining and not rests:
            self._cancelled(order, at)
        self._report_quote(at)
        return order.order_id

    def _replace(self, order: Order, lots: int, ticks: int, at: str) -> None:
        execution = self._book.replace(order.order_id, remaining=lots, price_ticks=ticks)
        self._report(order, "replaced", at, remaining=lots)
        self._executed(order, execution, at)
        self._report_quote(at)

    def _executed(self, order: Order, execution: Execution, at: str) -> None:
        for match in execution.matches:
            self._trades += 1
            resting, lots = match.resting, match.lots
            buy, sell = (order, resting) if order.side == "BUY" else (resting, order)
            closing: tuple[Side, ...] = tuple(each.side for each in (buy, sell) if each.closes)
            text = self._text(match.price_ticks)
            self._tape.trade(self._name, buy.account, sell.account, lots, text, at, closing=closing)
            self._report(resting, "filled", at)
            if self._is_gross:
                self._gross.match(buy.account, "BUY", lots, closes=buy.closes)
                self._gross.match(sell.account, "SELL", lots, closes=sell.closes)
        if execution.matches:
            self._report(order, "filled", at)
        for prevented in execution.prevented:
            self._cancelled(prevented, at)

    def _cancelled(self, order: Order, at: str) -> None:
        self._gross.release(order)
        self._report(order, "cancelled", at)

    def _report(self, order: Order, action: str, at: str, remaining: int | None = None) -> None:
        left = order.remaining if remaining is None else remaining
        self._tape.order(action, self._name, order, left, self._text(order.price_ticks), at)

    def _report_quote(self, at: str) -> None:
        best = (self._book.bid_ticks, self._book.ask_ticks)
        if best != self._best:
            self._best = best
            bid, ask = (None if ticks is None else self._text(ticks) for ticks in best)
            self._tape.quote(self._name, bid, ask, at)

    def _text(self, ticks: int) -> str:
        text = self._texts.get(ticks)
        if text is None:
            text = self._texts[ticks] = self.contract.product.price(ticks)
        return text
