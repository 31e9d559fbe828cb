"""Corrections: additive fills that name what they correct (rules COR-1, GUP-1, AVG-1, TRF-1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from settlement.domain.account import Positions
from settlement.domain.money import divide
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.state import Holding, Residual, Standing, Trade, Transfer
from settlement.folds.gateway.trading import public_trade, standing
from settlement.folds.gateway.writing import Cause, Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract

PRIOR: Final = "prior"
"""The trade type of a transfer at the prior settlement price by default; its trade date is the settled date of that price."""


def _cause(writer: Writer, trade_id: str, trade: Trade | None = None) -> Cause:
    today = writer.open_date().date
    trade_date, trade_type = (trade.trade_date, trade.trade_type) if trade else (today, "regular")
    return Cause(trade_id=trade_id, trade_date=trade_date, trade_type=trade_type, source_seq=writer.state.applied, control_id=writer.control_id)


def _reversal(kind: str, stands: Standing, lots: int) -> Leg:
    """Return the fill that takes `lots` of what stands back, at the price that stands, fee included (a transfer has none)."""
    return Leg(
        kind=kind, account=stands.account, side=stands.side, effect=stands.effect, lots=-lots, price_nano=stands.price_nano,
        value_minor=stands.value_minor, fee_minor=0 if kind == "transfer" else stands.fee_minor * lots, corrects=stands.fill_id,
    )  # fmt: skip


def _residual_back(kind: str, residual: Residual) -> Leg:
    return Leg(kind=kind, account=residual.account, side=residual.side, cres_minor=-residual.cres_minor, corrects=residual.fill_id)


def _book(writer: Writer, trade_id: str, trade: Trade, contract: Contract, legs: list[Leg]) -> list[str]:
    fill_ids = writer.fills(contract, legs, _cause(writer, trade_id, trade), trade.fills + 1)
    trade.fills += len(legs)
    return fill_ids


def bust(writer: Writer, payload: fields.Payload) -> None:
    """Take a trade back: what stands of it is repeated with its lots negated (rule COR-1)."""
    trade_id = fields.text(payload, "trade")
    trade, contract = checks.correctable(writer, trade_id)
    legs = [_reversal("bust", stands, stands.lots) for stands in trade.standing] + [_residual_back("bust", residual) for residual in trade.residuals]
    _book(writer, trade_id, trade, contract, legs)
    trade.standing, trade.residuals, trade.busted = [], [], True
    public_trade(writer, trade_id, trade, -trade.lots)


def adjust(writer: Writer, payload: fields.Payload) -> None:
    """Move a trade to another price: what stands is reversed and entered anew; it leaves its average (rule COR-1)."""
    trade_id = fields.text(payload, "trade")
    price_nano = fields.decimal(payload.get("price"), "price")
    trade, contract = checks.correctable(writer, trade_id)
    value_minor = checks.price(contract, price_nano)
    back = [_reversal("adjust", stands, stands.lots) for stands in trade.standing] + [_residual_back("adjust", residual) for residual in trade.residuals]
    anew = [
        Leg(kind="adjust", account=stands.account, side=stands.side, effect=stands.effect, lots=stands.lots, price_nano=price_nano,
            value_minor=value_minor, fee_minor=-stands.fee_minor * stands.lots, corrects=stands.fill_id)
        for stands in trade.standing
    ]  # fmt: skip
    fill_ids = _book(writer, trade_id, trade, contract, back + anew)[len(back) :]
    public_trade(writer, trade_id, trade, -trade.lots)
    for stands, fill_id in zip(trade.standing, fill_ids, strict=True):
        stands.fill_id, stands.price_nano, stands.value_minor, stands.averaged = fill_id, price_nano, value_minor, False
    trade.residuals, trade.price_nano = [], price_nano
    public_trade(writer, trade_id, trade, trade.lots)


def give_up(writer: Writer, payload: fields.Payload) -> None:
    """Move lots of a trade from the executing to the carrying accounts, at the price that stands, fee included (rule GUP-1)."""
    trade_id = fields.text(payload, "trade")
    side = fields.text(payload, "side").upper()
    takers = {checks.account(writer, name): fields.lots(lots, f"to.{name}") for name, lots in fields.mapping(payload, "to").items()}
    effect = str(payload.get("open_close") or "open").upper()
    if effect not in {"OPEN", "CLOSE"}:
        raise fields.malformed("open_close", "open or close", payload.get("open_close"))
    trade, contract = checks.correctable(writer, trade_id)
    given = [stands for stands in trade.standing if stands.side == side and not stands.given_up]
    total, available = sum(takers.values()), sum(stands.lots for stands in given)
    if total > available:
        code = Code.NOT_HELD if available else Code.ALREADY_MOVED
        raise Refused(code, f"Expected at most {available} {side} lots of {trade_id} that were not given up yet, was {total}.")
    moves = _moves(given, takers)
    back = [_reversal("give_up", stands, lots) for stands, _, lots in moves]
    anew = [
        Leg(kind="give_up", account=taker, side=side, effect=effect, lots=lots, price_nano=stands.price_nano, value_minor=stands.value_minor,
            fee_minor=-stands.fee_minor * lots, corrects=stands.fill_id)
        for stands, taker, lots in moves
    ]  # fmt: skip
    fill_ids = _book(writer, trade_id, trade, contract, back + anew)[len(back) :]
    for (stands, _, lots), leg, fill_id in zip(moves, anew, fill_ids, strict=True):
        stands.lots -= lots
        trade.standing.append(_taken(leg, fill_id, stands))
    trade.standing = [stands for stands in trade.standing if stands.lots]


def _moves(given: list[Standing], takers: dict[str, int]) -> list[tuple[Standing, str, int]]:
    """Return (from, taker, lots): the takers served in their order out of what stands, in its order."""
    moves, left = [], {id(stands): stands.lots for stands in given}
    for taker, wanted in takers.items():
        missing = wanted
        for stands in given:
            lots = min(missing, left[id(stands)])
            if lots:
                moves.append((stands, taker, lots))
                left[id(stands)] -= lots
                missing -= lots
    return moves


def _taken(leg: Leg, fill_id: str, stands: Standing) -> Standing:
    return Standing(
        fill_id=fill_id, account=leg.account, side=leg.side, effect=leg.effect, lots=leg.lots, price_nano=leg.price_nano, value_minor=leg.value_minor,
        fee_minor=stands.fee_minor, given_up=True, averaged=stands.averaged,
    )  # fmt: skip


def average(writer: Writer, payload: fields.Payload) -> None:
    """Give several trades of an account one price; each keeps its own cash residual (rule AVG-1)."""
    account = checks.account(writer, fields.text(payload, "account"))
    side, trade_ids = fields.text(payload, "side").upper(), payload.get("trades")
    contract = writer.contract(fields.text(payload, "contract"))
    if not isinstance(trade_ids, list) or not trade_ids or len({str(trade_id) for trade_id in trade_ids}) < len(trade_ids):
        raise fields.malformed("trades", "a list of different trade ids", trade_ids)
    chosen = [(str(trade_id), *_averaged(writer, str(trade_id), account, contract, side)) for trade_id in trade_ids]
    _alike(chosen)
    price_nano = _average_price(contract, [stands for *_, stands in chosen])
    value_minor = contract.value_minor(price_nano)
    sign = 1 if side == "BUY" else -1
    for trade_id, trade, stands in chosen:
        cres = stands.lots * (value_minor - stands.value_minor) * sign
        anew = Leg(kind="average", account=account, side=side, effect=stands.effect, lots=stands.lots, price_nano=price_nano, value_minor=value_minor,
                   fee_minor=-stands.fee_minor * stands.lots, corrects=stands.fill_id)  # fmt: skip
        left = Leg(kind="average", account=account, side=side, cres_minor=cres, corrects=stands.fill_id)
        _, new_id, residual_id = _book(writer, trade_id, trade, contract, [_reversal("average", stands, stands.lots), anew, left])
        stands.fill_id, stands.price_nano, stands.value_minor, stands.averaged = new_id, price_nano, value_minor, True
        trade.residuals.append(Residual(residual_id, account, side, cres))


def _averaged(writer: Writer, trade_id: str, account: str, contract: Contract, side: str) -> tuple[Trade, Standing]:
    trade, of = checks.correctable(writer, trade_id)
    if of.contract != contract.contract:
        raise Refused(Code.UNKNOWN_TRADE, f"Expected a trade of {contract.contract}, was {trade_id} of {of.contract}.")
    held = [stands for stands in trade.standing if stands.account == account and stands.side == side and not stands.given_up]
    if not held:
        raise Refused(Code.NOT_HELD, f"Expected {side} lots of {trade_id} standing at {account}, was none.")
    if held[0].averaged:
        raise Refused(Code.ALREADY_MOVED, f"Expected a trade that was not averaged yet, was {trade_id}.")
    return trade, held[0]


def _alike(chosen: list[tuple[str, Trade, Standing]]) -> None:
    dates = {trade.business_date for _, trade, _ in chosen}
    effects = {stands.effect for *_, stands in chosen}
    if len(dates) > 1 or len(effects) > 1:
        was = f"dates {sorted(dates)}, {sorted(effects)}"
        raise Refused(Code.MALFORMED, f"trades: Expected trades of one date and of one effect (open or close), was {was}.")


def _average_price(contract: Contract, stands: list[Standing]) -> int:
    prices = {standing.price_nano for standing in stands}
    if len(prices) == 1:
        return prices.pop()
    weighted, lots = sum(standing.lots * standing.price_nano for standing in stands), sum(standing.lots for standing in stands)
    return divide(weighted, lots * contract.tick_nano) * contract.tick_nano


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
        Leg(kind="transfer", account=account, side=side, effect=effect, lots=lots, price_nano=price_nano, value_minor=value_minor)
        for account, side, effect in sides
    ]
    trade_id = f"TRF-{writer.control_id}"
    cause = _cause(writer, trade_id)
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
        raise Refused(Code.NO_PREVIOUS, f"Expected a prior settlement price of {contract.contract}, was none: {why}. Settle first, or give a price.")
    return listed.previous_nano, listed.previous_minor, listed.settled[-1][0] if listed.settled else 0


def reprice_transfers(writer: Writer, contract: Contract, price_date: int, price_nano: int) -> None:
    """Enter the open date's default-price transfers anew at the corrected price of their date (rule COR-2)."""
    value_minor = contract.value_minor(price_nano)
    for trade_id, moved in writer.state.transfers.items():
        if (moved.contract, moved.price_date, moved.business_date) != (contract.contract, price_date, writer.open_date().date):
            continue
        back = [_reversal("transfer", stands, stands.lots) for stands in moved.standing]
        anew = [replace(leg, lots=-leg.lots, price_nano=price_nano, value_minor=value_minor) for leg in back]
        cause = replace(_cause(writer, trade_id), trade_date=price_date, trade_type=PRIOR)
        fill_ids = writer.fills(contract, back + anew, cause, moved.fills + 1)[len(back) :]
        moved.fills += len(back) + len(anew)
        moved.standing = [standing(leg, fill_id, contract) for leg, fill_id in zip(anew, fill_ids, strict=True)]


