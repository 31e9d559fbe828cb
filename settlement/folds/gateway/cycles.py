"""Cuts and cycles: what closes a date, and the prices that each partition answers (rules CUT-1, VM-5, ITD-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from settlement.domain.account import Positions
from settlement.domain.contract import BOOK_LIMIT_MINOR
from settlement.domain.daily_settlement import Tier
from settlement.domain.dates import format_date
from settlement.domain.money import format_price
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import aging, checks, fields, terms
from settlement.folds.gateway.state import Date, Day, Sums
from settlement.folds.gateway.writing import FILLS, ORDERS, Cause, Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract

Price = dict[str, Any]


def carry(writer: Writer, payload: fields.Payload) -> None:
    """Bring a book forward at a settlement price: it is the start of the open date, not its trades."""
    contract = writer.contract(fields.text(payload, "contract"))
    price_nano = fields.decimal(payload.get("price"), "price")
    value_minor = checks.price(contract, price_nano)
    _not_carried(writer, contract, price_nano)
    legs = [
        Leg(kind="carry", account=account, side=side, lots=lots, price_nano=price_nano, value_minor=value_minor)
        for account, side, lots in _carried(writer, fields.mapping(payload, "positions"))
    ]
    if sum(leg.signed_lots for leg in legs):
        raise Refused(
            Code.UNBALANCED,
            f"Expected lots brought forward that sum to 0, was {sum(leg.signed_lots for leg in legs)} in "
            f"{contract.contract}.",
        )
    today = writer.open_date()
    number = next_number(writer, "opening")
    writer.fills(
        contract,
        legs,
        Cause(
            trade_id=f"CARRY-{contract.contract}-{format_date(today.date)}-{number}",
            trade_date=today.date,
            source_seq=writer.state.applied,
            control_id=writer.control_id,
        ),
        1,
    )
    listed = writer.state.listed[contract.contract]
    listed.previous_nano, listed.previous_minor = price_nano, value_minor
    emit_open_cycle(writer, "opening", today.date, [price_of(contract, price_nano, "given")])


def _not_carried(writer: Writer, contract: Contract, price_nano: int) -> None:
    """Refuse when the contract has a price of its own, or may get one from a date that is cut and not settled."""
    checks.not_closed(writer, contract)
    listed = writer.state.listed[contract.contract]
    if listed.settled or writer.state.cut or listed.previous_nano not in {None, price_nano}:
        raise Refused(
            Code.ALREADY_CARRIED,
            f"Expected {contract.contract} without another price and no date that waits for prices, was one of them. "
            "Bring its whole book forward on its first date, at one price.",
        )


def _carried(writer: Writer, positions: fields.Payload) -> list[tuple[str, str, int]]:
    legs = []
    for account, lots in positions.items():
        checks.account(writer, account)
        gross = writer.state.accounts[account].positions == Positions.GROSS
        if gross != isinstance(lots, dict):
            raise fields.malformed(
                f"positions.{account}", "{long: n, short: n} for a gross account" if gross else "signed lots", lots
            )
        if gross:
            sides = ("BUY", _signed(lots.get("long", 0), account)), ("SELL", _signed(lots.get("short", 0), account))
            if min(count for _, count in sides) < 0:
                raise Refused(
                    Code.BAD_LOTS, f"positions.{account}: Expected zero or more lots on each side, was {lots}."
                )
        else:
            net = _signed(lots, account)
            sides = (("BUY", net), ("SELL", -net))
        legs += [(account, side, count) for side, count in sides if count > 0]
    return legs


def _signed(value: object, account: str) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise fields.malformed(f"positions.{account}", "whole lots", value) from error


def cut(writer: Writer, payload: fields.Payload) -> None:
    """Close the open date: its book is frozen, its prices may come later (rule CUT-1)."""
    day, today = fields.date(payload, "date"), writer.open_date()
    if day != today.date:
        raise Refused(
            Code.WRONG_DATE, f"Expected a cut of the open date {format_date(today.date)}, was {format_date(day)}."
        )
    following = (
        fields.date(payload, "next") if payload.get("next") is not None else writer.calendar.next_business_day(day)
    )
    if following <= day:
        raise Refused(Code.WRONG_DATE, f"Expected a next date after {format_date(day)}, was {format_date(following)}.")
    _cut(writer, today, following)


def _cut(writer: Writer, today: Date, following: int) -> None:
    state = writer.state
    sessions = [_session(feed, known) for feed, known in sorted(state.feeds.items())]
    breaks = [
        {"feed": known.feed, "source_seq": known.source_seq, "trade_id": known.trade_id} for known in state.breaks
    ]
    shared = {
        "business_date": today.date,
        "next_date": following,
        "sessions": sessions,
        "open_breaks": breaks,
        "control_id": writer.control_id,
    }
    for partition, sums in enumerate(state.sums):
        counted = {
            "fills": sums.fills,
            "lots": sums.lots,
            "absolute_lots": sums.absolute_lots,
            "lots_value_minor": sums.lots_value_minor,
        }
        writer.emit(FILLS, partition, "cut", {**shared, **counted})
    nothing = {"fills": 0, "lots": 0, "absolute_lots": 0, "lots_value_minor": 0}
    writer.emit_everywhere(ORDERS, "cut", {**shared, **nothing})
    today.needed = _needed(writer, today)
    state.cut.append(today)
    state.open = Date(following)
    state.sums = [Sums() for _ in state.sums]
    for known in state.feeds.values():
        known.reset()
    terms.come_into_force(writer)
    aging.retire(writer)  # by the terms of the date that opened


def _session(feed: str, known: Any) -> dict[str, Any]:  # noqa: ANN401  a Session, whose module knows no writer
    counted = ("trades", "lots", "accepted_trades", "accepted_lots", "rejected_lots")
    return {"feed": feed, "rejected_trades": known.refused_trades, **{key: getattr(known, key) for key in counted}}


def _needed(writer: Writer, date: Date) -> list[str]:
    """Return the contracts with a position or a fill of the date (rule VM-5)."""
    names = {name for name, day in date.days.items() if day.priced}
    names |= {name for name, book in writer.state.holdings.items() if any(holding.open for holding in book.values())}
    return sorted(name for name in names if not writer.state.listed[name].closed)


def prices(writer: Writer, payload: fields.Payload) -> None:
    """Accept the prices of a cycle: intraday of the open date, or the end of day of the next date to settle."""
    kind = fields.text(payload, "kind")
    if kind == "intraday":
        _intraday(writer, payload)
    elif kind == "end_of_day":
        _end_of_day(writer, payload)
    else:
        raise fields.malformed("kind", "intraday or end_of_day", kind)


def _checked_prices(writer: Writer, payload: fields.Payload, date: int) -> dict[str, Price]:
    checked = {}
    for name, given in sorted(fields.mapping(payload, "prices").items()):
        contract = writer.contract_on(name, date)
        text, tier = (given.get("price"), given.get("tier", "given")) if isinstance(given, dict) else (given, "given")
        if writer.state.listed[name].closed and tier in set(Tier):
            continue  # the market answered at the cut, and the final has taken the contract since
        checks.not_closed(writer, contract)
        price_nano = fields.decimal(text, f"prices.{name}")
        if contract.last_trade is not None and date > contract.last_trade:
            message = (
                f"Expected no price of {name} after its last trading day {format_date(contract.last_trade)}, was "
                f"{format_price(price_nano)}."
            )
            raise Refused(Code.AFTER_LAST_TRADE, message + " It settles at its prior price until the final.")
        checks.price(contract, price_nano, what="settlement price")
        check_book(writer, contract, price_nano)
        checked[name] = price_of(contract, price_nano, str(tier))
    return checked


def check_book(writer: Writer, contract: Contract, price_nano: int) -> None:
    """Refuse a price at which the whole book of its contract is worth more than the limit (rule ENT-5)."""
    name, state = contract.contract, writer.state
    lots = sum(abs(holding.net) + holding.long + holding.short for holding in state.holdings.get(name, {}).values())
    lots += sum(date.days.get(name, Day()).lots for date in [*state.cut, writer.open_date()])
    worth = lots * abs(contract.value_minor(price_nano))
    if worth > BOOK_LIMIT_MINOR:
        raise Refused(
            Code.LIMIT,
            f"Expected lots x V of the whole book of {name} up to {BOOK_LIMIT_MINOR} minor units, was {worth}.",
        )


def price_of(contract: Contract, price_nano: int, tier: str) -> Price:
    """Return one contract's price as the record `prices` lists it."""
    return {
        "contract": contract.contract,
        "price_nano": price_nano,
        "value_minor": contract.value_minor(price_nano),
        "tier": tier,
    }


