"""Reads accounts from the command line or from a CSV file; errors name file and line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import typer

from settlement.cli.refusals import CommandError
from settlement.domain.account import is_clearing_house

HEADER: Final = ("account", "member", "origin", "positions")
_CHOICES: Final = {"origin": ("house", "client"), "positions": ("net", "gross")}
_NAME_LENGTH_MAX: Final = 128
Payload = dict[str, Any]


class _RowError(ValueError):
    """A row is no account; the text says what was expected and what came."""


def one_account(account: str, member: str, origin: str | None, positions: str | None) -> Payload:
    """Return the payload of one account given by options.

    Raises:
        typer.BadParameter: an option is missing.
        CommandError: a name cannot be one.
    """
    given = {"--member": member, "--origin": origin, "--positions": positions}
    missing = [option for option, value in given.items() if not value]
    if missing:
        raise typer.BadParameter(f"Expected {', '.join(given)} with an account, was without {', '.join(missing)}.")
    try:
        return _account({"account": account, "member": member, "origin": str(origin), "positions": str(positions)})
    except _RowError as error:
        raise CommandError(str(error)) from error


def read_accounts(path: Path) -> tuple[list[Payload], list[str]]:
    """Return the sound accounts of a CSV file, and what is wrong with its other rows, a sentence each.

    Raises:
        CommandError: there is no such file, or it is no CSV with our header.
    """
    header, *rows = _rows(path)
    if tuple(name.strip() for name in header[1]) != HEADER:
        raise CommandError(f"{path}:{header[0]}: Expected the header {','.join(HEADER)}, was {','.join(header[1])!r}.")
    accounts, faults = [], []
    for line, row in rows:
        try:
            if len(row) != len(HEADER):
                raise _RowError(f"Expected {len(HEADER)} columns, was {len(row)}.")
            accounts.append(_account(dict(zip(HEADER, (cell.strip() for cell in row), strict=True))))
        except _RowError as error:
            faults.append(f"{path}:{line}: {error}")
    if not rows:
        raise CommandError(f"{path}: Expected accounts below the header, was none.")
    return accounts, faults


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank, with their lines."""
    if not path.is_file():
        hint = "Name a CSV file, or give --member, --origin and --positions for the account of that name."
        raise CommandError(f"Expected a file of accounts, was no file {path}. {hint}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.reader(source, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path}: Expected CSV in UTF-8, was not: {error}.") from error
    if not rows:
        raise CommandError(f"{path}: Expected the header {','.join(HEADER)}, was an empty file.")
    return rows


def _account(row: dict[str, str]) -> Payload:
    for key in ("account", "member"):
        name = row[key]
        if not name or name != name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH_MAX:
            raise _RowError(
                f"{key}: Expected a name of 1 to {_NAME_LENGTH_MAX} printable characters without blanks around it, "
                f"was {name!r}."
            )
        if is_clearing_house(name):
            raise _RowError(f"{key}: Expected a name that is not the clearing house's own, was {name!r}.")
    for key, choices in _CHOICES.items():
        row[key] = row[key].lower()
        if row[key] not in choices:
            raise _RowError(f"{key}: Expected {' or '.join(choices)}, was {row[key]!r}.")
    return dict(row)
