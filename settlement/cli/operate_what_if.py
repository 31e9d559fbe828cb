"""`--what-if`: what a correction would do, by member, before anybody approves it (rule COR-3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import typer

from infra.local.process import Endpoints
from settlement import config
from settlement.cli.composition import endpoints_of
from settlement.cli.operate_options import Request
from settlement.cli.operate_send import APPROVED_FOR, Instruction
from settlement.cli.output import console, print_json, print_rows, say
from settlement.cli.refusals import CommandError
from settlement.domain.contract import Contract
from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date
from settlement.domain.money import format_decimal, format_price
from settlement.folds.gateway import GatewayFold
from settlement.folds.gateway.effect import CashEffect, Effect, Valuation, effect_of
from streams.gateway.current import NotCurrentError, current_fold
from streams.gateway.feeds import FeedBroken

CASH: Final = ("member", "origin", "currency", "amount")
FILLS: Final = ("account", "contract", "kind", "side", "lots", "price", "fee", "residual", "adjustment")
SOMEBODY: Final = "whoever approves"
"""Stands for the second person, who is asked only after the effect was shown."""
Json = dict[str, Any]


def show_effect(instruction: Instruction, request: Request, *, as_json: bool) -> None:
    """Try an instruction on a copy of what the gateway knows, and print what it would do; nothing is sent.

    Raises:
        typer.Exit: code 1 when it would be refused.
    """
    settings = config.load()
    control = _control(instruction, request)
    with endpoints_of(settings, say) as endpoints:
        fold = fold_now(endpoints, settings.partitions)
    if control["control_id"] in fold.state.controls:
        raise CommandError(
            f"Expected a control id that is not used yet, was {control['control_id']!r}. Leave --id out."
        )
    effect = effect_of(fold, control)
    if as_json:
        print_json({"what": instruction.what, **_document(effect, fold.contracts)})
    else:
        _print(instruction, effect, fold.contracts)
    if effect.rejection is not None:
        raise typer.Exit(1)


def fold_now(endpoints: Endpoints, partitions: int) -> GatewayFold:
    """Return a copy of what the gateway knows now; why there is none is told in a sentence."""
    try:
        return current_fold(endpoints.kafka, partitions, endpoints.data)
    except (NotCurrentError, FeedBroken) as error:
        raise CommandError(str(error)) from error


def _control(instruction: Instruction, request: Request) -> Json:
    payload = dict(instruction.payload)
    if request.approved_for:
        payload[APPROVED_FOR] = request.approved_for
    return {
        "control_id": request.control_id or f"{instruction.stem}/what-if", "kind": instruction.kind, "payload": payload,
        "requested_by": request.requester, "approved_by": request.approved_by or SOMEBODY, "reason": request.reason,
    }  # fmt: skip


def _document(effect: Effect, contracts: dict[str, Contract]) -> Json:
    refused = effect.rejection
    told = {} if refused is None else {"code": refused.code, "rule": refused.rule, "message": refused.message}
    return {
        "outcome": "would be accepted" if refused is None else "would be refused",
        **told,
        "open_date": format_date(effect.open_date) if effect.open_date else None,
        "cash": cash_rows(effect.cash),
        "valued_at": [_valued(one, contracts[one.contract]) for one in effect.valuations],
        "fills": [_fill(fill, contracts[fill["contract"]]) for fill in effect.fills],
    }


def _print(instruction: Instruction, effect: Effect, contracts: dict[str, Contract]) -> None:
    if effect.rejection is not None:
        refused = effect.rejection
        say(f"Would be refused: {instruction.what}: {refused.code}: {refused.message}\n  Rule: {refused.rule}")
        return
    fills = [_fill(fill, contracts[fill["contract"]]) for fill in effect.fills]
    print_rows(fills, FILLS, title=f"What if: {instruction.what}", aside=("fee", "residual", "adjustment"))
    print_rows(cash_rows(effect.cash), CASH, title="Cash effect: + receives, - pays")
    for one in effect.valuations:
        console().print(_sentence(one, contracts[one.contract]), markup=False, soft_wrap=True)
    date = format_date(effect.open_date)
    console().print(f"Nothing was sent. It would belong to {date}; send it with --approved-for {date}.", markup=False)


def cash_rows(cash: Iterable[CashEffect]) -> list[Json]:
    """Return a row for each member, origin and currency."""
    return [
        {
            "member": one.member, "origin": one.origin.lower(), "currency": one.currency,
            "amount": format_decimal(one.amount_minor, DECIMALS[one.currency]),
        }
        for one in cash
    ]  # fmt: skip


def _fill(fill: Json, contract: Contract) -> Json:
    cash = {"fee": "fee_minor", "residual": "cres_minor", "adjustment": "adj_minor"}
    return {
        **{key: fill[key] for key in ("account", "contract", "kind", "side", "lots")},
        "price": format_price(fill["price_nano"], contract.tick_nano),
        **{name: format_decimal(fill[key], contract.currency_decimals) for name, key in cash.items()},
    }


def _valued(one: Valuation, contract: Contract) -> Json:
    price = None if one.price_nano is None else format_price(one.price_nano, contract.tick_nano)
    return {"contract": one.contract, "date": format_date(one.date) if one.date else None, "price": price}


def _sentence(one: Valuation, contract: Contract) -> str:
    if one.price_nano is None:
        return f"{one.contract} has no settlement price yet: fills are valued at their own prices."
    of_date = f" of {format_date(one.date)}" if one.date else ", brought forward"
    price = format_price(one.price_nano, contract.tick_nano)
    return f"{one.contract} is valued at the last settlement price, {price}{of_date}."