def next_number(writer: Writer, kind: str) -> int:
    """Return the number of the next cycle of a kind that is booked on the open date."""
    return writer.open_date().numbers.get(kind, 0) + 1


def emit_open_cycle(writer: Writer, kind: str, effective: int, listed: list[Price]) -> None:
    """Emit the prices of the open date's next cycle of a kind."""
    today, number = writer.open_date(), next_number(writer, kind)
    today.numbers[kind] = number
    _emit_prices(writer, today.date, kind, number, effective, listed)


def _emit_prices(writer: Writer, date: int, kind: str, number: int, effective: int, listed: list[Price]) -> None:
    """Emit the prices of a cycle to every partition of fills and orders."""
    record = {
        "business_date": date,
        "kind": kind,
        "number": number,
        "effective_date": effective,
        "prices": listed,
        "control_id": writer.control_id,
    }
    writer.emit_everywhere(FILLS, "prices", record)
    writer.emit_everywhere(ORDERS, "prices", record)


def _intraday(writer: Writer, payload: fields.Payload) -> None:
    day, today = fields.date(payload, "date"), writer.open_date()
    if day != today.date:
        raise Refused(
            Code.WRONG_DATE,
            f"Expected an intraday cycle of the open date {format_date(today.date)}, was {format_date(day)}.",
        )
    checked = _checked_prices(writer, payload, day)
    pending = next(((name, cut.date) for name in checked for cut in writer.state.cut if name in cut.needed), None)
    if pending is not None:
        message = (
            f"Expected {pending[0]} to be settled before it is marked, was not: {format_date(pending[1])} is "
            "cut and not settled."
        )
        raise Refused(Code.NO_PREVIOUS, message)
    emit_open_cycle(writer, "intraday", day, list(checked.values()))