def _direction(writer: Writer, contract: Contract, payload: fields.Payload, giver: str, taker: str, lots: int) -> bool:  # noqa: PLR0913, PLR0917
    """Return whether long lots move; refuse when the giver does not hold them."""
    held = writer.state.holdings.get(contract.contract, {}).get(giver, Holding())
    gross = [writer.state.accounts[name].positions == Positions.GROSS for name in (giver, taker)]
    position = payload.get("position")
    if position not in (None, "long", "short") or (any(gross) and position is None):
        raise fields.malformed("position", "long or short, since one of the accounts is gross" if any(gross) else "long or short", position)
    is_long = position == "long" if position else held.net > 0
    has = (held.long if is_long else held.short) if gross[0] else (held.net if is_long else -held.net)
    if has < lots:
        raise Refused(Code.NOT_HELD, f"Expected at most {max(has, 0)} {'long' if is_long else 'short'} lots of {giver} in {contract.contract}, was {lots}.")
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
        raise Refused(Code.NOT_HELD, f"Expected at most {min(held.long, held.short)} lots on both sides of {account}, was {lots}.")
    legs = [Leg(kind="close_out", account=account, side=side, effect="CLOSE", lots=lots) for side in ("SELL", "BUY")]
    writer.fills(contract, legs, _cause(writer, f"CLO-{writer.control_id}"), 1)


def cash_adjustment(writer: Writer, payload: fields.Payload) -> None:
    """Move cash between two accounts with the open date's end of day, where lots can no longer be corrected."""
    contract = writer.contract(fields.text(payload, "contract"))
    giver, taker = (checks.account(writer, fields.text(payload, key)) for key in ("from", "to"))
    amount = fields.decimal(payload.get("amount"), "amount", contract.currency_decimals)
    if amount <= 0:
        raise fields.malformed("amount", "an amount greater than zero", payload.get("amount"))
    legs = [Leg(kind="cash", account=giver, side="SELL", adj_minor=-amount), Leg(kind="cash", account=taker, side="BUY", adj_minor=amount)]
    writer.fills(contract, legs, _cause(writer, f"ADJ-{writer.control_id}"), 1)


