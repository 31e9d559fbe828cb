"""`novate settle`: the settlement step in the foreground, and lifting a halt."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(settle)


def settle(
    date: Annotated[
        str | None, typer.Argument(help="Business date, for example 2026-08-03.", metavar="DATE", show_default=False)
    ] = None,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry", help="Lift the halt, so that the settlement process begins anew; then DATE may be left out."
        ),
    ] = False,
    wait_seconds: Annotated[
        int,
        typer.Option(
            "--wait", metavar="SECONDS", min=0, max=3600, help="How long results that are missing are waited for."
        ),
    ] = 30,
    as_json: AsJson = False,
) -> None:
    """Check and post every cycle of a date that is complete, and say of each: posted, or posted before, unchanged.

    Does what the settlement process does by itself: both engines are compared, every invariant is checked, statements
    are written and announced. A breach is printed whole, and nothing of its cycle is posted.

    Exit code 0: every cycle of the date stands in the ledger; 1: a breach, or something is missing.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_settlement import retry_halted, settle_date
    from settlement.domain.dates import parse_date
    from settlement.run.breach import BreachError
    from settlement.run.halt import HaltFile

    if date is None and not retry:
        raise typer.BadParameter("Expected a DATE, or --retry, was neither.")
    day = None if date is None else parse_date(date)
    settings = config.load()
    try:
        with endpoints_of(settings, say) as endpoints:
            if retry:
                told = retry_halted(settings.data.absolute())
                if not as_json or day is None:
                    console().print(told, markup=False, soft_wrap=True)
            settled, missing = ([], "") if day is None else settle_date(endpoints, day, wait_seconds)
            halted = HaltFile.of(settings.data.absolute()).read()
    except BreachError as error:
        _tell_breaches(error.breaches, as_json=as_json)
        raise typer.Exit(1) from error
    if day is None:
        return
    if as_json:
        print_json([_document(one) for one in settled])
    else:
        for one in settled:
            console().print(str(one), markup=False, soft_wrap=True)
    if halted:
        say(f"The settlement process is halted at {halted['cycle']}: novate settle --retry lets it begin anew.")
    if missing:
        say(missing)
        raise typer.Exit(1)


def _document(settled: Any) -> dict[str, Any]:  # noqa: ANN401  a Settled, imported late
    from settlement.ledger.model import Outcome

    outcome = "posted" if settled.outcome is Outcome.POSTED else "unchanged"
    return {"cycle": str(settled.cycle), "outcome": outcome, "lines": settled.lines, "payments": settled.payments}


def _tell_breaches(breaches: Any, *, as_json: bool) -> None:  # noqa: ANN401  Breaches, imported late
    documents = [
        {
            "rule": breach.rule, "contract": breach.contract, "accounts": list(breach.accounts),
            "places": [str(place) for place in breach.stream_seqs], "message": breach.message,
        }
        for breach in breaches
    ]  # fmt: skip
    if as_json:
        print_json({"breaches": documents})
        return
    say("Nothing was posted of a cycle that breaks a rule:")
    for document in documents:
        say(f"{document['rule']}: {document['message']}")
        for key in ("contract", "accounts", "places"):
            value = document[key]
            if value:
                say(f"  {key}: {value if isinstance(value, str) else ', '.join(value)}")
    say(
        "Look at the records named, mend the cause (waive a break, send what is missing, repair the log), then settle "
        "again."
    )
