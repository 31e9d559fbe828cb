"""The events of a scenario as values: each class is an event, each field one of its keys (docs/reference/scenarios.md).

Prices and amounts are decimal text, dates integers yyyymmdd, instants microseconds since 1970 UTC. What an event does
is not said here: the runner hands it to the gateway as the report or control that production would see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias, cast

from settlement.domain.feed import TRADE_TYPES
from settlement.scenario import readers
from settlement.scenario.errors import Fault
from settlement.scenario.forms import fill, form
from settlement.scenario.tree import Mapping as Keys
from settlement.scenario.tree import Node, Text, describe

AUTO: Final = "auto"

Name: TypeAlias = Annotated[str, readers.name]
Line: TypeAlias = Annotated[str, readers.text]
Decimal: TypeAlias = Annotated[str, readers.decimal]
Nano: TypeAlias = Annotated[str, readers.nano]
Lots: TypeAlias = Annotated[int, readers.whole]
Date: TypeAlias = Annotated[int, readers.date]
Instant: TypeAlias = Annotated[int, readers.instant]
Side: TypeAlias = Annotated[str, readers.choice("buy", "sell")]
_prices = readers.by_name(readers.decimal, "contract: price")
Prices: TypeAlias = Annotated[Mapping[str, str], _prices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Lots of a gross account, both zero or more."""

    long: Lots
    short: Lots


def _lots_or_sides(node: Node) -> int | Sides:
    return form(Sides, "a gross account's lots")(node) if isinstance(node, Keys) else readers.whole(node)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClose:
    """Whether each side of a trade opens or closes, for gross accounts."""

    buyer: Annotated[str, readers.choice("open", "close")] = "open"
    seller: Annotated[str, readers.choice("open", "close")] = "open"


def _takers_open_close(node: Node) -> str | Mapping[str, str]:
    word = readers.choice("open", "close")
    return readers.by_name(word, "taker: open or close")(node) if isinstance(node, Keys) else word(node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """A book brought forward at a settlement price."""

    contract: Name
    price: Decimal
    positions: Annotated[Mapping[str, int | Sides], readers.by_name(_lots_or_sides, "account: lots")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A matched trade."""

    contract: Name
    buyer: Name
    seller: Name
    lots: Lots
    price: Decimal
    id: Name | None = None
    at: Instant | None = None
    type: Annotated[str, readers.choice(*TRADE_TYPES)] = "regular"
    open_close: Annotated[OpenClose, form(OpenClose, "`open_close`")] = field(default_factory=OpenClose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bust:
    """A trade never was."""

    trade: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """A trade's price was another."""

    trade: Name
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Lots of one side of a trade move to the accounts that carry them."""

    trade: Name
    side: Side
    to: Annotated[Mapping[str, int], readers.by_name(readers.whole, "account: lots", least=1)]
    open_close: Annotated[str | Mapping[str, str], _takers_open_close] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Trades of one account, contract and side get one price."""

    account: Name
    contract: Name
    side: Side
    trades: Annotated[tuple[str, ...], readers.items(readers.name, "trade ids", least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A position moves between accounts."""

    contract: Name
    from_: Name
    to: Name
    lots: Lots
    price: Decimal | None = None
    position: Annotated[str, readers.choice("long", "short")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOut:
    """A gross account's long and short both go down."""

    account: Name
    contract: Name
    lots: Lots


@dataclass(frozen=True, slots=True, kw_only=True)
class CashAdjustment:
    """Cash between two accounts where lots can no longer be corrected."""

    from_: Name
    to: Name
    contract: Name
    amount: Decimal
    reason: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best bid and offer; one of them may be missing."""

    contract: Name
    bid: Annotated[str | None, readers.or_null(readers.decimal)] = None
    ask: Annotated[str | None, readers.or_null(readers.decimal)] = None
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intraday:
    """An intraday cycle at these prices."""

    date: Date
    prices: Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Closes a date."""

    date: Date


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """The end-of-day cycle of a date; `prices` is `auto` for the contracts' own daily settlement."""

    date: Date
    prices: Annotated[str | Mapping[str, str], readers.either(AUTO, _prices)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectSettlement:
    """A closed date's settlement price was wrong."""

    date: Date
    contract: Name
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """A provider's price was observed for an index series."""

    series: Name
    provider: Name
    price: Nano
    quantity: Annotated[str, readers.not_negative]
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Compute a fixing from what was observed."""

    series: Name
    date: Date
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """An administrator's print of a fixing."""

    series: Name
    date: Date
    value: Nano


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalPrice:
    """A print of a contract's final settlement price; `price` is `auto` for the average of its fixings."""

    contract: Name
    date: Date
    price: Annotated[str, readers.either(AUTO, readers.decimal)]
    status: Annotated[str, readers.choice("provisional", "final")]


Event: TypeAlias = (
    Carry | Trade | Bust | Adjust | GiveUp | Average | Transfer | CloseOut | CashAdjustment | Quote | Intraday | Cut
    | Settle | CorrectSettlement | Observe | Fix | Fixing | FinalPrice
)  # fmt: skip

EVENTS: Final[Mapping[str, type[Event]]] = {
    "carry": Carry,
    "trade": Trade,
    "bust": Bust,
    "adjust": Adjust,
    "give_up": GiveUp,
    "average": Average,
    "transfer": Transfer,
    "close_out": CloseOut,
    "cash_adjustment": CashAdjustment,
    "quote": Quote,
    "intraday": Intraday,
    "cut": Cut,
    "settle": Settle,
    "correct_settlement": CorrectSettlement,
    "observe": Observe,
    "fix": Fix,
    "fixing": Fixing,
    "final": FinalPrice,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event at its place.

    number: counted from 1, as rejections name it.  line: where it stands in the file.
    """

    number: int
    line: int
    event: Event


def read_event(node: Node) -> tuple[int, Event]:
    """Read one event, a mapping of one key; return its line too.

    Raises:
        Fault: of everything that is wrong in it.
    """
    if not isinstance(node, Keys) or not node.entries:
        raise Fault.at(node.line, "an event such as `cut: {date: 2026-11-23}`", describe(node))
    if len(node.entries) != 1:
        was = " and ".join(f"`{key.value}`" for key, _ in node.entries)
        raise Fault.at(node.line, "an event of one key, its name", was)
    ((key, fields),) = node.entries
    return key.line, _read(key, fields)


def _read(key: Text, fields: Node) -> Event:
    cls = EVENTS.get(key.value)
    if cls is None:
        hint = readers.suggestion(key.value, EVENTS) or "Events are " + ", ".join(EVENTS) + "."
        raise Fault.at(key.line, "the name of an event", f"`{key.value}`", hint)
    event = cast("Event", fill(cls, fields, f"`{key.value}`"))
    if isinstance(event, Quote) and event.bid is None and event.ask is None:
        raise Fault.at(fields.line, "`bid`, `ask` or both in `quote`", "neither")
    return event
