"""Commands that need no platform: calc, value, doctor, config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from settlement.cli.output import print_rows

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(calc)
    app.command()(value)
    app.command()(doctor)
    config = typer.Typer(no_args_is_help=True, help="The settings and where they come from.")
    config.command("show")(config_show)
    app.add_typer(config, name="config")


def calc(
    file: Annotated[Path, typer.Argument(help="A scenario file (docs/reference/scenarios.md).")],
    as_json: AsJson = False,
) -> None:
    """Settle a scenario file offline, with the production folds and the second engine.

    Exit code 0: as expected; 1: an expectation differs or the engines disagree; 2: the file cannot be read.
    """
    from settlement.scenario.calc import main_calc

    raise typer.Exit(main_calc(file, as_json=as_json))


def value(
    contract: Annotated[
        str, typer.Argument(help="A contract of the scenario file, or a shipped terms document such as gpu-hour-cme.")
    ],
    price: Annotated[str, typer.Argument(help="A price, for example 2.350.")],
    file: Annotated[Path | None, typer.Option("--file", help="The scenario file that has the contract.")] = None,
    month: Annotated[str | None, typer.Option("--month", help="The month of a shipped document: 2026-09.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the money value of one lot at a price (rule VAL-1)."""
    from settlement.scenario.calc import main_value

    raise typer.Exit(main_value(contract, price, path=file, month=month, as_json=as_json))


def doctor(as_json: AsJson = False) -> None:
    """Say what was found on this machine, what is chosen, and why."""
    from infra.local.doctor import findings

    found = findings()
    columns = ("name", "found", "chosen", "why", "ok", "advice")
    rows = [{column: getattr(finding, column) for column in columns} for finding in found]
    if not as_json:
        rows = [{**row, "ok": "yes" if row["ok"] else "NO"} for row in rows]
    print_rows(rows, columns, title="novate doctor", as_json=as_json)
    raise typer.Exit(0 if all(finding.ok for finding in found) else 1)


def config_show(as_json: AsJson = False) -> None:
    """Print every setting with its value and where that came from; secrets are masked."""
    from settlement.config import sources

    rows = [{"name": source.name, "value": source.value, "source": source.source} for source in sources()]
    print_rows(rows, ("name", "value", "source"), title="novate config show", as_json=as_json)
