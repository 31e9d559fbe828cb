"""What an exchange reports to the clearing house, as values.

A feed is a sequence of records numbered by the exchange itself: `source_seq`, contiguous from the feed's first
record. These classes say what was reported and nothing about whether it can be accepted: an off-tick price, an
unknown account and lots of zero are all well-formed here, and the gateway's to refuse with a code of their own. Only
what cannot be read at all is `Unreadable`.

Units: prices and quantities in 1e-9 (`_nano`), instants in microseconds since the epoch UTC (`_us`), dates as yyyymmdd.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Side: TypeAlias = Literal["BUY", "SELL"]
OrderAction: TypeAlias = Literal["new", "replaced", "filled", "cancelled"]
TradeType: TypeAlias = Literal["regular", "block", "efrp", "spread_leg"]
TRADE_TYPES: Final[tuple[TradeType, ...]] = get_args(TradeType)
Effect: TypeAlias = Literal["OPEN", "CLOSE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The exchange opened the session of a business date (yyyymmdd)."""

    source_seq: int
    business_date: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReported:
    """An order changed: `lots` is its size as it now stands, `remaining` what is still to be matched of it."""

    source_seq: int
    order_id: str
    action: OrderAction
    contract: str
    account: str
    side: Side
    lots: int
    remaining: int
    price_nano: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReported:
    """Two accounts matched; the effects matter to accounts that keep long and short apart (rule ACC-1)."""

    source_seq: int
    trade_id: str
    contract: str
    buyer: str
    seller: str
    lots: int
    price_nano: int
    at_us: int
    trade_type: TradeType = "regular"
    buyer_effect: Effect = "OPEN"
    seller_effect: Effect = "OPEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteReported:
    """The best bid and offer of a contract changed; a side without orders is None."""

    source_seq: int
    contract: str
    bid_nano: int | None
    ask_nano: int | None
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexObserved:
    """A provider's price was observed for an index series."""

    source_seq: int
    series: str
    provider: str
    price_nano: int
    quantity_nano: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed:
    """The session of a business date ended: control totals over its matched trades, blocks included."""

    source_seq: int
    business_date: int
    trades: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that cannot be read; it keeps its number, its bytes as they were sent and where they stood."""

    source_seq: int
    original: bytes
    place: str
    message: str


FeedRecord: TypeAlias = SessionOpened | OrderReported | TradeReported | QuoteReported | IndexObserved | SessionClosed
