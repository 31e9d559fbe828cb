"""`novate demo`: a simulated exchange's business days on the real parts, settled, audited and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from infra.exchange import Exchange
from infra.local.down import down
from infra.local.process import Endpoints
from infra.local.status import read_status
from settlement import config
from settlement.cli import books
from settlement.cli.audit import audit
from settlement.cli.composition import running_platform
from settlement.cli.output import console, table
from settlement.cli.refusals import CommandError
from settlement.cli.waiting import wait_until
from settlement.config import Settings
from settlement.domain.dates import to_number
from settlement.ledger import queries
from settlement.ledger.model import CycleId
from settlement.ledger.session import as_auditor, connect
from streams.gateway.controls import Controls

FEED: Final = "exchange"
FIRST_DATE: Final = date(2026, 8, 3)
MARKER: Final = "demo.json"
DAY_SECONDS: Final = 120  # a day of the largest demo settles in a fraction of it; beyond it something is wrong


def run_demo(*, days: int, trades: int, seed: int) -> int:
    """Run the demo and return its exit code: 0 when the audit passed."""
    settings, screen = config.load(), console()
    _fresh_folder(settings)
    with _progress(screen) as progress:
        step = progress.add_task("Starting", total=None)
        with running_platform(settings, lambda text: progress.update(step, description=text)) as platform:
            _mark(settings, days=days, trades=trades, seed=seed)
            exchange = Exchange(seed, FIRST_DATE, days, trades)
            show = _Steps(progress, step)
            _Days(exchange, settings, platform.endpoints, show).run()
            show("Replaying the log: the audit")
            report = audit(platform.endpoints)
            show("Stopping")
            with connect(platform.endpoints.database) as conn, as_auditor(conn):
                tables = _tables(conn, to_number(exchange.dates[-1]))
    _show(screen, settings, tables, report)
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


class _Days:
    """Drives the business days: what an exchange's operators and its scheduler would do."""

    def __init__(
        self, exchange: Exchange, settings: Settings, endpoints: Endpoints, show: Callable[[str], None]
    ) -> None:
        self._exchange, self._settings, self._endpoints, self._show = exchange, settings, endpoints, show
        self._controls = Controls(endpoints.kafka)
        self._journal: Path = endpoints.data / "feeds" / f"{FEED}.jsonl"

    def run(self) -> None:
        """Run every date."""
        self._show("Listing contracts, opening accounts")
        self._set_up()
        for day in self._exchange.dates:
            self._session(day)

    def _send(self, kind: str, control_id: str, payload: dict[str, Any]) -> None:
        self._controls.append(kind, payload, control_id=control_id, requested_by="demo", reason="demo")

    def _set_up(self) -> None:
        exchange = self._exchange
        self._send("generation", "generation/1", {"partitions": self._settings.partitions})
        self._send("calendar", "calendar/demo", exchange.calendar())
        for listing in exchange.listings():
            self._send("listing", f"listing/{listing['contract']}/1", listing)
        for account in exchange.accounts():
            self._send("account", f"account/{account['account']}", account)
        for series in exchange.series():
            self._send("series", f"series/{series['series']}/1", series)
        self._send("open", "open/first", {"date": exchange.dates[0].isoformat()})

    def _session(self, day: date) -> None:
        text = day.isoformat()
        self._show(f"{text}: trading")
        last = self._exchange.write_session(self._journal, day).last_seq
        self._wait(f"the gateway to take number {last} of the feed", lambda: _taken(self._endpoints.data) > last)
        for series in self._exchange.series():
            self._send(
                "fix",
                f"fix/{series['series']}/{text}",
                {"series": series["series"], "date": text, "at": f"{text}T23:59:59Z"},
            )
        self._show(f"{text}: settling")
        self._send("cut", f"cut/{text}", {"date": text})
        self._wait(
            f"the end of day of {text} to be posted", lambda: self._posted(CycleId(to_number(day), "end_of_day", 1))
        )

    def _posted(self, cycle: CycleId) -> bool:
        with connect(self._endpoints.database) as conn, as_auditor(conn):
            return queries.find_cycle(conn, cycle) is not None

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        wait_until(what, done, DAY_SECONDS, data=self._endpoints.data)


def _taken(data: Path) -> int:
    """Return the next number of the feed that the gateway takes, by its heartbeat."""
    with suppress(FileNotFoundError, json.JSONDecodeError, KeyError):
        beat = json.loads((data / "run" / "gateway.heartbeat").read_text())
        return int(beat["feeds"][FEED]["next_seq"])
    return 0


def _tables(conn: Any, business_date: int) -> list[Any]:  # noqa: ANN401  a connection, and rich tables
    day = f"{business_date // 10000}-{business_date // 100 % 100:02}-{business_date % 100:02}"
    rows, columns = books.by_member(conn, business_date)
    return [
        table(rows, columns, title=f"Variation margin of {day}"),
        table(books.balance(conn), books.BALANCE, title="The ledger"),
    ]


def _show(screen: Console, settings: Settings, tables: list[Any], report: Any) -> None:  # noqa: ANN401
    for shown in tables:
        screen.print(shown)
    screen.print("The audit: the log replayed through the second engine, compared with the ledger", style="bold")
    screen.print("\n".join(report.text()), markup=False, soft_wrap=True)
    screen.print(
        f"\nThe data lies in {settings.data}: the log, the ledger, the statements. Next:\n"
        "  novate margin --date 2026-08-03     every margin line of the first day\n"
        "  novate statement M01 2026-08-03     what a member gets\n"
        "  novate replay                       the audit again\n"
        "  novate up                           run on from here",
        markup=False,
    )
