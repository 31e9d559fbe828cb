"""Commands that show the books: positions, margin, payments, statement, replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from psycopg import Connection

from settlement.cli import books
from settlement.cli.audit import run_replay
from settlement.cli.offline import AsJson
from settlement.cli.output import print_rows, say

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Date = Annotated[str | None, typer.Option("--date", help="Business date, for example 2026-08-03.")]
Member = Annotated[str | None, typer.Option("--member", help="Only this clearing member.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(positions)
    app.command()(margin)
    app.command()(payments)
    app.command("replay")(run_replay)


@contextmanager
def ledger() -> Iterator[Connection[Any]]:
    """Open the ledger for reading, whether the platform runs or not."""
    with ledger_and_log() as (conn, _):
        yield conn


@contextmanager
def ledger_and_log() -> Iterator[tuple[Connection[Any], str]]:
    """Open the ledger for reading, and tell where the log's broker is."""
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.ledger.session import as_auditor, connect

    with endpoints_of(config.load(), say) as endpoints, connect(endpoints.database) as conn, as_auditor(conn):
        yield conn, endpoints.kafka


def number(date: str | None) -> int | None:
    """Return a date option as yyyymmdd."""
    from settlement.domain.dates import parse_date

    return None if date is None else parse_date(date)


def positions(date: Date = None, member: Member = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Print what each account held at the end of a date (default: the last settled one).

    limit: the contract's position limit. over, since: how many lots its member's house or clients hold beyond it on
    that side, and since when (rule POS-1).
    """
    from settlement.cli import limits
    from settlement.cli.operate_log import ControlBook

    until = number(date)
    with ledger_and_log() as (conn, kafka):
        known = limits.limits_of(ControlBook.read(kafka))
        over = limits.over_limits(conn, known, until=until)
        rows = limits.with_limits(books.positions(conn, business_date=until, member=member), known, over)
    aside = ("long", "short", "date", "limit", "over", "since")
    print_rows(rows, books.POSITIONS, title="Positions", as_json=as_json, as_csv=as_csv, aside=aside)
    if not as_json and not as_csv:
        limits.tell(one for one in over if member in {None, one.member})


def margin(
    date: Date = None,
    member: Member = None,
    contract: Annotated[str | None, typer.Option("--contract", help="Only this contract.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print the margin lines of every posted cycle: + receives, - pays."""
    from settlement.ledger import queries

    with ledger() as conn:
        rows = books.margin(queries.lines(conn, business_date=number(date), member=member, contract=contract))
    aside = (
        "date",
        "cycle",
        "member",
        "origin",
        "contract",
        "currency",
        "transferred",
        "expired",
        "previous",
        "price",
        *books.AMOUNTS,
    )
    print_rows(rows, books.MARGIN, title="Variation margin", as_json=as_json, as_csv=as_csv, aside=aside)


def payments(
    date: Date = None,
    member: Member = None,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only what is not confirmed, the oldest first, with its age.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print the payments: one per member, origin and currency; + the member receives, - pays (rules PAY-1, PAY-2).

    With --open, age_days says how long what failed or is overdue has been due: calendar days from its value date to the
    open business date, so the same log gives the same list on any day.
    """
    if not only_open:
        with ledger() as conn:
            rows = books.payments(conn, business_date=number(date), member=member)
        shown = ("date", "cycle", "value_date", "state", "payment")
        print_rows(rows, books.PAYMENTS, title="Payments", as_json=as_json, as_csv=as_csv, aside=shown)
        return
    from settlement.cli.operate_log import ControlBook

    with ledger_and_log() as (conn, kafka):
        today = ControlBook.read(kafka).open_date
        rows = books.open_payments(books.payments(conn, business_date=number(date), member=member), today)
    aside = ("date", "cycle", "payment")
    print_rows(rows, books.OPEN_PAYMENTS, title="Open payments", as_json=as_json, as_csv=as_csv, aside=aside)
