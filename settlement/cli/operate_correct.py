"""Commands of the lifecycle: what is wrong is reversed, moved or waived by new fills, never edited."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from settlement.cli.operate_command import Asked, sends
from settlement.cli.operate_payload import lots_by_account
from settlement.cli.operate_pending import give_up_list

Trade = Annotated[str, typer.Argument(help="The trade's id.", metavar="TRADE")]
Contract = Annotated[str, typer.Argument(help="The contract.", metavar="CONTRACT")]
Account = Annotated[str, typer.Argument(help="The account.", metavar="ACCOUNT")]
Lots = Annotated[int, typer.Argument(help="How many lots.", metavar="LOTS", min=1)]
Date = Annotated[str, typer.Argument(help="Business date, for example 2026-08-03.", metavar="DATE")]
Price = Annotated[str, typer.Argument(help="The price, as a decimal.", metavar="PRICE")]
Giver = Annotated[str, typer.Option("--from", help="The account that gives.", metavar="ACCOUNT", show_default=False)]
Taker = Annotated[str, typer.Option("--to", help="The account that takes.", metavar="ACCOUNT", show_default=False)]
Claim = Annotated[str, typer.Argument(help="The id of the request's control.", metavar="CLAIM")]


class Side(StrEnum):
    """Side of a trade."""

    BUY = "buy"
    SELL = "sell"


class Held(StrEnum):
    """Side of a gross account's position."""

    LONG = "long"
    SHORT = "short"


class Effect(StrEnum):
    """Whether a taker opens or closes."""

    OPEN = "open"
    CLOSE = "close"


class Status(StrEnum):
    """Standing of a final print."""

    PROVISIONAL = "provisional"
    FINAL = "final"


