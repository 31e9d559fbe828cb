"""`novate hedge`: what computing will cost with the futures that are held."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, print_rows

if TYPE_CHECKING:
    from settlement.hedge.held import Held
    from settlement.hedge.plan import Plan

UNREADABLE = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(hedge)


def hedge(
    file: Annotated[Path, typer.Argument(help="A hedge file (docs/reference/hedge.md).", metavar="FILE")],
    platform: Annotated[
        bool,
        typer.Option(
            "--platform", help="Take futures, prices and fixings from the platform's books, not from the file."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what computing will cost, month by month: paid at the index, cash of the futures, fees, and what stays open.

    Amounts are + received, - paid. Exit code 0: as expected; 1: an expectation of the file differs; 2: the file cannot
    be read.
    """
    from settlement.domain.products.shipped import shipped_terms
    from settlement.hedge.cost import costs
    from settlement.hedge.held import held_by_file
    from settlement.hedge.plan import read_plan
    from settlement.hedge.report import answer, differences
    from settlement.scenario.errors import UnreadableScenarioError

    try:
        plan = read_plan(file, shipped_terms())
        if plan.accounts and not platform:
            raise plan.unreadable("accounts", "`accounts` with --platform alone", "`accounts`", "Add --platform.")
        plan, held = _from_platform(plan) if platform else (plan, held_by_file(plan))
        document = answer(plan, costs(plan, held), held)
    except UnreadableScenarioError as error:
        for one in error.errors:
            sys.stderr.write(f"{one}\n")
        raise typer.Exit(UNREADABLE) from error
    different = differences(plan, document)
    if as_json:
        print_json(document)
    else:
        _show(document)
    for line in different:
        sys.stderr.write(f"{line}\n")
    raise typer.Exit(1 if different else 0)


def _from_platform(plan: Plan) -> tuple[Plan, list[Held]]:
    """Return the plan with the platform's fixings, and what its accounts hold there."""
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.output import say
    from settlement.hedge.held import fixings_by_series, held_by_books
    from settlement.ledger import queries
    from settlement.ledger.session import as_auditor, connect

    if not plan.accounts:
        raise plan.unreadable("accounts", "`accounts`, whose futures the books are asked for", "none")
    for key in ("futures", "prices", "contracts"):
        if key in plan.lines:
            raise plan.unreadable(key, f"no `{key}` with --platform, whose books say so", f"`{key}`")
    with endpoints_of(config.load(), say) as endpoints:
        book = ControlBook.read(endpoints.kafka)
        _refuse_unknown(plan, book.accounts)
        terms = book.contracts
        records = _fixings(endpoints.kafka)
        with connect(endpoints.database) as conn, as_auditor(conn):
            lines = queries.lines(conn)
    fixings = {**fixings_by_series(records), **plan.fixings}
    return replace(plan, fixings=fixings), held_by_books(lines, terms, plan)


def _refuse_unknown(plan: Plan, accounts: Collection[str]) -> None:
    """Refuse an account that the platform does not have: its futures would silently be none."""
    from settlement.scenario.readers import suggestion

    for name in plan.accounts:
        if name not in accounts:
            hint = suggestion(name, accounts) or "See novate account list."
            raise plan.unreadable("accounts", "accounts of the platform", repr(name), hint)


def _fixings(bootstrap: str) -> list[dict[str, Any]]:
    """Return the fixings of the log, in its order."""
    from settlement.wire import codec
    from streams.log import LogReader

    with LogReader(bootstrap) as log:
        values = log.read("index-fixings", 0, *log.bounds("index-fixings", 0)).values()
    return [record for name, record in map(codec.decode, values) if name == "fixing"]


def _show(document: dict[str, Any]) -> None:
    from settlement.hedge.report import AMOUNTS, MONTHS, POSITIONS, sentences

    currency = document["currency"]
    amounts = [f"{name}" for name in AMOUNTS]
    units = [column for column in MONTHS if column not in AMOUNTS]
    months = document["months"]
    title = document["title"] or "Hedge"
    print_rows(months, units, title=title)
    total = {"month": "all", "index": "", **document["totals"]}
    print_rows(
        [*months, total], ["month", "index", *amounts], title=f"{currency}, + received, - paid", aside=["rounding"]
    )
    if document["futures"]:
        print_rows(document["futures"], POSITIONS, title="Futures")
    for sentence in sentences(document):
        console().print(sentence, markup=False, soft_wrap=True)
