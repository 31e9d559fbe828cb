"""`novate statement`: what a clearing member got for a date, as it was written when the date was posted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_rows
from settlement.cli.refusals import CommandError

POSITIONS: Final = ("account", "origin", "contract", "lots", "long", "short", "price")
FILLS: Final = (
    "account",
    "contract",
    "trade_id",
    "kind",
    "side",
    "lots",
    "price",
    "value",
    "fee",
    "cres",
    "adj",
    "corrects",
)
LINES: Final = (
    "cycle", "account", "contract", "currency", "start", "bought", "sold", "transferred", "expired", "end", "previous",
    "price", "tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee", "total",
)  # fmt: skip
PAYMENTS: Final = ("cycle", "origin", "currency", "amount", "value_date")
ASIDE: Final = {
    "Positions": ("account", "origin", "long", "short"),
    "Fills": ("account", "cres", "adj", "corrects"),
    "Margin": ("cycle", "account", "currency", "transferred", "expired", "imtm", "fmtm", "cres", "adj"),
    "Payments": (),
}
"""Columns that a table leaves out where they say nothing."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(statement)


def statement(
    member: Annotated[str, typer.Argument(help="The clearing member.", metavar="MEMBER")],
    date: Annotated[str, typer.Argument(help="Business date, for example 2026-08-03.", metavar="DATE")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all kinds of row in one table.")] = False,
) -> None:
    """Print a member's statement of a date: positions, every fill, margin lines, payments; + receives, - pays.

    --json and --csv print the bytes of the file that was written when the date was posted, and announced with their
    hash. Needs no running platform.

    Exit code 1: the date is not posted here, or the member is not known.
    """
    from settlement import config
    from settlement.domain.dates import format_date, parse_date

    if as_json and as_csv:
        raise typer.BadParameter("Expected --json or --csv, was both.")
    folder = config.load().data / "statements" / format_date(parse_date(date))
    content = _file(folder, member, "csv" if as_csv else "json").read_bytes()
    if as_json or as_csv:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    _show(json.loads(content))


def _file(folder: Path, member: str, ending: str) -> Path:
    from urllib.parse import unquote

    from settlement.scenario.readers import suggestion
    from settlement.statements.statement import file_stem

    file = folder / f"{file_stem(member)}.{ending}"
    if file.is_file():
        return file
    members = sorted(unquote(one.stem) for one in folder.glob(f"*.{ending}"))
    if not members:
        raise CommandError(
            f"Expected statements of {folder.name}, was none in {folder.parent}: they are written when it is posted. "
            f"See novate day show; post it: novate settle {folder.name}."
        )
    hint = suggestion(member, members) or f"It has {', '.join(members[:20])}{', ...' if len(members) > 20 else '.'}"
    raise CommandError(f"Expected a member with a statement of {folder.name}, was {member!r}. {hint}")


def _show(document: dict[str, Any]) -> None:
    console().print(f"Statement of {document['member']} for {document['date']}", markup=False)
    lines = [{**line, **line["amounts"]} for line in document["lines"]]
    for title, rows, columns in (
        ("Positions", document["positions"], POSITIONS),
        ("Fills", document["fills"], FILLS),
        ("Margin", lines, LINES),
        ("Payments", document["payments"], PAYMENTS),
    ):
        if rows:
            print_rows(rows, columns, title=title, aside=ASIDE[title])
        else:
            console().print(f"{title}: none", markup=False)
