"""How the commands print: a table for people, `--json` and `--csv` for programs; nothing else writes to the screen."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_WIDTH: Final = 140  # of a table that goes to a file or a pipe, where there is no terminal to ask
Row = Mapping[str, Any]


def console(*, stderr: bool = False) -> Console:
    """Return the console of this run; wide when nobody watches."""
    screen = Console(highlight=False, stderr=stderr)
    return screen if screen.is_terminal else Console(highlight=False, stderr=stderr, width=_WIDTH)


def say(text: str) -> None:
    """Say one line of progress, on standard error: standard output carries results."""
    console(stderr=True).print(text, markup=False, soft_wrap=True)


def print_json(document: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def print_rows(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    title: str,
    as_json: bool = False,
    as_csv: bool = False,
    aside: Sequence[str] = (),
) -> None:
    """Print rows as a table, as JSON (a list of mappings) or as CSV; numbers stand to the right.

    aside: columns that the table leaves out where they say nothing, zero or empty in every row, and names once where
    all rows say the same.
    """
    if as_json:
        print_json([dict(row) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if row[column] is None else row[column] for column in columns] for row in rows])
    else:
        same = {column: values.pop() for column in aside if len(values := {row[column] for row in rows}) == 1}
        told = [f"{column.replace('_', ' ')} {value}" for column, value in same.items() if not _says_nothing(value)]
        shown = [column for column in columns if column not in same]
        console().print(table(rows, shown, title=", ".join([title, *told])))


def _says_nothing(value: object) -> bool:
    return value is None or not str(value).strip("0.-")


def table(rows: Sequence[Row], columns: Sequence[str], *, title: str) -> Table:
    """Return rows as a table for people."""
    shown = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        numeric = bool(rows) and all(_is_number(row[column]) for row in rows)
        shown.add_column(column.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        shown.add_row(*["" if row[column] is None else str(row[column]) for column in columns])
    return shown


def _is_number(value: object) -> bool:
    return (
        value is None
        or isinstance(value, int)
        or str(value).lstrip("+-").replace(",", "").replace(".", "", 1).isdigit()
    )
