"""What several instructions ask before they act: prices, accounts, dates, the trade a correction names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from settlement.domain.contract import FILL_LIMIT_MINOR, PRICE_LIMIT_NANO, Contract
from settlement.domain.dates import format_date
from settlement.domain.money import format_price
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import fields, overrides

if TYPE_CHECKING:
    from settlement.folds.gateway.state import Trade
    from settlement.folds.gateway.writing import Writer

PRICING: Final = "pricing"
"""Who asks for what the pricing process proposes; no operator's command takes the name."""
AVERAGE: Final = "average"


def account(writer: Writer, name: str) -> str:
    """Return the name of an open account, or refuse."""
    if name not in writer.state.accounts:
        raise Refused(
            Code.UNKNOWN_ACCOUNT, f"Expected an open account, was {name!r}. Open it first (novate account add)."
        )
    return name


def price(contract: Contract, price_nano: int, *, what: str = "price", trade_type: str | None = None) -> int:
    """Return V of a trade or daily price on the tick and within the bounds, or refuse."""
    within_limit(price_nano, what)
    if not contract.on_tick(price_nano, trade_type):
        tick = format_price(contract.tick_of(trade_type))
        raise Refused(
            Code.OFF_TICK,
            f"Expected a {what} of {contract.contract} that is a multiple of the tick {tick}, was "
            f"{format_price(price_nano)}.",
        )
    for bound, beyond, name in ((contract.cap_nano, 1, "cap"), (contract.floor_nano, -1, "floor")):
        if bound is not None and (price_nano - bound) * beyond > 0:
            shown = format_price(price_nano)
            side = "at or below its cap" if beyond > 0 else "at or above its floor"
            raise Refused(
                Code.PRICE_LIMIT,
                f"Expected a {what} of {contract.contract} {side} {format_price(bound)}, was {shown} (beyond the "
                f"{name}).",
            )
    return value(contract, price_nano, what)


def within_limit(number_nano: int, what: str) -> int:
    """Return a number of 1e-9 that fits into a long, with room, or refuse (rule ENT-5)."""
    if abs(number_nano) >= PRICE_LIMIT_NANO:
        raise Refused(Code.LIMIT, f"Expected a {what} below 9200000000 in size, was {format_price(number_nano)}.")
    return number_nano


def value(contract: Contract, price_nano: int, what: str) -> int:
    """Return V of a price, or refuse one that a single lot would carry beyond the limit of a fill (rule ENT-5)."""
    value_minor = contract.value_minor(price_nano)
    if abs(value_minor) >= FILL_LIMIT_MINOR:
        raise Refused(
            Code.LIMIT, f"Expected a {what} with |V| below {FILL_LIMIT_MINOR} minor units, was {value_minor}."
        )
    return value_minor


def not_closed(writer: Writer, contract: Contract) -> None:
    """Refuse when the contract was finally settled."""
    if writer.state.listed[contract.contract].closed:
        raise Refused(
            Code.CONTRACT_CLOSED,
            f"Expected a contract that is open, was {contract.contract}, finally settled. Use a cash adjustment.",
        )


def in_time(writer: Writer, contract: Contract, since: int, what: str) -> None:
    """Refuse when more business days than the contract's correction_days lie between a date and the open date."""
    today = writer.open_date().date
    passed = writer.calendar.business_days_between(since, today)
    if passed > contract.correction_days:
        message = (
            f"Expected {what} within {contract.correction_days} business days of {format_date(since)}, was "
            f"{passed} later, on {format_date(today)}."
        )
        raise Refused(Code.TOO_LATE, message + " Use a cash adjustment.")


def correctable(writer: Writer, trade_id: str) -> tuple[Trade, Contract]:
    """Return a trade that may still be corrected, and its contract, or refuse (rule COR-1)."""
    trade = writer.state.trades.get(trade_id)
    if trade is None:
        raise _beyond_reach(writer, trade_id)
    contract = writer.contract(trade.contract)
    not_closed(writer, contract)
    if trade.busted:
        raise Refused(Code.ALREADY_BUSTED, f"Expected a trade that stands, was {trade_id}, busted.")
    in_time(writer, contract, trade.business_date, "a correction")
    return trade, contract


def _beyond_reach(writer: Writer, trade_id: str) -> Refused:
    """Return why a trade of which at most the id is known cannot be corrected."""
    ordinal = writer.state.past.get(trade_id)
    if ordinal is None:
        return Refused(Code.UNKNOWN_TRADE, f"Expected an accepted trade, was {trade_id!r}.")
    name = next(name for name, listed in writer.state.listed.items() if listed.ordinal == ordinal)
    contract = writer.contract(name)
    not_closed(writer, contract)
    return Refused(
        Code.TOO_LATE,
        f"Expected a correction within {contract.correction_days} business days of the trade, was later: {trade_id} of "
        f"{name}. Use a cash adjustment.",
    )


def approved_for_today(writer: Writer, payload: fields.Payload) -> None:
    """Refuse what was approved for another date than the one that is open where it stands (rule COR-3)."""
    if payload.get("approved_for") is None:
        return
    shown, today = fields.date(payload, "approved_for"), writer.open_date().date
    if shown != today:
        raise Refused(
            Code.APPROVAL_STALE,
            f"Expected an approval for the open date {format_date(today)}, was {format_date(shown)}. Show its cash "
            "effect again (--what-if) and have it approved anew.",
        )


def two_people(requested_by: str, approved_by: str) -> None:
    """Refuse what fewer than two different people stand behind."""
    if not requested_by or not approved_by or requested_by == approved_by:
        raise Refused(Code.TWO_PEOPLE, f"Expected two different people, was {requested_by!r} and {approved_by!r}.")


def people(writer: Writer, control: dict[str, Any]) -> None:
    """Refuse a control that moves other people's money on the word of one (rules TRF-1, COR-2, FSP-2, DSP-1)."""
    kind, payload = control["kind"], control["payload"]
    names = control["requested_by"], control["approved_by"]
    if kind in {"cash_adjustment", "correct_settlement"} or (kind == "final" and not _is_proposed(control)):
        two_people(*names)
    elif kind == "prices":
        overrides.check(payload, control["reason"])
        if overrides.need_two_people(writer.state, payload):
            two_people(*names)
    elif kind == "transfer":
        accounts = [writer.state.accounts.get(str(payload.get(key))) for key in ("from", "to")]
        members = {account.member for account in accounts if account is not None}
        if len(members) > 1:
            two_people(*names)


def _is_proposed(control: dict[str, Any]) -> bool:
    """Whether a final is pricing's own average, by its name and by its form of id: anybody can claim a tier."""
    payload = control["payload"]
    stem = f"final/{payload.get('contract')}/{payload.get('status')}/"
    control_id: str = control["control_id"]
    is_its_id = control_id.startswith(stem) and control_id[len(stem) :].isdecimal()
    return is_its_id and bool(control["requested_by"] == PRICING) and bool(payload.get("tier") == AVERAGE)
