"""`novate day`: opens the first business date, cuts the open one, and shows where the dates stand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import console, print_json, print_rows, say
from settlement.cli.refusals import CommandError

NO_DATE = "Expected an open business date, was none. Open the first one: novate day open DATE."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Business dates: open the first, cut the open one, show them.")
    group.command("open")(day_open)
    group.command("cut")(day_cut)
    group.command("show")(day_show)
    app.add_typer(group, name="day")


def day_open(
    date: Annotated[str, typer.Argument(help="The first business date, for example 2026-08-03.", metavar="DATE")],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Open the first business date; a cut opens every later one.

    Runs a platform for the length of the command where none runs.

    Exit code 0: accepted, or applied before; 1: refused.
    """
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell
    from settlement.domain.dates import parse_date

    parse_date(date)
    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    instruction = Instruction(kind="open", payload={"date": date}, stem=f"open/{date}", what=f"business date {date}")
    with whole_platform(settings_of(), fresh=True) as endpoints, desk_at(endpoints, request) as desk:
        answer = desk.send(instruction)
    tell([answer], as_json=as_json)


def day_cut(  # noqa: PLR0917  an option is an argument
    date: Annotated[
        str | None, typer.Argument(help="By default the open date.", metavar="DATE", show_default=False)
    ] = None,
    following: Annotated[
        str | None,
        typer.Option("--next", metavar="DATE", help="The date to open; by default the next business day."),
    ] = None,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Pricing proposes no prices of the date: people give them (rule DSP-1)."),
    ] = False,
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Close the open date, whose book is frozen from here on, and open the next one (rule CUT-1).

    Pricing proposes the date's prices as soon as the market has answered; what no tier prices is given by hand with
    novate price. With --hold nothing is proposed, so that people can look at the tiers first (novate price DATE --show)
    and override them.

    Exit code 0: accepted, or applied before; 1: refused.
    """
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell
    from settlement.domain.dates import format_date, parse_date

    for given in (date, following):
        if given is not None:
            parse_date(given)
    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
        if date is None and not desk.book.open_date:
            raise CommandError(NO_DATE)
        day = date or format_date(desk.book.open_date)
        payload = {"date": day} | ({"next": following} if following else {}) | ({"hold": True} if hold else {})
        answer = desk.send(Instruction(kind="cut", payload=payload, stem=f"cut/{day}", what=f"cut of {day}"))
        opened = desk.read_again().open_date
    by_hand = f"novate price {day} CONTRACT=PRICE"
    then = f"{format_date(opened)} is open. Prices of {day}: novate day show, or by hand {by_hand}."
    tell([answer], as_json=as_json, then=then)


def day_show(as_json: AsJson = False) -> None:
    """Show the open date, the dates that wait for prices, and each feed and what it waits for."""
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.operate_platform import read_heartbeat

    settings = config.load()
    with endpoints_of(settings, say) as endpoints:
        book, gateway = ControlBook.read(endpoints.kafka), read_heartbeat(endpoints.data, "gateway")
    shown = _shown(book, gateway)
    if as_json:
        print_json(shown)
        return
    screen = console()
    screen.print(f"Open: {shown['open'] or 'none yet: novate day open DATE'}", markup=False)
    for waiting in shown["waiting_for_prices"]:
        screen.print(
            f"Cut, waits for prices: {waiting['date']}{waiting['why'] and ': '}{waiting['why']}",
            markup=False,
            soft_wrap=True,
        )
    screen.print(f"Last with its prices: {shown['last_priced'] or 'none'}", markup=False)
    if shown["gateway_waits_for"]:
        screen.print(f"The gateway waits for: {shown['gateway_waits_for']}", markup=False, soft_wrap=True)
    print_rows(shown["feeds"], ("feed", "taken", "available", "waits_for"), title="Feeds")


def _shown(book: Any, gateway: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  a ControlBook, imported late
    from settlement.domain.dates import format_date

    feeds = [
        {
            "feed": name, "taken": max(at["next_seq"] - 1, 0), "available": max(at["available"], 0),
            "waits_for": at.get("halted", ""),
        }
        for name, at in sorted(gateway.get("feeds", {}).items())
    ]  # fmt: skip
    return {
        "open": format_date(book.open_date) if book.open_date else None,
        "waiting_for_prices": [{"date": format_date(date), "why": book.refused_prices(date)} for date in book.cut],
        "last_priced": format_date(book.priced[-1]) if book.priced else None,
        "unanswered": [asked.control["control_id"] for asked in book.asked if asked.answer is None],
        "gateway_waits_for": gateway.get("waiting_for", ""),
        "feeds": feeds,
    }
