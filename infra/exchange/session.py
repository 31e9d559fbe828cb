"""One business date at the exchange: what happens when, and the records of it in order.

Shanghai trades first, then the offers are observed when they were fetched, then Chicago trades: one timeline in UTC,
all within the date. Offers that were carried forward keep their old instant and stand at the session's start.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from random import Random
from typing import TypeAlias

from infra.exchange.clock import Span, instant_text, span, us_of_day
from infra.exchange.gross import GrossPositions
from infra.exchange.listing import Contract, account_name
from infra.exchange.market import FairPath, Market
from infra.exchange.mischief import Mischief
from infra.exchange.published import month_so_far
from infra.exchange.rental_prices import Offer, index_value, offers_by_date
from infra.exchange.tape import Record, Tape

Act: TypeAlias = Callable[[str], None]
Timeline: TypeAlias = list[tuple[int, int, Act]]
"""When (microseconds since midnight UTC), in which order within the instant, and what."""

_WINDOW_EVERY = 10
"""One step in ten lies in the settlement window, where the contract trades in it at all."""

_BLOCK_EVERY = 40
LATE = ("M10", "M17")
"""Who buys and who sells in a trade that is reported late: clients of these members."""

LATE_LOTS = 20
_FAR_BASIS_PERMILLE = 12
"""The far month stands 1.2 % above the near one."""

_YUAN_PER_H100_DOLLAR = (5, 2)
"""Invented, as no index for tokens is in the data: a million tokens cost 2.5 yuan for each dollar of an H100's hour."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """All that a session depends on.

    previous: the date whose index values the session starts from.
    trades: about how many trades the session has in all.
    dark: contracts without any order on this date, whose price can only be the previous one.
    late: an earlier date, a trade of which is reported only now.
    observed: the dates whose offers are reported, the last of them the session's: weekends are observed too.
    """

    seed: int
    day: date
    previous: date
    contracts: tuple[Contract, ...]
    trades: int
    dark: frozenset[str]
    mischief: int = 0
    late: date | None = None
    observed: tuple[date, ...] = ()


class Session:
    """Plays a plan.

    gross: the gross positions of each contract, changed as trades open and close them.
    mischief: the bad records so far, as (source_seq, kind).
    """

    def __init__(self, plan: SessionPlan, first_source_seq: int, gross: dict[str, GrossPositions]) -> None:
        self.plan = plan
        self.gross = gross
        self.mischief: list[tuple[int, str]] = []
        self._date = plan.day.isoformat()
        self._tape = Tape(self._date, first_source_seq)

    @property
    def next_source_seq(self) -> int:
        """The number after the last record so far."""
        return self._tape.next_source_seq

    def records(self) -> Iterator[Record]:
        """Yield the session's records, from session_open to session_close."""
        self._tape.session_open()
        timeline = self._timeline()
        mischief = Mischief(self.plan.seed, self._date, self.plan.contracts, self.plan.mischief, len(timeline))
        for number, (at_us, _, act) in enumerate(timeline):
            at = instant_text(self._date, at_us)
            act(at)
            if kind := mischief.due(number):
                self.mischief.append((self.next_source_seq, kind))
                mischief.put(kind, self._tape, at)
            yield from self._tape.drain()
        if self.plan.late is not None:
            self._report_late(self.plan.late)
        self._tape.session_close()
        yield from self._tape.drain()

    def _report_late(self, day: date) -> None:
        """Report a trade of an earlier session: between two openings, so that it is known whose it is."""
        near = [(one, one.product.window) for one in self.plan.contracts if one.is_near]
        contract, window = next((one, window) for one, window in near if window is not None)
        product, traded = contract.product, day.isoformat()
        buyer, seller = (account_name(member, client=True, gross=False) for member in LATE)
        window_us = span(day, window, product.zone).start_us
        price, at = product.price(fair_ticks(contract, traded)), instant_text(traded, window_us)
        self._tape.session_open(traded)
        trade_id = late_trade_id(day)
        self._tape.trade(contract.name, buyer, seller, LATE_LOTS, price, at, trade_id=trade_id)
        self._tape.session_open()

    def _timeline(self) -> Timeline:
        acts: list[tuple[int, Act]] = [
            (us_of_day(self._date, offer.at), partial(self._observe, offer))
            for day in self.plan.observed
            for offer in offers_by_date()[day.isoformat()]
        ]
        trading = [contract for contract in self.plan.contracts if contract.name not in self.plan.dark]
        shares = sum(contract.share for contract in trading)
        for contract in trading:
            acts += self._market_acts(contract, self.plan.trades * contract.share // shares)
        timeline = [(at_us, order, act) for order, (at_us, act) in enumerate(acts)]
        timeline.sort()
        return timeline

    def _observe(self, offer: Offer, at: str) -> None:
        del at  # an offer that was carried forward keeps its own instant
        self._tape.observe(offer)

    def _market_acts(self, contract: Contract, steps: int) -> list[tuple[int, Act]]:
        product, day = contract.product, self.plan.day
        rng = Random(f"{self.plan.seed}/{self._date}/{contract.name}")
        hours = [span(day, ends, product.zone) for ends in product.hours]
        window = None if product.window is None else span(day, product.window, product.zone)
        gross = self.gross.setdefault(contract.name, GrossPositions())
        market = Market(contract, self._path(contract, steps), rng, self._tape, gross)
        times = step_times(rng, hours, window, steps, in_window=contract.trades_in_window)
        acts: list[tuple[int, Act]] = [(hours[0].start_us, market.open)]
        acts += [
            (at_us, market.block if number % _BLOCK_EVERY == _BLOCK_EVERY // 2 else market.step)
            for number, at_us in enumerate(times)
        ]
        acts.append((hours[-1].end_us, market.close))
        return acts

    def _path(self, contract: Contract, steps: int) -> FairPath:
        return FairPath(
            fair_ticks(contract, self.plan.previous.isoformat()), fair_ticks(contract, self._date), max(1, steps)
        )


def step_times(rng: Random, hours: list[Span], window: Span | None, steps: int, *, in_window: bool) -> list[int]:
    """Return when a contract's steps are: within its hours, one in ten in the window or none at all.

    The window's very first and last microsecond, which belong to it, and those beside it, which do not, have a step
    each when there are enough.
    """
    if window is None:
        return [_within(rng, hours) for _ in range(steps)]
    inside = max(1, steps // _WINDOW_EVERY) if in_window and steps else 0
    edges = [window.start_us, window.end_us] if inside > 2 else []
    times = edges + [_within(rng, [window]) for _ in range(inside - len(edges))]
    if edges:
        times += [window.start_us - 1, window.end_us + 1]
    while len(times) < steps:
        at_us = _within(rng, hours)
        if at_us not in window:
            times.append(at_us)
    return times


def late_trade_id(day: date) -> str:
    """Return the id of a date's trade that is reported late."""
    return f"L{day:%Y%m%d}-000001"


def fair_ticks(contract: Contract, day: str) -> int:
    """Return what the index of a date says a contract is worth, in ticks."""
    product = contract.product
    if contract.expires:
        value = month_so_far(product.name, contract.month, day)
    elif product.gross:
        numerator, denominator = _YUAN_PER_H100_DOLLAR
        value = index_value(day, "H100") * numerator / denominator
    else:
        value = index_value(day, product.name)
    near = int(value * 10**product.tick_decimals)
    return near if contract.is_near else near * (1000 + _FAR_BASIS_PERMILLE) // 1000


def _within(rng: Random, hours: list[Span]) -> int:
    """Return a random instant of the given intervals, their ends included."""
    lengths = [each.end_us - each.start_us + 1 for each in hours]
    offset = int(rng.random() * sum(lengths))
    for each, length in zip(hours, lengths, strict=True):
        if offset < length:
            return each.start_us + offset
        offset -= length
    raise AssertionError(f"Expected an offset within {hours}, was {offset} beyond")
