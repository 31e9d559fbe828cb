"""`novate ingest`: feeds a person's file of trades, orders or index ticks into the platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_day import NO_DATE
from settlement.cli.output import console, print_json, print_rows, say
from settlement.cli.refusals import CommandError

COLUMNS: Final = ("file", "line", "code", "message")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    file: Annotated[Path, typer.Argument(help="CSV with our header, or one JSON object a line.", metavar="FILE")],
    feed: Annotated[
        str,
        typer.Option(
            "--feed", metavar="NAME", help="The feed it belongs to; by default the file's name without its ending."
        ),
    ] = "",
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="DIR", help="The platform's data folder; by default NOVATE_DATA.", show_default=False
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 also when a row was rejected or waits for its end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Feed a file into the platform, wait until every row is taken, and print what was accepted and what was not.

    The header is source_seq,trade_id,contract,buyer,seller,lots,price,executed_at, or the same keys as JSON lines. A
    number stands for one row of its feed, for ever: what the feed has already is skipped when its text is the same, and
    refused (SEQUENCE_REUSED) when it is not. A rejected row stands in the topic rejections with file, line, code and
    its text, and does not stop the rest. A last line without its newline waits for it.

    Contracts, accounts and the business date come first: novate contract add, account add, day open. Runs a platform
    for the length of the command where none runs.

    Exit code 0: every row was taken (rejected ones included, but see --strict); 1: a row stopped the file.
    """
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_taken import Ingested, check_file, take
    from streams.gateway.feeds import SpoolError

    name = feed or file.stem
    check_file(file, name)
    stopped: SpoolError | None = None
    with whole_platform(settings_of(into), fresh=True) as endpoints:
        _require_open_date(endpoints, into)
        try:
            ingested = take(endpoints, file, name)
        except SpoolError as error:
            stopped, ingested = error, Ingested.of(endpoints, file, error.result)
    _tell(ingested, stopped, as_json=as_json)
    if stopped is not None or (strict and (ingested.rejected or ingested.waiting_line)):
        raise typer.Exit(1)


def _require_open_date(endpoints: Any, into: Path | None) -> None:  # noqa: ANN401  Endpoints, imported late
    from settlement.cli.operate_log import ControlBook

    book = ControlBook.read_answered(endpoints.kafka)
    if not book.open_date:
        where = f" With --into, for that folder: NOVATE_DATA={into} novate day open DATE." if into else ""
        raise CommandError(f"{NO_DATE}{where} Nothing of the file was taken.")
    for what, known in (("contract", book.contracts), ("account", book.accounts)):
        if not known:
            say(f"No {what} is known yet, so every trade will be rejected: novate {what} add.")


def _tell(ingested: Any, stopped: Any, *, as_json: bool) -> None:  # noqa: ANN401  imported late
    told = None if stopped is None else {"code": _code(stopped), "message": str(stopped)}
    if as_json:
        print_json({**ingested.document, "stopped": told})
        return
    console().print(ingested.text, markup=False, soft_wrap=True)
    if ingested.rejections:
        rows = [rejection for rejection in ingested.rejections if not rejection["before"]]
        if rows:
            print_rows(rows, COLUMNS, title="Rejected")
    if ingested.waiting_line is not None:
        say(
            f"{ingested.file} line {ingested.waiting_line} has no newline yet and waits: end the line, then ingest the "
            "file again."
        )
    if told is not None:
        say(f"{told['code']}: {told['message']}")


def _code(stopped: Any) -> str:  # noqa: ANN401  a SpoolError, imported late
    from streams.gateway.feeds import SequenceReused

    return "SEQUENCE_REUSED" if isinstance(stopped, SequenceReused) else "SEQUENCE_GAP"