def _end_of_day(writer: Writer, payload: fields.Payload) -> None:
    state, day, today = writer.state, fields.date(payload, "date"), writer.open_date()
    if day in state.settled:
        raise Refused(
            Code.ALREADY_SETTLED,
            f"Expected a date without its end of day, was {format_date(day)}. Correct it with a corrected "
            "settlement price.",
        )
    bring_cut = bool(payload.get("cut")) and day == today.date
    due = state.cut[0] if state.cut else today
    if due.date != day or (due is today and not bring_cut):
        what = f"the settlement of {format_date(due.date)}" + ("" if state.cut else " after its cut")
        raise Refused(Code.WRONG_DATE, f"Expected {what}, was {format_date(day)}.")
    needed = _needed(writer, due) if due is today else due.needed
    checked = _checked_prices(writer, payload, day)
    for name in needed:
        contract, listed = writer.contract_on(name, day), state.listed[name]
        if (
            name not in checked
            and contract.last_trade is not None
            and day > contract.last_trade
            and listed.previous_nano is not None
        ):
            checked[name] = price_of(contract, listed.previous_nano, "prior")
    missing = [name for name in needed if name not in checked]
    if missing:
        raise Refused(
            Code.MISSING_PRICE,
            "Expected a settlement price of every contract with a position or a fill, was none of "
            f"{', '.join(missing)}.",
        )
    if due is today:
        following = (
            fields.date(payload, "next") if payload.get("next") is not None else writer.calendar.next_business_day(day)
        )
        _cut(writer, today, following)
    state.cut.pop(0)
    state.settled.append(day)
    for name, price in checked.items():
        listed = state.listed[name]
        listed.previous_nano, listed.previous_minor = price["price_nano"], price["value_minor"]
        if price["tier"] != "prior":
            listed.settled.append((day, price["price_nano"]))
    _emit_prices(writer, day, "end_of_day", 1, day, [checked[name] for name in sorted(checked)])
