"""Events of a scenario as what production would see: a report of the exchange's feed, or a control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, TypeAlias, cast

from settlement.domain.account import Account, Origin, Positions, is_clearing_house
from settlement.domain.dates import format_date, to_date, to_instant, to_number
from settlement.domain.feed import Effect, IndexObserved, QuoteReported, TradeReported, TradeType
from settlement.domain.money import NANO, parse_decimal
from settlement.scenario import events as of
from settlement.scenario.parse import Scenario

Payload: TypeAlias = dict[str, Any]
NO_INSTANT: Final = -1
_MICROSECOND: Final = timedelta(microseconds=1)
_NO_DATE: Final = 19700101  # of a file without any date: nothing in its output shows it


@dataclass(frozen=True, slots=True)
class Control:
    """A control's kind and payload."""

    kind: str
    payload: Payload


Report: TypeAlias = TradeReported | QuoteReported | IndexObserved


@dataclass(frozen=True, slots=True)
class Dates:
    """The open dates that a file implies: each is the date of the next cut, or of the next settle without one."""

    closing: tuple[tuple[int, int], ...]  # event number and date of every cut and settle
    first: int

    @classmethod
    def of(cls, scenario: Scenario) -> Dates:
        """Return the dates of a file."""
        closing = tuple((e.number, e.event.date) for e in scenario.events if isinstance(e.event, of.Cut | of.Settle))
        return cls(closing, closing[0][1] if closing else _first_date(scenario))

    def after(self, number: int, date: int) -> int | None:
        """Return the date that opens when an event closes one; None behind the last: the next business day."""
        return next((later for place, later in self.closing if place > number and later > date), None)


def _first_date(scenario: Scenario) -> int:
    """Return the date on which a file opens that closes none: its first intraday cycle's, or the first it names."""
    events = [entry.event for entry in scenario.events]
    intraday = [event.date for event in events if isinstance(event, of.Intraday)]
    named = [date for event in events if (date := _named_date(event)) is not None]
    return (intraday + named + [_NO_DATE])[0]


def _named_date(event: of.Event) -> int | None:
    match event:
        case of.CorrectSettlement() | of.Fix() | of.Fixing() | of.FinalPrice():
            return event.date
        case of.Trade() | of.Quote() | of.Observe() if event.at is not None:
            return to_number(to_instant(event.at).date())
        case _:
            return None


def accounts(scenario: Scenario) -> dict[str, Account]:
    """Return every account of a file: those listed, then net house accounts of their own member as they appear."""
    found = dict(scenario.accounts)
    for entry in scenario.events:
        for name in _accounts_in(entry.event):
            if name not in found and not is_clearing_house(name):
                found[name] = Account(account=name, member=name, origin=Origin.HOUSE, positions=Positions.NET)
    return found


def _accounts_in(event: of.Event) -> Iterator[str]:
    match event:
        case of.Trade():
            yield from (event.buyer, event.seller)
        case of.Carry():
            yield from event.positions
        case of.GiveUp():
            yield from event.to
        case of.Average() | of.CloseOut():
            yield event.account
        case of.Transfer() | of.CashAdjustment():
            yield from (event.from_, event.to)
        case _:
            pass


def setup(scenario: Scenario, first_date: int) -> Iterator[Control]:
    """Yield what stands before the first event: calendar, contracts, accounts, series, the first open date."""
    if scenario.holidays:
        yield Control("calendar", {"holidays": [format_date(day) for day in scenario.holidays]})
    for currency, days in scenario.banks.items():
        yield Control("calendar", {"currency": currency, "holidays": [format_date(day) for day in days]})
    for document in scenario.contracts.values():
        yield Control("listing", document)
    for account in accounts(scenario).values():
        fields = {"account": account.account, "member": account.member}
        sides = {"origin": account.origin.lower(), "positions": account.positions.lower()}
        yield Control("account", {**fields, **sides})
    for series, document in scenario.series.items():
        yield Control("series", {"series": series, **document})
    yield Control("open", {"date": format_date(first_date)})


@dataclass(slots=True)
class Translator:
    """Turns events into reports and controls; `dates` are those of the file."""

    scenario: Scenario
    dates: Dates
    reports: int = 0
    _fix_at: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find for each observation without an instant the fix that will use it."""
        following: dict[str, int] = {}
        for entry in reversed(self.scenario.events):
            if isinstance(entry.event, of.Fix):
                following[entry.event.series] = fix_instant(entry.event)
            elif isinstance(entry.event, of.Observe) and entry.event.series in following:
                self._fix_at[entry.number] = following[entry.event.series]

    def report(self, entry: of.Entry) -> Report | None:
        """Return the report of an event that the exchange's feed would bring; None where a control would."""
        match entry.event:
            case of.Trade():
                return _trade(entry.event, self._next(), entry.number)
            case of.Quote():
                return _quote(entry.event, self._next())
            case of.Observe():
                at_us = entry.event.at if entry.event.at is not None else self._fix_at.get(entry.number, 0)
                return _observe(entry.event, self._next(), at_us)
            case _:
                return None

    def _next(self) -> int:
        self.reports += 1
        return self.reports


def _trade(event: of.Trade, source_seq: int, number: int) -> TradeReported:
    return TradeReported(
        source_seq=source_seq,
        trade_id=event.id if event.id is not None else f"#{number}",
        contract=event.contract,
        buyer=event.buyer,
        seller=event.seller,
        lots=event.lots,
        price_nano=parse_decimal(event.price, NANO),
        at_us=NO_INSTANT if event.at is None else event.at,
        trade_type=cast("TradeType", event.type),
        buyer_effect=cast("Effect", event.open_close.buyer.upper()),
        seller_effect=cast("Effect", event.open_close.seller.upper()),
    )


