"""Fixings of index series: asked for, printed by their administrator, and shown (rule IDX-1)."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_command import Asked
from settlement.cli.output import print_rows, say

Series = Annotated[str, typer.Argument(help="The series' name.", metavar="SERIES")]
Date = Annotated[str, typer.Argument(help="The date of the fixing, for example 2026-08-03.", metavar="DATE")]
AS_LOGGED: Final = ("tier", "methodology_version", "observations", "inputs_sha256")
COLUMNS: Final = ("date", "value", "included", "excluded", *AS_LOGGED)


def fix(
    series: Series,
    date: Date,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="INSTANT", show_default=False,
            help="What the ages of observations count from, for example 2026-08-03T16:00:00Z.",
        ),
    ],
) -> Asked:  # fmt: skip
    """Ask for the fixing of a date, from what was observed up to here in the log (rule IDX-1).

    A date that is fixed again is restated where the methodology's rule says so; otherwise that is recorded and ignored.
    """
    payload = {"series": series, "date": date, "at": at}
    return Asked("fix", payload, (series, date), f"fixing of {series} for {date}", newest_by=("series", "date"))


def print_fixing(
    series: Series, date: Date, value: Annotated[str, typer.Argument(help="The value, as a decimal.", metavar="VALUE")]
) -> Asked:
    """Record the value that a series' administrator printed for a date (rule IDX-1)."""
    payload = {"series": series, "date": date, "value": value}
    return Asked("fixing", payload, (series, date), f"print of {series} for {date}", newest_by=("series", "date"))


def fixings(series: Series, as_json: AsJson = False) -> None:
    """Print every fixing of a series in the order of the log, with its tier, what counted and what did not.

    Where a fixing comes from, observation by observation: novate explain final CONTRACT --observations.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.explain_final import figure
    from settlement.cli.explain_log import read_fixings
    from settlement.domain.dates import format_date

    with endpoints_of(config.load(), say) as endpoints:
        found = read_fixings(endpoints.kafka)
    rows = [
        {
            "date": format_date(one["date"]),
            "value": figure(one["value_nano"]),
            "included": len(one["included"]),
            "excluded": ", ".join(f"{out['provider']} {out['reason']}" for out in one["excluded"]),
            **{name: one[name] for name in AS_LOGGED},
        }
        for one in {one["stream_seq"]: one for one in found if one["series"] == series}.values()
    ]
    print_rows(rows, COLUMNS, title=f"Fixings of {series}", as_json=as_json, aside=("inputs_sha256",))
