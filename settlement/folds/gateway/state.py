"""What the gateway knows: reference data, trades and where they stand, holdings, dates.

Plain data that msgpack takes whole, so a snapshot is one call. Everything here follows from `controls` and the feeds
alone.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from settlement.domain.versions import TermsBook


class Listed(Struct):
    """A contract that is or was in force, and its settlement history.

    ordinal: its number in the order of coming into force.  previous_nano, previous_minor: the last settlement price and
    V of it; None before the first.  settled: (date, price) of the end-of-day cycles since the oldest date that can
    still be corrected.
    """

    ordinal: int
    previous_nano: int | None = None
    previous_minor: int | None = None
    settled: list[tuple[int, int]] = field(default_factory=list)
    closed: bool = False


class Opened(Struct):
    """An account."""

    member: str
    origin: str
    positions: str


class Holding(Struct):
    """What an account holds of a contract: signed lots, and for a gross account both sides."""

    net: int = 0
    long: int = 0
    short: int = 0

    @property
    def open(self) -> bool:
        """Whether anything is held."""
        return bool(self.net or self.long or self.short)


class Standing(Struct):
    """Lots of a trade that stand somewhere: a fill not (wholly) reversed.

    fee_minor: the fee per lot when it was traded, zero or more.
    """

    fill_id: str
    account: str
    side: str
    effect: str
    lots: int
    price_nano: int
    value_minor: int
    fee_minor: int
    given_up: bool = False
    averaged: bool = False


class Residual(Struct):
    """Cash that an average left with an account (rule AVG-1)."""

    fill_id: str
    account: str
    side: str
    cres_minor: int


class Trade(Struct):
    """An accepted trade and its allocation (rule COR-1)."""

    contract: str
    business_date: int
    trade_date: int
    trade_type: str
    at_us: int
    lots: int
    price_nano: int
    fills: int = 0
    standing: list[Standing] = field(default_factory=list)
    residuals: list[Residual] = field(default_factory=list)
    busted: bool = False


class Transfer(Struct):
    """A position transfer at the prior settlement price by default, which may be corrected (rule COR-2).

    price_date: the settled date whose price it is.
    """

    contract: str
    business_date: int
    price_date: int
    fills: int = 0
    standing: list[Standing] = field(default_factory=list)


class Part(Struct):
    """What one taker is asked to take of a give-up; effect: whether it opens or closes."""

    lots: int
    effect: str


class Claim(Struct):
    """A requested give-up as far as it is pending (rule GUP-2).

    giver: the executing account.  parts: by taking account, what it has not answered yet.
    """

    trade: str
    side: str
    giver: str
    parts: dict[str, Part]


class Day(Struct):
    """One contract's fills of a date that is not settled.

    lots, gross_minor: sums of |lots| and |lots x V|, for the limits.  net: signed lots by account.  priced: whether
    it needs a settlement price.
    """

    lots: int = 0
    gross_minor: int = 0
    priced: bool = False
    net: dict[str, int] = field(default_factory=dict)


class Date(Struct):
    """A business date that is open or cut, and not settled.

    needed: contracts that its end-of-day cycle must price, fixed at the cut.
    numbers: by kind, the last cycle that was booked while it was open.
    """

    date: int
    days: dict[str, Day] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)


class Session(Struct):
    """A feed, and what its session did since the last cut; -1 until the exchange sent its totals.

    unreadable: records that could not be read, so that nobody knows whether they were trades.
    """

    next_seq: int
    date: int = 0
    trades: int = -1
    lots: int = -1
    accepted_trades: int = 0
    accepted_lots: int = 0
    rejected_trades: int = 0
    rejected_lots: int = 0
    unreadable: int = 0

    @property
    def refused_trades(self) -> int:
        """Trades refused; an unreadable record was one as far as the exchange's total says that one is missing."""
        missing = self.trades - self.accepted_trades - self.rejected_trades
        return self.rejected_trades + (self.unreadable if self.trades < 0 else min(self.unreadable, max(missing, 0)))

    def reset(self) -> None:
        """Begin the count of the next date."""
        self.trades = self.lots = -1
        self.accepted_trades = self.accepted_lots = self.rejected_trades = self.rejected_lots = self.unreadable = 0


class Sums(Struct):
    """A partition's control sums of the open date."""

    fills: int = 0
    lots: int = 0
    absolute_lots: int = 0
    lots_value_minor: int = 0


class Break(Struct):
    """A matched trade that was refused."""

    feed: str
    source_seq: int
    trade_id: str


class State(Struct):
    """Everything.

    next_seq: by topic, the next stream_seq of each partition.  holidays: the venue's; banks: by currency its bank's.
    terms: every version of every contract.  listed: those that are or were in force.  open: the open date, None before
    the first.  cut: dates cut and not settled, in order.  trades, transfers: those that a correction can still reach.
    past: by the id of every other trade, the ordinal of its contract.  claims: by the request's control id, while a
    part is pending.
    """

    partitions: int
    next_seq: dict[str, list[int]]
    sums: list[Sums]
    controls: dict[str, str] = field(default_factory=dict)
    applied: int = 0
    holidays: list[int] = field(default_factory=list)
    banks: dict[str, list[int]] = field(default_factory=dict)
    terms: TermsBook = field(default_factory=TermsBook)
    listed: dict[str, Listed] = field(default_factory=dict)
    accounts: dict[str, Opened] = field(default_factory=dict)
    series: dict[str, dict[str, Any]] = field(default_factory=dict)
    holdings: dict[str, dict[str, Holding]] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    feeds: dict[str, Session] = field(default_factory=dict)
    breaks: list[Break] = field(default_factory=list)
    open: Date | None = None
    cut: list[Date] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    past: dict[str, int] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)

    def book_after(self, contract: str, day: int) -> dict[str, int]:
        """Return signed lots by account at the end of a date (yyyymmdd): what is held less the fills of later dates.

        day: open, cut and not settled, or the last one that is settled.
        """
        book = {account: held.net for account, held in self.holdings.get(contract, {}).items()}
        for date in [*self.cut, *([self.open] if self.open else [])]:
            if date.date > day and contract in date.days:
                for account, lots in date.days[contract].net.items():
                    book[account] = book.get(account, 0) - lots
        return book