TradeSide = Annotated[Side, typer.Option("--side", help="Whose side of the trade.", show_default=False)]
Takers = Annotated[list[str], typer.Option("--to", help="A taker and its lots; once for each.", metavar="ACCOUNT=LOTS")]
TakersEffect = Annotated[Effect, typer.Option("--open-close", help="Whether gross takers open or close.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    sends(app, "bust", bust, corrects=True)
    sends(app, "adjust", adjust, corrects=True)
    sends(app, "average", average, corrects=True)
    sends(app, "transfer", transfer, corrects=True)
    sends(app, "close-out", close_out, corrects=True)
    sends(app, "cash", cash, corrects=True)
    sends(app, "correct", correct, corrects=True)
    sends(app, "final", final, corrects=True)
    sends(app, "waive", waive)
    group = typer.Typer(no_args_is_help=True, help="Give-ups: agreed ones, and requests that each taker answers.")
    sends(group, "now", give_up_now, corrects=True)
    sends(group, "request", give_up_request)
    sends(group, "accept", give_up_accept, corrects=True)
    sends(group, "refuse", give_up_refuse)
    sends(group, "withdraw", give_up_withdraw)
    group.command("list")(give_up_list)
    app.add_typer(group, name="give-up")


def bust(trade: Trade) -> Asked:
    """Bust a trade: everything that stands of it is reversed, in the open date (rule COR-1)."""
    return Asked("bust", {"trade": trade}, (trade,))


def adjust(trade: Trade, price: Price) -> Asked:
    """Give a trade another price: what stands of it is reversed and entered anew, in the open date (rule COR-1)."""
    return Asked("adjust", {"trade": trade, "price": price}, (trade,), newest_by=("trade",))


def average(
    account: Account,
    contract: Contract,
    trades: Annotated[list[str], typer.Argument(help="The trades' ids.", metavar="TRADE...")],
    side: TradeSide,
) -> Asked:
    """Give several trades of one account one price; each keeps its rounding as cash (rule AVG-1)."""
    payload = {"account": account, "contract": contract, "side": side.value, "trades": trades}
    return Asked("average", payload, (account, contract))


def transfer(
    contract: Contract,
    lots: Lots,
    giver: Giver,
    taker: Taker,
    price: Annotated[str, typer.Option("--price", help="By default the prior settlement price.", metavar="PRICE")] = "",
    position: Annotated[Held | None, typer.Option("--position", help="Of a gross account.")] = None,
) -> Asked:
    """Move a position to another account (rule TRF-1); between two members, two different people stand behind it."""
    payload = {"contract": contract, "from": giver, "to": taker, "lots": str(lots)}
    given = {"price": price, "position": position.value if position else ""}
    return Asked("transfer", payload | {key: value for key, value in given.items() if value}, (contract, giver, taker))


def close_out(account: Account, contract: Contract, lots: Lots) -> Asked:
    """Lower a gross account's long and short lots alike; no cash, no fee (rule ACC-1)."""
    return Asked("close_out", {"account": account, "contract": contract, "lots": str(lots)}, (account, contract))


def cash(
    contract: Contract,
    amount: Annotated[str, typer.Argument(help="In the contract's currency, greater than 0.", metavar="AMOUNT")],
    giver: Giver,
    taker: Taker,
    why: Annotated[str, typer.Option("--why", help="What it is for.", metavar="TEXT", show_default=False)],
) -> Asked:
    """Move cash where lots can no longer be corrected, with the open date's end of day; two people stand behind it."""
    payload = {"contract": contract, "amount": amount, "from": giver, "to": taker, "reason": why}
    return Asked("cash_adjustment", payload, (contract, giver, taker))


def correct(contract: Contract, date: Date, price: Price) -> Asked:
    """Replace a settled date's price: who held the book then is adjusted (rule COR-2); two people stand behind it."""
    payload = {"contract": contract, "date": date, "price": price}
    return Asked("correct_settlement", payload, (contract, date), newest_by=("contract", "date"))


def final(
    contract: Contract,
    date: Date,
    price: Price,
    status: Annotated[Status, typer.Option("--status", help="A provisional print pays nothing.")] = Status.FINAL,
) -> Asked:
    """Print a final settlement price by hand (rules FSP-2, FSP-3); two people stand behind it."""
    payload = {"contract": contract, "date": date, "price": price, "status": status.value}
    return Asked("final", payload, (contract, status.value), newest_by=("contract", "status"))


def waive(
    feed: Annotated[str, typer.Argument(help="The feed.", metavar="FEED")],
    source_seq: Annotated[int, typer.Argument(help="Number of the refused record there.", metavar="SOURCE_SEQ", min=0)],
) -> Asked:
    """Waive a refused trade that is neither sent again nor cancelled, so that its date can post; two people do it.

    --by and --approved-by must be two different people.
    """
    what = f"waiver of {feed} number {source_seq}"
    return Asked("waive", {"feed": feed, "source_seq": source_seq}, (feed, str(source_seq)), what)


def give_up_now(trade: Trade, side: TradeSide, to: Takers, open_close: TakersEffect = Effect.OPEN) -> Asked:
    """Move lots to the carrying accounts at once, as giver and takers have agreed (rule GUP-1)."""
    return Asked("give_up", _given_up(trade, side, to, open_close), (trade,))


def give_up_request(trade: Trade, side: TradeSide, to: Takers, open_close: TakersEffect = Effect.OPEN) -> Asked:
    """Ask the carrying accounts to take lots; until they answer, the lots stay with the giver (rule GUP-2).

    The control's id, which the answer names, is the claim that the takers accept or refuse.
    """
    return Asked("request_give_up", _given_up(trade, side, to, open_close), (trade,))


def give_up_accept(claim: Claim, account: Account) -> Asked:
    """Take the lots that an account was asked to take, at the price that stands (rules GUP-1, GUP-2)."""
    return Asked("accept_give_up", {"claim": claim, "account": account}, (claim, account))


def give_up_refuse(
    claim: Claim,
    account: Account,
    why: Annotated[str, typer.Option("--why", help="Why it is not taken.", metavar="TEXT", show_default=False)],
) -> Asked:
    """Leave the lots that an account was asked to take with the giver (rule GUP-2)."""
    return Asked("refuse_give_up", {"claim": claim, "account": account, "reason": why}, (claim, account))


def give_up_withdraw(claim: Claim) -> Asked:
    """Take back all that is pending of a request (rule GUP-2)."""
    return Asked("withdraw_give_up", {"claim": claim}, (claim,))


def _given_up(trade: str, side: Side, to: list[str], open_close: Effect) -> dict[str, object]:
    takers = lots_by_account(to)
    return {"trade": trade, "side": side.value, "to": takers, "open_close": open_close.value}
