"""`novate explain price`: a daily settlement price, who stands behind it, and what the tiers gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, say
from settlement.cli.refusals import CommandError

if TYPE_CHECKING:
    from settlement.cli.operate_log import Asked, ControlBook

Json = dict[str, Any]
KIND: Final = "end_of_day"
PEOPLE: Final = ("control_id", "requested_by", "approved_by", "reason")


def explain_price(
    contract: Annotated[str, typer.Argument(help="The contract's name.", metavar="CONTRACT")],
    date: Annotated[str, typer.Argument(help="Business date, for example 2026-08-03.", metavar="DATE")],
    as_json: AsJson = False,
) -> None:
    """Print a date's settlement price: its tier, who asked, who approved, why, and what the tiers give.

    Two answers of the tiers are shown: what was on record when the price was given (rule DSP-1), and what the market's
    answers to the date's cut say when they are read again.

    Exit code 0: they are equal, or nothing was on record; 1: what was on record is not what the market says.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.operate_tiers import Market
    from settlement.domain.dates import parse_date

    day = parse_date(date)
    with endpoints_of(config.load(), say) as endpoints:
        book = ControlBook.read(endpoints.kafka)
        market = Market.read(endpoints.kafka, day, book)
    asked = _asked(book, contract, date)
    told = _document(asked, contract, date, None if market.missing else market.chosen().get(contract))
    told["market_answered"] = not market.missing
    if as_json:
        print_json(told)
    else:
        for line in _lines(told):
            console().print(line, markup=False, soft_wrap=True)
    if told["on_record"] and not market.missing and not _is_same(told["on_record"], told["tiers"]):
        say("Expected on record what the market's tiers give, was another price or tier.")
        raise typer.Exit(1)


def _asked(book: ControlBook, contract: str, date: str) -> Asked:
    for one in book.of("prices"):
        payload = one.payload
        if one.accepted and (payload["date"], payload["kind"]) == (date, KIND) and contract in payload["prices"]:
            return one
    raise CommandError(f"Expected an accepted price of {contract} of {date}, was none. See novate price {date} --show.")


def _document(asked: Asked, contract: str, date: str, tiers: Json | None) -> Json:
    given = asked.payload["prices"][contract]
    price = given if isinstance(given, dict) else {"price": given}
    return {
        "contract": contract, "date": date, "price": price["price"], "tier": price.get("tier", "given"),
        **{name: asked.control[name] for name in PEOPLE},
        "on_record": price.get("would_have_been"), "tiers": tiers,
    }  # fmt: skip


def _lines(told: Json) -> list[str]:
    people = f"asked by {told['requested_by']}"
    people += f", approved by {told['approved_by']}" if told["approved_by"] else ""
    reason = f": {told['reason']}" if told["reason"] else ""
    lines = [
        f"{told['contract']} {told['date']}: {told['price']} ({told['tier']}), control {told['control_id']}.",
        f"{people[0].upper()}{people[1:]}{reason}.",
    ]
    if told["on_record"]:
        lines.append(f"On record, it would have been {_price(told['on_record'])}.")
    market = _price(told["tiers"]) if told["tiers"] else "no price"
    return [*lines, f"The tiers give {market}." if told["market_answered"] else "The market has not answered whole."]


def _price(one: Json) -> str:
    return f"{one['price']} ({one['tier']})"


def _is_same(on_record: Json, tiers: Json | None) -> bool:
    from settlement.domain.money import NANO, parse_decimal

    if tiers is None or on_record["tier"] != tiers["tier"]:
        return False
    return parse_decimal(on_record["price"], NANO) == parse_decimal(tiers["price"], NANO)
