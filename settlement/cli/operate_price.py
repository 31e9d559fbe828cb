"""`novate price`: settlement prices by hand, and what each tier of the market says."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import console, print_rows, say
from settlement.cli.refusals import CommandError

COLUMNS: Final = ("contract", "price", "tier", "previous", "vwap", "last-in-quote", "curve")
BY_HAND: Final = {"end_of_day": "end_of_day/by-hand", "intraday": "intraday"}
"""Ids apart from pricing's: a refused one by hand must not keep pricing from proposing under its own."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(price)


def price(  # noqa: PLR0917  an option is an argument
    date: Annotated[str, typer.Argument(help="Business date, for example 2026-08-03.", metavar="DATE")],
    prices: Annotated[
        list[str] | None,
        typer.Argument(
            help="Prices by hand, for example H100-2026-09=2.362.", metavar="CONTRACT=PRICE", show_default=False
        ),
    ] = None,
    intraday: Annotated[
        bool, typer.Option("--intraday", help="An intraday cycle of the open date, of the contracts given.")
    ] = False,
    cut: Annotated[
        bool, typer.Option("--cut", help="Cut the open date with these prices, before pricing can propose any.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Only print what each tier says, and which price is proposed.")
    ] = False,
    what_if: Annotated[
        bool,
        typer.Option(
            "--what-if", help="Send nothing: show by member what these prices pay more than the tiers' would."
        ),
    ] = False,
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Give the settlement prices of a date that is cut: those given, the rest as the tiers of the market say.

    A price that differs from what the tiers give is an override: two different people (--by, --approved-by) and a
    --reason; what the tiers gave stays on record beside it (rule DSP-1). Two people are needed too where the tiers
    were not asked: with --cut, or while the market is silent.

    The gateway refuses a set that lacks a contract with a position or a fill (rule VM-5). A date has one end of day:
    prices that were accepted stay.

    Exit code 0: accepted, or applied before; 1: refused.
    """
    from settlement.domain.dates import parse_date

    day, given = parse_date(date), _given(prices or [])
    if show:
        if given or intraday or cut:
            raise typer.BadParameter("Expected --show alone, was with prices, --intraday or --cut.")
        _show(day, as_json=as_json)
        return
    if what_if:
        from settlement.cli.operate_override import show_override

        if not given or intraday or cut:
            raise typer.BadParameter("Expected --what-if with CONTRACT=PRICE, without --intraday and --cut.")
        show_override(day, given, as_json=as_json)
        return
    if intraday and (cut or not given):
        raise typer.BadParameter("Expected --intraday with at least one CONTRACT=PRICE and without --cut.")
    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    _send(day, given, request, kind="intraday" if intraday else "end_of_day", cut=cut, as_json=as_json)


def _given(words: list[str]) -> dict[str, str]:
    from settlement.domain.money import NANO, DecimalTextError, parse_decimal

    given: dict[str, str] = {}
    for word in words:
        contract, equals, text = word.rpartition("=")
        if not equals or not contract:
            raise CommandError(f"Expected CONTRACT=PRICE, for example H100-2026-09=2.362, was {word!r}.")
        if contract in given:
            raise CommandError(f"Expected one price of {contract}, was {given[contract]} and {text}.")
        try:
            parse_decimal(text, NANO)
        except DecimalTextError as error:
            raise CommandError(f"{contract}: {error}") from error
        given[contract] = text
    return given


def _show(day: int, *, as_json: bool) -> None:
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.operate_tiers import Market
    from settlement.domain.dates import format_date

    with endpoints_of(config.load(), say) as endpoints:
        book = ControlBook.read(endpoints.kafka)
        market = Market.read(endpoints.kafka, day, book)
    date = format_date(day)
    if not market.records:
        raise CommandError(
            f"Expected what the market's tiers say of {date}, was nothing: they answer its cut. "
            f"{_cut_or_not(book, day)}"
        )
    print_rows(market.rows(), COLUMNS, title=f"Tiers of {date}", as_json=as_json)
    if market.missing:
        say(f"Partitions {', '.join(map(str, market.missing))} of the market have not answered yet.")


def _cut_or_not(book: Any, day: int) -> str:  # noqa: ANN401  a ControlBook, imported late
    from settlement.domain.dates import format_date

    if day == book.open_date:
        return "It is open: novate day cut."
    if day in {*book.cut, *book.priced}:
        return "It is cut: do the workers run (novate status)?"
    return f"Open is {format_date(book.open_date)}." if book.open_date else "No date is open: novate day open DATE."


def _send(day: int, given: dict[str, str], request: Request, *, kind: str, cut: bool, as_json: bool) -> None:
    from settlement.cli.operate_override import listed
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell
    from settlement.cli.operate_tiers import Market
    from settlement.domain.dates import format_date

    date = format_date(day)
    with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
        chosen: dict[str, dict[str, str]] = {}
        market: Market | None = None
        if kind == "end_of_day" and day == desk.book.open_date and not cut:
            raise CommandError(
                f"Expected a date that is cut, was {date}, which is open. Cut it first: novate day cut; or with these "
                "prices: --cut."
            )
        if kind == "end_of_day" and day in {*desk.book.cut, *desk.book.priced}:
            market = Market.await_answers(endpoints.kafka, day, desk.book)
            chosen = market.chosen()
            if market.missing:
                say(f"Expected all of the market to answer, was none of partitions {market.missing}: left out.")
        payload: dict[str, Any] = {"date": date, "kind": kind, "prices": chosen | listed(given, market)} | (
            {"cut": True} if cut else {}
        )
        instruction = Instruction(
            kind="prices", payload=payload, stem=f"prices/{date}/{BY_HAND[kind]}", newest_by=("date", "kind"),
            what=f"{kind.replace('_', ' ')} prices of {date}",
        )  # fmt: skip
        answer = desk.send(instruction)
    if not as_json:
        for contract, one in sorted(payload["prices"].items()):
            console().print(f"  {contract} {one['price']} ({one['tier']})", markup=False)
    tell([answer], as_json=as_json, then=f"Next: novate settle {date}" if kind == "end_of_day" else "")
