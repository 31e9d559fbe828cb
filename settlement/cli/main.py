"""The command `novate`: every command line of the product starts here."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from settlement.cli import explain, hedge, offline, operate, platform, view
from settlement.cli.errors import told

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
INTERRUPTED: Final = 130


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"novate {version('novate')}\n")
        raise typer.Exit


@app.callback()
def novate(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Clear and cash-settle futures on compute from an event log, and prove it by replay."""


for group in (platform, offline, hedge, operate, view, explain):
    group.register(app)


def main() -> None:
    """Run the command line; what a person can mend is told in a sentence, never as a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was left running.\n")
        sys.exit(INTERRUPTED)
    except Exception as error:
        message = told(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
