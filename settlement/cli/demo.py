"""`novate demo`: a simulated exchange's business days on the real parts, settled, audited and shown."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from infra.exchange import Exchange
from infra.local.down import down
from infra.local.status import read_status
from settlement import config
from settlement.cli import demo_screen
from settlement.cli.audit import audit
from settlement.cli.composition import running_platform
from settlement.cli.demo_days import DAY_SECONDS, Days
from settlement.cli.demo_events import Event
from settlement.cli.output import console
from settlement.cli.refusals import CommandError
from settlement.cli.waiting import wait_until
from settlement.config import Settings
from settlement.ledger.session import as_auditor, connect

MONTH: Final = "2026-07"
LAST_TRADE: Final = date(2026, 7, 31)
DAYS_FROM_LAST_TRADE: Final = 16  # business days from it on that the real prices cover
MARKER: Final = "demo.json"


def run_demo(*, days: int, trades: int, seed: int) -> int:
    """Run the demo and return its exit code: 0 when the audit passed."""
    settings, screen = config.load(), console()
    _fresh_folder(settings)
    exchange = Exchange(seed, first_date(days), days, trades, expiring=MONTH)
    with _progress(screen) as progress:
        step = progress.add_task("Starting", total=None)
        with running_platform(settings, lambda text: progress.update(step, description=text)) as platform:
            _mark(settings, days=days, trades=trades, seed=seed)
            show = _Steps(progress, step)
            run = Days(exchange, platform.endpoints, show)
            run.run()
            show("Replaying the log: the audit")
            report = audit(platform.endpoints)
            _await_statements(settings, run.happened)
            with connect(platform.endpoints.database) as conn, as_auditor(conn):
                shown = demo_screen.tables(conn, exchange, run.happened, settings.data / "statements")
            show("Stopping")
    if missing := run.month_end.left_out():
        shown.insert(1, demo_screen.left_out(missing))
    following = demo_screen.following(exchange.dates[0], run.happened)
    demo_screen.show(screen, settings, shown, report, following)
    return 0 if report.passed else 1


class _Steps:
    """Shows which step runs, with its time."""

    def __init__(self, progress: Progress, task: Any) -> None:  # noqa: ANN401  rich's TaskID
        self._progress, self._task = progress, task

    def __call__(self, text: str) -> None:
        self._progress.update(self._task, description=text)


def _progress(screen: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
    )


def _fresh_folder(settings: Settings) -> None:
    """Begin anew where an earlier demo was; leave every other platform alone."""
    if settings.data.exists() and any(settings.data.iterdir()):
        if not (settings.data / MARKER).is_file():
            raise CommandError(
                f"Expected an empty folder or an earlier demo's in {settings.data}, was another platform's data. "
                "Choose one: NOVATE_DATA=folder."
            )
        if read_status(settings.data).state != "stopped":
            raise CommandError(f"Expected no platform running on {settings.data}, was one. Stop it: novate down.")
        down(settings.data, purge_data=True)


def _mark(settings: Settings, **size: int) -> None:
    (settings.data / MARKER).write_text(json.dumps(size))


def first_date(days: int) -> date:
    """Return the first of so many business days: the month's last trading day, or earlier where the data ends."""
    day = LAST_TRADE
    for _ in range(days - DAYS_FROM_LAST_TRADE):
        day -= timedelta(days=3 if day.weekday() == 0 else 1)
    return day


def _await_statements(settings: Settings, happened: list[tuple[date, Event]]) -> None:
    folders = [settings.data / "statements" / day.isoformat() for day, _ in happened]
    wait_until("the statements to be written", lambda: all(map(Path.is_dir, folders)), DAY_SECONDS, data=settings.data)