def _quote(event: of.Quote, source_seq: int) -> QuoteReported:
    bid_nano, ask_nano = (None if side is None else parse_decimal(side, NANO) for side in (event.bid, event.ask))
    at_us = NO_INSTANT if event.at is None else event.at
    return QuoteReported(
        source_seq=source_seq, contract=event.contract, bid_nano=bid_nano, ask_nano=ask_nano, at_us=at_us
    )


def _observe(event: of.Observe, source_seq: int, at_us: int) -> IndexObserved:
    return IndexObserved(
        source_seq=source_seq,
        series=event.series,
        provider=event.provider,
        price_nano=parse_decimal(event.price, NANO),
        quantity_nano=parse_decimal(event.quantity, NANO),
        at_us=at_us,
    )


def fix_instant(event: of.Fix) -> int:
    """Return the instant that a fix counts ages from: its own, or the last microsecond of its date in UTC."""
    if event.at is not None:
        return event.at
    end = datetime.combine(to_date(event.date), time(), UTC) + timedelta(days=1) - _MICROSECOND
    return (end - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def instant_text(at_us: int) -> str:
    """Return an instant as a control writes it."""
    return to_instant(at_us).isoformat().replace("+00:00", "Z")


def control(event: of.Event, following: int | None) -> Control:
    """Return the control of an event that asks for no price; following: the date that opens when it closes one."""
    match event:
        case of.Carry():
            positions = {name: _lots(lots) for name, lots in event.positions.items()}
            return Control("carry", {"contract": event.contract, "price": event.price, "positions": positions})
        case of.Cut():
            return Control("cut", {"date": format_date(event.date), **_next_date(following)})
        case of.Intraday():
            fields = {"date": format_date(event.date), "kind": "intraday"}
            return Control("prices", {**fields, "prices": given(event.prices)})
        case of.CorrectSettlement():
            priced = {"contract": event.contract, "price": event.price}
            return Control("correct_settlement", {"date": format_date(event.date), **priced})
        case of.Fix():
            at = instant_text(fix_instant(event))
            return Control("fix", {"series": event.series, "date": format_date(event.date), "at": at})
        case of.Fixing():
            return Control("fixing", {"series": event.series, "date": format_date(event.date), "value": event.value})
        case _:
            return _correction(event)


def _correction(event: of.Event) -> Control:
    match event:
        case of.Bust():
            return Control("bust", {"trade": event.trade})
        case of.Adjust():
            return Control("adjust", {"trade": event.trade, "price": event.price})
        case of.GiveUp():
            return Control("give_up", _give_up(event))
        case of.Average():
            trades = {"account": event.account, "contract": event.contract, "trades": list(event.trades)}
            return Control("average", {**trades, "side": event.side})
        case of.Transfer():
            return Control("transfer", _transfer(event))
        case of.CloseOut():
            return Control("close_out", {"account": event.account, "contract": event.contract, "lots": str(event.lots)})
        case of.CashAdjustment():
            between = {"from": event.from_, "to": event.to, "contract": event.contract}
            return Control("cash_adjustment", {**between, "amount": event.amount, "reason": event.reason})
        case _:
            message = f"Expected an event that is a control as it stands, was {event!r}."
            raise TypeError(message)


def settle(event: of.Settle, prices: Mapping[str, Payload], following: int | None) -> Control:
    """Return the control of an end of day; it brings the date's cut where none was written."""
    fields = {"date": format_date(event.date), "kind": "end_of_day", "prices": dict(prices), "cut": True}
    return Control("prices", {**fields, **_next_date(following)})


def final(event: of.FinalPrice, price: str, tier: str) -> Control:
    """Return the control of a print of a final settlement price."""
    fields = {"contract": event.contract, "date": format_date(event.date), "status": event.status}
    return Control("final", {**fields, "price": price, "tier": tier})


def given(prices: Mapping[str, str], tiers: Mapping[str, str] | None = None) -> dict[str, Payload]:
    """Return prices as a control writes them, with where each came from."""
    return {
        contract: {"price": price, "tier": (tiers or {}).get(contract, "given")} for contract, price in prices.items()
    }


def _next_date(following: int | None) -> Payload:
    return {} if following is None else {"next": format_date(following)}


def _lots(lots: int | of.Sides) -> str | Payload:
    return {"long": str(lots.long), "short": str(lots.short)} if isinstance(lots, of.Sides) else str(lots)


def _give_up(event: of.GiveUp) -> Payload:
    to = {taker: str(lots) for taker, lots in event.to.items()}
    named = event.open_close
    effects = dict.fromkeys(to, named) if isinstance(named, str) else {taker: named.get(taker, "open") for taker in to}
    one = len(set(effects.values())) == 1  # the usual case, in the gateway's short form
    return {
        "trade": event.trade,
        "side": event.side,
        "to": to,
        "open_close": next(iter(effects.values())) if one else effects,
    }


def _transfer(event: of.Transfer) -> Payload:
    fields = {"contract": event.contract, "from": event.from_, "to": event.to, "lots": str(event.lots)}
    optional = {"price": event.price, "position": event.position}
    return {**fields, **{key: value for key, value in optional.items() if value is not None}}
