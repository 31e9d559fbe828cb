"""Cuts and cycles: what closes a date, and the prices that each partition answers (rules CUT-1, VM-5, ITD-1, COR-2, FSP-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from settlement.domain.account import Positions
from settlement.domain.contract import BOOK_LIMIT_MINOR
from settlement.domain.dates import format_date
from settlement.domain.money import format_price
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.corrections import reprice_transfers
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
    listed, name = writer.state.listed[contract.contract], contract.contract
    if listed.settled or (listed.previous_nano not in {None, price_nano}) or (listed.previous_nano is None and name in writer.open_date().days):
        raise Refused(Code.ALREADY_CARRIED, f"Expected a contract without fills or another price, was {name}. Bring its whole book forward in one event.")
    legs = [
        Leg(kind="carry", account=account, side=side, lots=lots, price_nano=price_nano, value_minor=value_minor)
        for account, side, lots in _carried(writer, fields.mapping(payload, "positions"))
    ]
    if sum(leg.signed_lots for leg in legs):
        raise Refused(Code.UNBALANCED, f"Expected lots brought forward that sum to 0, was {sum(leg.signed_lots for leg in legs)} in {name}.")
    today = writer.open_date()
    number = writer.state.corrections.get(f"opening/{name}", 0) + 1
    writer.fills(contract, legs, Cause(trade_id=f"CARRY-{name}-{number}", trade_date=today.date, source_seq=writer.state.applied, control_id=writer.control_id), 1)
    if name in today.days:
        today.days[name].net.clear()  # what is brought forward is no fill of the date
    writer.state.corrections[f"opening/{name}"] = number
    listed.previous_nano, listed.previous_minor = price_nano, value_minor
    _emit_prices(writer, today.date, "opening", number, today.date, [_price(contract, price_nano, "given")])


def _carried(writer: Writer, positions: fields.Payload) -> list[tuple[str, str, int]]:
    legs = []
    for account, lots in positions.items():
        checks.account(writer, account)
        gross = writer.state.accounts[account].positions == Positions.GROSS
        if gross != isinstance(lots, dict):
            raise fields.malformed(f"positions.{account}", "{long: n, short: n} for a gross account" if gross else "signed lots", lots)
        if gross:
            sides = ("BUY", _signed(lots.get("long", 0), account)), ("SELL", _signed(lots.get("short", 0), account))
            if min(count for _, count in sides) < 0:
                raise Refused(Code.BAD_LOTS, f"positions.{account}: Expected zero or more lots on each side, was {lots}.")
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
        raise Refused(Code.WRONG_DATE, f"Expected a cut of the open date {format_date(today.date)}, was {format_date(day)}.")
    following = fields.date(payload, "next") if payload.get("next") is not None else writer.calendar.next_business_day(day)
    if following <= day:
        raise Refused(Code.WRONG_DATE, f"Expected a next date after {format_date(day)}, was {format_date(following)}.")
    _cut(writer, today, following)


def _cut(writer: Writer, today: Date, following: int) -> None:
    state = writer.state
    sessions = [_session(feed, known) for feed, known in sorted(state.feeds.items())]
    breaks = [{"feed": known.feed, "source_seq": known.source_seq, "trade_id": known.trade_id} for known in state.breaks]
    shared = {"business_date": today.date, "next_date": following, "sessions": sessions, "open_breaks": breaks, "control_id": writer.control_id}
    for partition, sums in enumerate(state.sums):
        counted = {"fills": sums.fills, "lots": sums.lots, "absolute_lots": sums.absolute_lots, "lots_value_minor": sums.lots_value_minor}
        writer.emit(FILLS, partition, "cut", {**shared, **counted})
    nothing = {"fills": 0, "lots": 0, "absolute_lots": 0, "lots_value_minor": 0}
    writer.emit_everywhere(ORDERS, "cut", {**shared, **nothing})
    today.needed = _needed(writer, today)
    state.cut.append(today)
    state.open = Date(following)
    state.sums = [Sums() for _ in state.sums]
    for known in state.feeds.values():
        known.reset()


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
        contract = writer.contract(name)
        checks.not_closed(writer, contract)
        text, tier = (given.get("price"), given.get("tier", "given")) if isinstance(given, dict) else (given, "given")
        price_nano = fields.decimal(text, f"prices.{name}")
        if contract.last_trade is not None and date > contract.last_trade:
            message = f"Expected no price of {name} after its last trading day {format_date(contract.last_trade)}, was {format_price(price_nano)}."
            raise Refused(Code.AFTER_LAST_TRADE, message + " It settles at its prior price until the final.")
        checks.price(contract, price_nano, what="settlement price")
        _check_book(writer, contract, price_nano)
        checked[name] = _price(contract, price_nano, str(tier))
    return checked


def _check_book(writer: Writer, contract: Contract, price_nano: int) -> None:
    name, state = contract.contract, writer.state
    lots = sum(abs(holding.net) + holding.long + holding.short for holding in state.holdings.get(name, {}).values())
    lots += sum(date.days.get(name, Day()).lots for date in [*state.cut, writer.open_date()])
    worth = lots * abs(contract.value_minor(price_nano))
    if worth > BOOK_LIMIT_MINOR:
        raise Refused(Code.LIMIT, f"Expected lots x V of the whole book of {name} up to {BOOK_LIMIT_MINOR} minor units, was {worth}.")


def _price(contract: Contract, price_nano: int, tier: str) -> Price:
    return {"contract": contract.contract, "price_nano": price_nano, "value_minor": contract.value_minor(price_nano), "tier": tier}


def _emit_prices(writer: Writer, date: int, kind: str, number: int, effective: int, listed: list[Price]) -> None:  # noqa: PLR0913, PLR0917
    record = {"business_date": date, "kind": kind, "number": number, "effective_date": effective, "prices": listed, "control_id": writer.control_id}
    writer.emit_everywhere(FILLS, "prices", record)
    writer.emit_everywhere(ORDERS, "prices", record)


def _intraday(writer: Writer, payload: fields.Payload) -> None:
    day, today = fields.date(payload, "date"), writer.open_date()
    if day != today.date:
        raise Refused(Code.WRONG_DATE, f"Expected an intraday cycle of the open date {format_date(today.date)}, was {format_date(day)}.")
    checked = _checked_prices(writer, payload, day)
    pending = next(((name, cut.date) for name in checked for cut in writer.state.cut if name in cut.needed), None)
    if pending is not None:
        message = f"Expected {pending[0]} to be settled before it is marked, was not: {format_date(pending[1])} is cut and not settled."
        raise Refused(Code.NO_PREVIOUS, message)
    today.intraday += 1
    _emit_prices(writer, day, "intraday", today.intraday, day, list(checked.values()))


def _end_of_day(writer: Writer, payload: fields.Payload) -> None:
    state, day, today = writer.state, fields.date(payload, "date"), writer.open_date()
    if day in state.settled:
        raise Refused(Code.ALREADY_SETTLED, f"Expected a date without its end of day, was {format_date(day)}. Correct it with a corrected settlement price.")
    bring_cut = bool(payload.get("cut")) and day == today.date
    due = state.cut[0] if state.cut else today
    if due.date != day or (due is today and not bring_cut):
        what = f"the settlement of {format_date(due.date)}" + ("" if state.cut else " after its cut")
        raise Refused(Code.WRONG_DATE, f"Expected {what}, was {format_date(day)}.")
    needed = _needed(writer, due) if due is today else due.needed
    checked = _checked_prices(writer, payload, day)
    for name in needed:
        contract, listed = writer.contract(name), state.listed[name]
        if name not in checked and contract.last_trade is not None and day > contract.last_trade and listed.previous_nano is not None:
            checked[name] = _price(contract, listed.previous_nano, "prior")
    missing = [name for name in needed if name not in checked]
    if missing:
        raise Refused(Code.MISSING_PRICE, f"Expected a settlement price of every contract with a position or a fill, was none of {', '.join(missing)}.")
    if due is today:
        following = fields.date(payload, "next") if payload.get("next") is not None else writer.calendar.next_business_day(day)
        _cut(writer, today, following)
    state.cut.pop(0)
    state.settled.append(day)
    for name, price in checked.items():
        listed = state.listed[name]
        listed.previous_nano, listed.previous_minor = price["price_nano"], price["value_minor"]
        if price["tier"] != "prior":
            listed.settled.append((day, price["price_nano"]))
    _emit_prices(writer, day, "end_of_day", 1, day, [checked[name] for name in sorted(checked)])


def correct_settlement(writer: Writer, payload: fields.Payload) -> None:
    """Replace a closed date's settlement price: those who held the book at that date are adjusted (rule COR-2)."""
    contract = writer.contract(fields.text(payload, "contract"))
    day, price_nano = fields.date(payload, "date"), fields.decimal(payload.get("price"), "price")
    state, listed, today = writer.state, writer.state.listed[contract.contract], writer.open_date()
    checks.not_closed(writer, contract)
    if day not in {settled for settled, _ in listed.settled}:
        raise Refused(Code.WRONG_DATE, f"Expected a settled date of {contract.contract}, was {format_date(day)}.")
    checks.in_time(writer, contract, day, "a corrected settlement price")
    value_minor = checks.price(contract, price_nano, what="settlement price")
    _check_book(writer, contract, price_nano)
    number = state.corrections.get(str(today.date), 0) + 1
    known_minor = contract.value_minor(dict(listed.settled)[day])
    owed = _owed(writer, contract, day, value_minor - known_minor)
    legs = [
        Leg(kind="correction", account=account, side="BUY" if amount > 0 else "SELL", adj_minor=amount) for account, amount in sorted(owed.items()) if amount
    ]
    cause = Cause(trade_id=f"COR-{format_date(today.date)}-{number}", trade_date=day, source_seq=state.applied, control_id=writer.control_id)
    writer.fills(contract, legs, cause, 1)
    reprice_transfers(writer, contract, day, price_nano)
    if day == listed.settled[-1][0]:
        listed.previous_nano, listed.previous_minor = price_nano, value_minor
    listed.settled = [(date, price_nano if date == day else price) for date, price in listed.settled]
    state.corrections[str(today.date)] = number
    _emit_prices(writer, today.date, "correction", number, day, [_price(contract, price_nano, "given")])


