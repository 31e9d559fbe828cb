"""`novate explain` and `novate finals`: where a final settlement price comes from, down to the observations."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from settlement.cli.explain_price import explain_price
from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, print_rows, say
from settlement.cli.refusals import CommandError

Json = dict[str, Any]
FINALS: Final = ("contract", "last_trade", "closing", "state", "price", "series", "fixed", "control", "waits_for")
DAYS: Final = ("date", "value", "source", "source_date", "observations", "included", "excluded", "control")
PROVIDERS: Final = ("provider", "value", "observations", "verdict")
SEEN: Final = ("at", "provider", "price", "quantity", "verdict")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(finals)
    group = typer.Typer(no_args_is_help=True, help="Where a price comes from: every step, computed again from the log.")
    group.command("final")(explain_final)
    group.command("price")(explain_price)
    app.add_typer(group, name="explain")


def finals(as_json: AsJson = False) -> None:
    """Print how far each expiring contract is on its way to its final settlement, and what it waits for (rule FSP-2).

    The states: last-trade, awaiting, provisional, final, closed.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.explain_log import finals_of, read_fixings
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        log = finals_of(ControlBook.read(endpoints.kafka), read_fixings(endpoints.kafka))
    print_rows([_row(expiry) for expiry in log.expiries()], FINALS, title="Final settlement", as_json=as_json)


def explain_final(
    contract: Annotated[str, typer.Argument(help="The contract's name.", metavar="CONTRACT")],
    observations: Annotated[
        bool, typer.Option("--observations", help="Every day down to the observations of its fixing.")
    ] = False,
    day: Annotated[
        str | None, typer.Option("--day", metavar="DATE", help="One day down to the observations: 2026-07-31.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print where a contract's final price comes from: days, values, average, quote, bounds, and the control of it.

    The price is computed again from the fixings that stood when it was printed, and with --day or --observations each
    fixing from its observations. Before there is a price, what is there so far is shown.

    Exit code 0: the log gives the price that was printed; 1: it does not, and what differs is told.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.explain_final import Explanation
    from settlement.cli.explain_log import read_fixings
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        book, fixings = ControlBook.read(endpoints.kafka), read_fixings(endpoints.kafka)
        if contract not in book.contracts:
            raise CommandError(f"Expected a listed contract, was {contract!r}. See novate finals.")
        found = Explanation.of(book, fixings, contract)
        shown = _down_to_observations(endpoints.kafka, found, day) if observations or day else []
    document = found.document()
    differences = [*document["differences"], *(f"{one['date']} {text}" for one in shown for text in one["differences"])]
    if as_json:
        print_json({**document, "fixings": shown, "differences": differences})
    else:
        _show(document, shown, is_same=not differences)
    for difference in differences:
        say(f"DIFFERS: {difference}")
    raise typer.Exit(1 if differences else 0)


def _down_to_observations(bootstrap: str, found: Any, day: str | None) -> list[Json]:  # noqa: ANN401  an Explanation, imported late
    """Return the fixings behind the days, or one day, each computed again from its observations."""
    from settlement.cli.explain_final import fixing_document
    from settlement.cli.explain_log import read_evidence
    from settlement.domain.dates import parse_date

    behind = (
        found.fixings if day is None else {date: one for date, one in found.fixings.items() if date == parse_date(day)}
    )
    if not behind:
        raise CommandError(f"Expected a day of {found.expiry.contract} with a fixing, was {day or 'none yet'}.")
    logged = {one["stream_seq"]: one for one in behind.values()}  # a carried fixing stands behind several days
    evidence = read_evidence(bootstrap, found.expiry.series, logged.keys())
    return [fixing_document(one, evidence[seq]) for seq, one in logged.items()]


def _row(expiry: Any) -> Json:  # noqa: ANN401  an Expiry, imported late
    from settlement.domain.dates import format_date

    days = expiry.found.days if expiry.found else ()
    have = sum(one.value_nano is not None for one in days)
    printed = expiry.print
    return {
        "contract": expiry.contract,
        "last_trade": format_date(expiry.last_trade) if expiry.last_trade else None,
        "closing": format_date(expiry.closing) if expiry.closing else None,
        "state": expiry.state.value,
        "price": printed.payload.get("price") if printed else None,
        "series": expiry.series or None,
        "fixed": f"{have} of {len(days)}" if days else None,
        "control": printed.control_id if printed else None,
        "waits_for": expiry.waits_for,
    }


def _show(document: Json, fixings: list[Json], *, is_same: bool) -> None:
    terms, screen = document["terms"], console()
    title = f"{document['contract']}: {document['state']}"
    if document["days"]:
        span = f" from {terms['from']} to {terms['to']}" if terms["from"] else ""
        title += f"; {document['series']}, {terms['days']} days{span}, missing: {terms['missing']}"
        print_rows(document["days"], DAYS, title=title)
    else:
        screen.print(title, markup=False)
    for fixing in fixings:
        _show_fixing(fixing)
    for line in _steps(document, is_same=is_same):
        screen.print(line, markup=False, soft_wrap=True)


def _steps(document: Json, *, is_same: bool) -> list[str]:
    terms, printed = document["terms"], document["print"]
    lines = [f"Last trading day {document['last_trade']}, closing day {document['closing']}."]
    if document["price"] is None:
        lines.append(f"No price: {document['reason']}")
    else:
        rounding = f"rounded half-up to {terms['precision']} decimals"
        lines.append(f"Sum {document['sum']} over {document['count']} days: average {document['average']}, {rounding}.")
        if terms["quote"] == "100-average":
            lines.append(f"Quoted as 100 less the average: 100 - {document['average']}.")
        bounds = [f"{name} {terms[name]}" for name in ("cap", "floor") if terms[name] is not None]
        lines.append(f"Price: {document['price']}" + (f", within {' and '.join(bounds)}." if bounds else "."))
    if document["waits_for"]:
        lines.append(f"Waits for {document['waits_for']}.")
    if printed is None:
        return lines
    people = f"by {printed['requested_by']}" + (f" and {printed['approved_by']}" if printed["approved_by"] else "")
    why = f": {printed['reason']}" if printed["reason"] else ""
    told = f"Printed: {printed['status']} {printed['price']} ({printed['tier']}) of {printed['date']}"
    lines.append(f"{told}, control {printed['control']}, {people}{why}.")
    if is_same and document["price"] is not None:
        lines.append("Computed again from the log: the same.")
    return lines


def _show_fixing(fixing: Json) -> None:
    head = f"{fixing['series']} of {fixing['date']}: {fixing['value']} ({fixing['tier']})"
    made = f"control {fixing['control']}, methodology version {fixing['methodology_version']}"
    if not fixing["at"]:
        console().print(f"{head}, printed by the {made}\n", markup=False, soft_wrap=True)
        return
    spread = f"{fixing['lowest']} to {fixing['highest']}, deviation {fixing['deviation']}"
    print_rows(fixing["providers"], PROVIDERS, title=f"{head} at {fixing['at']}, {made}")
    counted = f"{fixing['counted']} of {fixing['observations']} observations count, {spread}"
    print_rows(fixing["seen"], SEEN, title=f"{counted}; inputs {fixing['inputs_sha256'][:12]}")
