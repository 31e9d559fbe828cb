"""What moves positions and cash without a trade: transfers, close-outs, cash (rules TRF-1, ACC-1, COR-2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from settlement.domain.account import Positions
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.corrections import cause_of, reversal
from settlement.folds.gateway.state import Holding, Transfer
from settlement.folds.gateway.trading import standing
from settlement.folds.gateway.writing import Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract

PRIOR: Final = "prior"
"""Trade type of a transfer at the prior settlement price by default; its trade date is that price's date."""


def transfer(writer: Writer, payload: fields.Payload) -> None:
    """Move a position at the prior settlement price, or at the one given (rule TRF-1)."""
    contract = writer.contract(fields.text(payload, "contract"))
    giver, taker = (checks.account(writer, fields.text(payload, key)) for key in ("from", "to"))
    lots = fields.lots(payload.get("lots"))
    if giver == taker:
        raise fields.malformed("to", "another account than from", taker)
    checks.not_closed(writer, contract)
    price_nano, value_minor, price_date = _transfer_price(writer, contract, payload)
    is_long = _direction(writer, contract, payload, giver, taker, lots)
    sides = (giver, "SELL" if is_long else "BUY", "CLOSE"), (taker, "BUY" if is_long else "SELL", "OPEN")
    legs = [
        Leg(
            kind="transfer",
            account=account,
            side=side,
            effect=effect,
            lots=lots,
            price_nano=price_nano,
            value_minor=value_minor,
        )
        for account, side, effect in sides
    ]
    trade_id = f"TRF-{writer.control_id}"
    cause = cause_of(writer, trade_id)
    if price_date:
        cause = replace(cause, trade_date=price_date, trade_type=PRIOR)
    fill_ids = writer.fills(contract, legs, cause, 1)
    if price_date:
        moved = Transfer(contract.contract, writer.open_date().date, price_date, len(legs))
        moved.standing = [standing(leg, fill_id, contract) for leg, fill_id in zip(legs, fill_ids, strict=True)]
        writer.state.transfers[trade_id] = moved


def _transfer_price(writer: Writer, contract: Contract, payload: fields.Payload) -> tuple[int, int, int]:
    """Return price, V, and the settled date that a default price is of; 0 for a price that no correction can change."""
    if payload.get("price") is not None:
        price_nano = fields.decimal(payload["price"], "price")
        return price_nano, checks.price(contract, price_nano), 0
    listed = writer.state.listed[contract.contract]
    pending = next((cut for cut in writer.state.cut if contract.contract in cut.needed), None)
    if pending is not None or listed.previous_nano is None or listed.previous_minor is None:
        why = f"{pending.date} is cut and not settled" if pending else "it was never settled"
        raise Refused(
            Code.NO_PREVIOUS,
            f"Expected a prior settlement price of {contract.contract}, was none: {why}. Settle first, or "
            "give a price.",
        )
    return listed.previous_nano, listed.previous_minor, listed.settled[-1][0] if listed.settled else 0


def reprice_transfers(writer: Writer, contract: Contract, price_date: int, price_nano: int) -> None:
    """Enter the open date's default-price transfers anew at the corrected price of their date (rule COR-2)."""
    value_minor = contract.value_minor(price_nano)
    for trade_id, moved in writer.state.transfers.items():
        if (moved.contract, moved.price_date, moved.business_date) != (
            contract.contract,
            price_date,
            writer.open_date().date,
        ):
            continue
        back = [reversal("transfer", stands, stands.lots) for stands in moved.standing]
        anew = [replace(leg, lots=-leg.lots, price_nano=price_nano, value_minor=value_minor) for leg in back]
        cause = replace(cause_of(writer, trade_id), trade_date=price_date, trade_type=PRIOR)
        fill_ids = writer.fills(contract, back + anew, cause, moved.fills + 1)[len(back) :]
        moved.fills += len(back) + len(anew)
        moved.standing = [standing(leg, fill_id, contract) for leg, fill_id in zip(anew, fill_ids, strict=True)]


def _direction(writer: Writer, contract: Contract, payload: fields.Payload, giver: str, taker: str, lots: int) -> bool:
    """Return whether long lots move; refuse when the giver does not hold them."""
    held = writer.state.holdings.get(contract.contract, {}).get(giver, Holding())
    gross = [writer.state.accounts[name].positions == Positions.GROSS for name in (giver, taker)]
    position = payload.get("position")
    if position not in (None, "long", "short") or (any(gross) and position is None):
        raise fields.malformed(
            "position", "long or short, since one of the accounts is gross" if any(gross) else "long or short", position
        )
    is_long = position == "long" if position else held.net > 0
    has = (held.long if is_long else held.short) if gross[0] else (held.net if is_long else -held.net)
    if has < lots:
        raise Refused(
            Code.NOT_HELD,
            f"Expected at most {max(has, 0)} {'long' if is_long else 'short'} lots of {giver} in "
            f"{contract.contract}, was {lots}.",
        )
    return is_long


def close_out(writer: Writer, payload: fields.Payload) -> None:
    """Lower a gross account's long and short together; no cash, no fee (rule ACC-1)."""
    contract = writer.contract(fields.text(payload, "contract"))
    account = checks.account(writer, fields.text(payload, "account"))
    lots = fields.lots(payload.get("lots"))
    if writer.state.accounts[account].positions != Positions.GROSS:
        raise fields.malformed("account", "a gross account", account)
    checks.not_closed(writer, contract)
    held = writer.state.holdings.get(contract.contract, {}).get(account, Holding())
    if min(held.long, held.short) < lots:
        raise Refused(
            Code.NOT_HELD, f"Expected at most {min(held.long, held.short)} lots on both sides of {account}, was {lots}."
        )
    legs = [Leg(kind="close_out", account=account, side=side, effect="CLOSE", lots=lots) for side in ("SELL", "BUY")]
    writer.fills(contract, legs, cause_of(writer, f"CLO-{writer.control_id}"), 1)


def cash_adjustment(writer: Writer, payload: fields.Payload) -> None:
    """Move cash between two accounts with the open date's end of day, where lots can no longer be corrected."""
    contract = writer.contract(fields.text(payload, "contract"))
    giver, taker = (checks.account(writer, fields.text(payload, key)) for key in ("from", "to"))
    amount = fields.decimal(payload.get("amount"), "amount", contract.currency_decimals)
    if amount <= 0:
        raise fields.malformed("amount", "an amount greater than zero", payload.get("amount"))
    if giver == taker:
        raise fields.malformed("to", "another account than from", taker)
    legs = [
        Leg(kind="cash", account=giver, side="SELL", adj_minor=-amount),
        Leg(kind="cash", account=taker, side="BUY", adj_minor=amount),
    ]
    writer.fills(contract, legs, cause_of(writer, f"ADJ-{writer.control_id}"), 1)
