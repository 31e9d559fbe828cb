"""The settlement run as the command drives it: the cycles of one date, with what follows a posting."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Final

from infra.local.process import Endpoints
from infra.local.status import read_status
from settlement.cli.operate_log import ControlBook
from settlement.cli.operate_platform import read_heartbeat
from settlement.cli.refusals import CommandError
from settlement.domain.dates import format_date
from settlement.ledger import queries
from settlement.ledger.outbox import OutboxRelay
from settlement.ledger.session import as_auditor, connect
from settlement.run.collect import FILLS, RESULTS, Collector, LogReader
from settlement.run.halt import HaltFile
from settlement.run.run import Ledger, Settled, SettlementRun
from settlement.statements.publish import Statements

LIFTED_SECONDS: Final = 10
LOOK_SECONDS: Final = 0.2


def settle_date(endpoints: Endpoints, day: int, wait_seconds: int) -> tuple[list[Settled], str]:
    """Settle what is complete; return what became of it, and what is missing of the date, empty when nothing is.

    Told are the date's cycles, and others that were posted on the way.

    Raises:
        BreachError: a cycle must not be posted.
    """
    book = ControlBook.read(endpoints.kafka)
    collector = Collector(LogReader(endpoints.kafka, (FILLS, RESULTS)))
    try:
        run = SettlementRun(collector, _ledger(endpoints), every=_needs_every(endpoints, day))
        settled = run.settle_all()
        until = time.monotonic() + wait_seconds
        while day in book.priced and not _has_end_of_day(settled, day) and time.monotonic() < until:
            settled += run.step()
    finally:
        collector.close()
    shown = [one for one in settled if one.cycle.business_date == day or one.outcome.value == "posted"]
    if _has_end_of_day(settled, day) or (shown and day == book.open_date):  # an open date has intraday cycles alone
        return shown, ""
    return shown, _why_not(book, day, run.waiting)


def _has_end_of_day(settled: list[Settled], day: int) -> bool:
    return any(one.cycle.business_date == day and one.cycle.kind == "end_of_day" for one in settled)


def _needs_every(endpoints: Endpoints, day: int) -> bool:
    """Whether a cycle of the date is posted that is not the last one, so that the run must begin before it."""
    with connect(endpoints.database) as conn, as_auditor(conn):
        posted = [cycle.cycle.business_date for cycle in queries.cycles(conn)]
    return day in posted[:-1]


def _why_not(book: ControlBook, day: int, waiting: str) -> str:
    date = format_date(day)
    if day in book.priced:
        why = waiting or "its end of day does not appear in the log"
        return f"Expected {date} to settle, was not complete: {why}. Do the workers run (novate status)?"
    if day in book.cut:
        refused = book.refused_prices(day)
        return f"Expected prices of {date}, was {refused or 'none'}. Give them: novate price {date} CONTRACT=PRICE."
    if day == book.open_date:
        return f"Expected a date that is cut and has its prices, was {date}, which is open. Cut it: novate day cut."
    opened = f"open is {format_date(book.open_date)}" if book.open_date else "no date is open"
    return f"Expected a business date of this platform, was {date}; {opened}. See novate day show."


def _ledger(endpoints: Endpoints) -> Ledger:
    statements = Statements(endpoints.data / "statements")
    return Ledger(
        connect=partial(connect, endpoints.database), relay=partial(OutboxRelay.of, endpoints.kafka),
        announce=statements.announced, posted=statements.write,
    )  # fmt: skip


def retry_halted(data: Path) -> str:
    """Lift the halt, watch whether the settlement process goes on, and return what to tell.

    Raises:
        CommandError: it halted again.
    """
    halt = HaltFile.of(data)
    before = halt.read()
    if before is None:
        return "Nothing is halted."
    halt.clear()
    if read_status(data).state != "running":
        return f"Lifted the halt at {before['cycle']}: settlement begins anew when the platform runs (novate up)."
    until = time.monotonic() + LIFTED_SECONDS
    while time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        again = halt.read()
        if again is not None:
            raise CommandError("Halted again. " + "\n".join([*again["breaches"], again["what_to_do"]]))
        if read_heartbeat(data, "settlement").get("cursors"):  # it shows none until it is past the cycle
            break
    return f"Lifted the halt at {before['cycle']}: the settlement process goes on."
