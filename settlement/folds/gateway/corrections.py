"""Corrections: additive fills that name what they correct (rules COR-1, AVG-1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from settlement.domain.money import divide
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, claims, fields
from settlement.folds.gateway.state import Residual, Standing, Trade
from settlement.folds.gateway.trading import public_trade
from settlement.folds.gateway.writing import Cause, Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract


def cause_of(writer: Writer, trade_id: str, trade: Trade | None = None) -> Cause:
    """Return why a control's fills are written; with a trade, they belong to its date."""
    today = writer.open_date().date
    trade_date, trade_type = (trade.trade_date, trade.trade_type) if trade else (today, "regular")
    return Cause(
        trade_id=trade_id,
        trade_date=trade_date,
        trade_type=trade_type,
        source_seq=writer.state.applied,
        control_id=writer.control_id,
    )


def reversal(kind: str, stands: Standing, lots: int) -> Leg:
    """Return the fill that takes `lots` back at the price that stands, fee included (a transfer has none)."""
    return Leg(
        kind=kind,
        account=stands.account,
        side=stands.side,
        effect=stands.effect,
        lots=-lots,
        price_nano=stands.price_nano,
        value_minor=stands.value_minor,
        fee_minor=0 if kind == "transfer" else stands.fee_minor * lots,
        corrects=stands.fill_id,
    )


def _residual_back(kind: str, residual: Residual) -> Leg:
    return Leg(
        kind=kind,
        account=residual.account,
        side=residual.side,
        cres_minor=-residual.cres_minor,
        corrects=residual.fill_id,
    )


def book(writer: Writer, trade_id: str, trade: Trade, contract: Contract, legs: list[Leg]) -> list[str]:
    """Write a correction's fills, numbered behind the trade's own; return their fill ids."""
    fill_ids = writer.fills(contract, legs, cause_of(writer, trade_id, trade), trade.fills + 1)
    trade.fills += len(legs)
    return fill_ids


def bust(writer: Writer, payload: fields.Payload) -> None:
    """Take a trade back: what stands of it is repeated with its lots negated (rule COR-1)."""
    trade_id = fields.text(payload, "trade")
    trade, contract = checks.correctable(writer, trade_id)
    legs = [reversal("bust", stands, stands.lots) for stands in trade.standing] + [
        _residual_back("bust", residual) for residual in trade.residuals
    ]
    book(writer, trade_id, trade, contract, legs)
    trade.standing, trade.residuals, trade.busted = [], [], True
    claims.lapse(writer, {trade_id})
    public_trade(writer, trade_id, trade, -trade.lots)


def adjust(writer: Writer, payload: fields.Payload) -> None:
    """Move a trade to another price: what stands is reversed and entered anew; it leaves its average (rule COR-1)."""
    trade_id = fields.text(payload, "trade")
    price_nano = fields.decimal(payload.get("price"), "price")
    trade, contract = checks.correctable(writer, trade_id)
    of_its_date = writer.contract_on(contract.contract, trade.business_date)
    value_minor = checks.price(of_its_date, price_nano, trade_type=trade.trade_type)
    back = [reversal("adjust", stands, stands.lots) for stands in trade.standing] + [
        _residual_back("adjust", residual) for residual in trade.residuals
    ]
    anew = [
        Leg(
            kind="adjust",
            account=stands.account,
            side=stands.side,
            effect=stands.effect,
            lots=stands.lots,
            price_nano=price_nano,
            value_minor=value_minor,
            fee_minor=-stands.fee_minor * stands.lots,
            corrects=stands.fill_id,
        )
        for stands in trade.standing
    ]
    fill_ids = book(writer, trade_id, trade, contract, back + anew)[len(back) :]
    public_trade(writer, trade_id, trade, -trade.lots)
    for stands, fill_id in zip(trade.standing, fill_ids, strict=True):
        stands.fill_id, stands.price_nano, stands.value_minor, stands.averaged = fill_id, price_nano, value_minor, False
    trade.residuals, trade.price_nano = [], price_nano
    public_trade(writer, trade_id, trade, trade.lots)


def average(writer: Writer, payload: fields.Payload) -> None:
    """Give several trades of an account one price; each keeps its own cash residual (rule AVG-1)."""
    account = checks.account(writer, fields.text(payload, "account"))
    side, trade_ids = fields.text(payload, "side").upper(), payload.get("trades")
    contract = writer.contract(fields.text(payload, "contract"))
    if (
        not isinstance(trade_ids, list)
        or not trade_ids
        or len({str(trade_id) for trade_id in trade_ids}) < len(trade_ids)
    ):
        raise fields.malformed("trades", "a list of different trade ids", trade_ids)
    chosen = [(str(trade_id), *_averaged(writer, str(trade_id), account, contract, side)) for trade_id in trade_ids]
    _alike(chosen)
    price_nano = _average_price(contract, [stands for *_, stands in chosen])
    value_minor = contract.value_minor(price_nano)
    sign = 1 if side == "BUY" else -1
    for trade_id, trade, stands in chosen:
        cres = stands.lots * (value_minor - stands.value_minor) * sign
        back = reversal("average", stands, stands.lots)
        anew = replace(back, lots=-back.lots, price_nano=price_nano, value_minor=value_minor, fee_minor=-back.fee_minor)
        left = Leg(kind="average", account=account, side=side, cres_minor=cres, corrects=stands.fill_id)
        _, new_id, residual_id = book(writer, trade_id, trade, contract, [back, anew, left])
        stands.fill_id, stands.price_nano, stands.value_minor, stands.averaged = new_id, price_nano, value_minor, True
        trade.residuals.append(Residual(residual_id, account, side, cres))


def _averaged(writer: Writer, trade_id: str, account: str, contract: Contract, side: str) -> tuple[Trade, Standing]:
    trade, of = checks.correctable(writer, trade_id)
    if of.contract != contract.contract:
        raise Refused(Code.UNKNOWN_TRADE, f"Expected a trade of {contract.contract}, was {trade_id} of {of.contract}.")
    held = [
        stands for stands in trade.standing if stands.account == account and stands.side == side and not stands.given_up
    ]
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
        raise Refused(
            Code.MALFORMED, f"trades: Expected trades of one date and of one effect (open or close), was {was}."
        )


def _average_price(contract: Contract, stands: list[Standing]) -> int:
    prices = {standing.price_nano for standing in stands}
    if len(prices) == 1:
        return prices.pop()
    weighted, lots = (
        sum(standing.lots * standing.price_nano for standing in stands),
        sum(standing.lots for standing in stands),
    )
    return divide(weighted, lots * contract.tick_nano) * contract.tick_nano
