"""Commands that start, stop and look at the platform: demo, up, down, status."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, print_rows, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(up)
    app.command()(down)
    app.command()(status)


def demo(
    days: Annotated[
        int, typer.Option(min=1, max=30, help="Business days to run, from 2026-07-31 on (earlier with more than 16).")
    ] = 3,
    trades: Annotated[int, typer.Option(min=50, max=200_000, help="Matched trades a day.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Of the simulated exchange: the same seed gives the same days.")] = 7,
) -> None:
    """Run a simulated exchange's days on real parts and real prices, settle each, replay, and print the books.

    Exit code 0: the audit passed; 1: it did not, or a cycle halted.
    """
    from settlement.cli.demo import run_demo

    raise typer.Exit(run_demo(days=days, trades=trades, seed=seed))


def up() -> None:
    """Run the platform until Ctrl-C: broker and database (or yours), gateway, workers, pricing, settlement."""
    from settlement import config
    from settlement.cli.composition import running_platform

    settings = config.load()
    with running_platform(settings, say) as platform:
        console().print(
            f"The platform runs on {settings.data}. In another shell: novate status. Ctrl-C stops it.", markup=False
        )
        platform.run_until_stopped()


def down(
    purge: Annotated[bool, typer.Option("--purge", help="Remove the data folder, log and ledger included.")] = False,
) -> None:
    """Stop the platform of this data folder, and whatever a killed one left."""
    from infra.local.down import down as stop
    from settlement import config

    settings = config.load()
    ran = stop(settings.data, purge_data=purge)
    console().print(
        ("Stopped." if ran else "Nothing ran.") + (f" Removed {settings.data}." if purge else ""), markup=False
    )


def status(as_json: AsJson = False) -> None:
    """Say what runs, how far behind it is, and what halts or is parked. Exit code 1 when a person must look."""
    from dataclasses import asdict

    from infra.local.status import read_status
    from settlement import config
    from settlement.cli import limits
    from settlement.run.halt import HaltFile

    settings = config.load()
    now = read_status(settings.data)
    halted = HaltFile.of(settings.data.absolute()).read()
    over, unknown = limits.running_over_limits(settings) if now.state == "running" else ([], "")
    if as_json:
        told = {"over_limit": [limits.as_json(one) for one in over], "over_limit_unknown": unknown or None}
        print_json({**asdict(now), "alarms": now.alarms, "halt": halted, **told})
    else:
        rows = [_thing(name, thing) for name, thing in now.things.items()]
        print_rows(
            rows, ("name", "state", "pid", "up", "restarts", "lag", "parked"), title=f"{settings.data}: {now.state}"
        )
        for alarm in now.alarms:
            console().print(f"ALARM {alarm}", markup=False)
        limits.tell(over)
        if unknown:
            console().print(f"Positions over their limits are not known: {unknown}", markup=False)
        if halted:
            console().print(f"HALTED at {halted['cycle']}: {halted['message']}\n{halted['what_to_do']}", markup=False)
    raise typer.Exit(1 if halted or now.alarms else 0)


def _thing(name: str, thing: Any) -> dict[str, Any]:  # noqa: ANN401  a ThingStatus; infra is imported late
    lag = sum(max(0, cursor["end"] - cursor["cursor"]) for cursor in thing.cursors.values()) if thing.cursors else None
    return {
        "name": name,
        "state": thing.state,
        "pid": thing.pid,
        "up": f"{int(time.time() - thing.since)} s",
        "restarts": thing.restarts,
        "lag": lag,
        "parked": ", ".join(thing.parked),
    }
