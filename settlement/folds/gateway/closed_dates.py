"""What is settled after its date: corrected settlement prices and the final settlement (rules COR-2, FSP-2, FSP-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settlement.domain.dates import format_date
from settlement.domain.final_settlement import bounded, closing_lag
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, claims, fields
from settlement.folds.gateway.cycles import check_book, emit_open_cycle, next_number, price_of
from settlement.folds.gateway.transfers import reprice_transfers
from settlement.folds.gateway.writing import Cause, Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract


def correct_settlement(writer: Writer, payload: fields.Payload) -> None:
    """Replace a closed date's settlement price: those who held the book at that date are adjusted (rule COR-2)."""
    in_force = writer.contract(fields.text(payload, "contract"))
    day, price_nano = fields.date(payload, "date"), fields.decimal(payload.get("price"), "price")
    contract = writer.contract_on(in_force.contract, day)
    state, listed, today = writer.state, writer.state.listed[contract.contract], writer.open_date()
    checks.not_closed(writer, contract)
    if day not in {settled for settled, _ in listed.settled}:
        raise Refused(Code.WRONG_DATE, f"Expected a settled date of {contract.contract}, was {format_date(day)}.")
    checks.in_time(writer, in_force, day, "a corrected settlement price")
    value_minor = checks.price(contract, price_nano, what="settlement price")
    check_book(writer, contract, price_nano)
    number = next_number(writer, "correction")
    known_minor = contract.value_minor(dict(listed.settled)[day])
    owed = _owed(writer, contract, day, value_minor - known_minor)
    legs = [
        Leg(kind="correction", account=account, side="BUY" if amount > 0 else "SELL", adj_minor=amount)
        for account, amount in sorted(owed.items())
        if amount
    ]
    cause = Cause(
        trade_id=f"COR-{format_date(today.date)}-{number}",
        trade_date=day,
        source_seq=state.applied,
        control_id=writer.control_id,
    )
    writer.fills(contract, legs, cause, 1)
    reprice_transfers(writer, contract, day, price_nano)
    if day == listed.settled[-1][0]:
        listed.previous_nano, listed.previous_minor = price_nano, value_minor
    listed.settled = [(date, price_nano if date == day else price) for date, price in listed.settled]
    emit_open_cycle(writer, "correction", day, [price_of(contract, price_nano, "given")])


def _owed(writer: Writer, contract: Contract, day: int, change_minor: int) -> dict[str, int]:
    """Return what a change of V of a settled date owes each account: its book, and closed default-price transfers."""
    name, state = contract.contract, writer.state
    is_last = day == state.listed[name].settled[-1][0]
    owed = {account: lots * change_minor for account, lots in state.book_after(name, day).items()} if is_last else {}
    for moved in state.transfers.values():
        if (moved.contract, moved.price_date) == (name, day) and moved.business_date != writer.open_date().date:
            for stands in moved.standing:
                lots = stands.lots if stands.side == "BUY" else -stands.lots
                owed[stands.account] = owed.get(stands.account, 0) - lots * change_minor
    return owed


def final(writer: Writer, payload: fields.Payload) -> None:
    """Settle a contract finally and close it, once its correction window is over (rules FSP-2, FSP-3)."""
    name = writer.contract(fields.text(payload, "contract")).contract
    day, status, today = fields.date(payload, "date"), fields.text(payload, "status"), writer.open_date()
    contract = writer.contract_on(name, day)
    given_nano = fields.decimal(payload.get("price"), "price")
    price_nano = checks.within_limit(bounded(given_nano, contract.cap_nano, contract.floor_nano), "final price")
    checks.value(contract, price_nano, "final price")
    tier = str(payload.get("tier") or "given")
    if status not in {"provisional", "final"}:
        raise fields.malformed("status", "provisional or final", status)
    listed = writer.state.listed[contract.contract]
    if listed.closed or status == "provisional":
        return
    closing = closing_day(writer, contract)
    if closing is not None and day < closing:
        raise Refused(
            Code.WRONG_DATE,
            f"Expected the final of {contract.contract} on {format_date(closing)} or later, was {format_date(day)}.",
        )
    check_book(writer, contract, price_nano)
    listed.closed = True
    listed.previous_nano, listed.previous_minor = price_nano, contract.value_minor(price_nano)
    writer.state.holdings.pop(contract.contract, None)
    for date in [*writer.state.cut, today]:  # the final line takes what unsettled dates still owe
        date.needed = [name for name in date.needed if name != contract.contract]
        if contract.contract in date.days:
            date.days[contract.contract].priced = False
            date.days[contract.contract].net.clear()
    emit_open_cycle(writer, "final", day, [price_of(contract, price_nano, tier)])
    claims.lapse_contract(writer, contract.contract)


def closing_day(writer: Writer, contract: Contract) -> int | None:
    """Return the first date on which a final pays; None for a contract without a last trading day."""
    if contract.last_trade is None:
        return None
    lag = closing_lag(contract.document.get("final_settlement"))
    return writer.calendar.add_business_days(contract.last_trade, lag)