def _owed(writer: Writer, contract: Contract, day: int, change_minor: int) -> dict[str, int]:
    """Return what a change of V of a settled date owes each account: the book of the last settlement, and closed default-price transfers."""
    name, state = contract.contract, writer.state
    is_last = day == state.listed[name].settled[-1][0]
    owed = {account: lots * change_minor for account, lots in _book_at_last_settlement(writer, name).items()} if is_last else {}
    for moved in state.transfers.values():
        if (moved.contract, moved.price_date) == (name, day) and moved.business_date != writer.open_date().date:
            for stands in moved.standing:
                lots = stands.lots if stands.side == "BUY" else -stands.lots
                owed[stands.account] = owed.get(stands.account, 0) - lots * change_minor
    return owed


def _book_at_last_settlement(writer: Writer, name: str) -> dict[str, int]:
    """Return signed lots by account as the last end of day left them: what is held less the fills since."""
    book = {account: holding.net for account, holding in writer.state.holdings.get(name, {}).items()}
    for date in [*writer.state.cut, writer.open_date()]:
        for account, lots in date.days.get(name, Day()).net.items():
            book[account] = book.get(account, 0) - lots
    return book


def final(writer: Writer, payload: fields.Payload) -> None:
    """Settle a contract finally and close it, once its correction window is over (rules FSP-2, FSP-3)."""
    contract = writer.contract(fields.text(payload, "contract"))
    day, status, today = fields.date(payload, "date"), fields.text(payload, "status"), writer.open_date()
    price_nano = checks.within_limit(_bounded(contract, fields.decimal(payload.get("price"), "price")), "final price")
    checks.value(contract, price_nano, "final price")
    if status not in {"provisional", "final"}:
        raise fields.malformed("status", "provisional or final", status)
    listed = writer.state.listed[contract.contract]
    if listed.closed or status == "provisional":
        return
    closing = closing_day(writer, contract)
    if closing is not None and day < closing:
        raise Refused(Code.WRONG_DATE, f"Expected the final of {contract.contract} on {format_date(closing)} or later, was {format_date(day)}.")
    _check_book(writer, contract, price_nano)
    listed.closed = True
    listed.previous_nano, listed.previous_minor = price_nano, contract.value_minor(price_nano)
    writer.state.holdings.pop(contract.contract, None)
    for date in [*writer.state.cut, today]:  # the final line takes what unsettled dates still owe
        date.needed = [name for name in date.needed if name != contract.contract]
        if contract.contract in date.days:
            date.days[contract.contract].priced = False
            date.days[contract.contract].net.clear()
    number = writer.state.corrections.get(f"final/{today.date}", 0) + 1
    writer.state.corrections[f"final/{today.date}"] = number
    _emit_prices(writer, today.date, "final", number, day, [_price(contract, price_nano, "given")])


def closing_day(writer: Writer, contract: Contract) -> int | None:
    """Return the first date on which a final pays; None for a contract without a last trading day."""
    if contract.last_trade is None:
        return None
    terms = contract.document.get("final_settlement") or {}
    return writer.calendar.add_business_days(contract.last_trade, int(str(terms.get("closing_lag") or 2)))


def _bounded(contract: Contract, price_nano: int) -> int:
    if contract.cap_nano is not None:
        price_nano = min(price_nano, contract.cap_nano)
    return price_nano if contract.floor_nano is None else max(price_nano, contract.floor_nano)
