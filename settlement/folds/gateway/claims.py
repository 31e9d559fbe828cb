"""Requested give-ups while they wait for their takers: which lots they hold, and how each part ends (rule GUP-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settlement.domain.final_settlement import closing_lag
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway.writing import FILLS, Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Container

    from settlement.domain.calendar import Calendar
    from settlement.domain.contract import Contract
    from settlement.folds.gateway.state import Claim, Part

PENDING: Final = "pending"
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
LAPSED: Final = "lapsed"


def pending_lots(writer: Writer, trade_id: str, side: str) -> int:
    """Return the lots of one side of a trade that wait for an answer."""
    return sum(
        part.lots
        for claim in writer.state.claims.values()
        if (claim.trade, claim.side) == (trade_id, side)
        for part in claim.parts.values()
    )


def pending(writer: Writer, claim_id: str) -> Claim:
    """Return a claim of which something is pending, or refuse."""
    claim = writer.state.claims.get(claim_id)
    if claim is None:
        was = "answered, withdrawn or lapsed" if claim_id in writer.state.controls else "unknown"
        message = f"Expected a give-up that is pending, was {claim_id!r}, {was}. Request one: novate give-up request."
        raise Refused(Code.NOT_PENDING, message)
    return claim


def part_of(writer: Writer, claim_id: str, account: str) -> tuple[Claim, Part]:
    """Return what an account is asked to take, or refuse when it is not asked or has answered."""
    claim = pending(writer, claim_id)
    part = claim.parts.get(account)
    if part is None:
        waits = ", ".join(sorted(claim.parts))
        message = f"Expected a taker of {claim_id} that has not answered ({waits}), was {account!r}."
        raise Refused(Code.NOT_PENDING, message)
    return claim, part


def tell(writer: Writer, claim_id: str, claim: Claim, account: str, status: str) -> None:
    """Record where a taker's part stands, in the taker's partition."""
    part = claim.parts[account]
    record = {
        "business_date": writer.open_date().date,
        "claim_id": claim_id,
        "trade_id": claim.trade,
        "contract": writer.state.trades[claim.trade].contract,
        "giver": claim.giver,
        "account": account,
        "side": claim.side,
        "position_effect": part.effect,
        "lots": part.lots,
        "status": status,
        "control_id": writer.control_id,
    }
    writer.emit_keyed(FILLS, account, "claim", record)


def end(writer: Writer, claim_id: str, accounts: Collection[str], status: str) -> None:
    """End the parts of some takers; a claim without pending parts is forgotten."""
    claim = writer.state.claims[claim_id]
    for account in accounts:
        tell(writer, claim_id, claim, account, status)
        del claim.parts[account]
    if not claim.parts:
        del writer.state.claims[claim_id]


def lapse(writer: Writer, trade_ids: Container[str]) -> None:
    """End every pending part of trades whose lots can no longer be given up."""
    for claim_id, claim in list(writer.state.claims.items()):
        if claim.trade in trade_ids:
            end(writer, claim_id, list(claim.parts), LAPSED)


def lapse_date(contract: Contract, traded_on: int, calendar: Calendar) -> int:
    """Return the business date whose opening ends what is pending of a trade (rule GUP-2), as aging.py does.

    Where that is sooner, the contract's closing day, whose final settlement ends it (rule FSP-2).
    """
    over = calendar.add_business_days(traded_on, contract.correction_days + 1)
    if contract.last_trade is None:
        return over
    lag = closing_lag(contract.document.get("final_settlement"))
    return min(over, calendar.add_business_days(contract.last_trade, lag))


def lapse_contract(writer: Writer, contract: str) -> None:
    """End every pending part of a contract that closes."""
    trades = writer.state.trades
    lapse(writer, {one.trade for one in writer.state.claims.values() if trades[one.trade].contract == contract})
