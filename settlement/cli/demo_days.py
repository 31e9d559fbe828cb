"""Drives the demo's business days: what an exchange, its operators and a scheduler would do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

from infra.exchange import Exchange
from infra.local.process import Endpoints
from settlement.cli.demo_events import Event, MonthEnd
from settlement.cli.demo_people import bank_answers, override
from settlement.cli.explain_log import read_fixings
from settlement.cli.operate_log import ControlBook
from settlement.cli.operate_tiers import Market
from settlement.cli.refusals import CommandError
from settlement.cli.waiting import wait_until
from settlement.domain.dates import format_date, to_number
from settlement.ledger import queries
from settlement.ledger.model import CycleId, MarginLine
from settlement.ledger.session import as_auditor, connect
from streams.gateway.controls import Accepted, Controls

FEED: Final = "exchange"
DAY_SECONDS: Final = 120  # a day of the largest demo settles in a fraction of it; beyond it something is wrong


class Days:
    """The days of an exchange on a running platform.

    happened: the month's end so far, each event with the date it was booked on.
    """

    def __init__(self, exchange: Exchange, endpoints: Endpoints, show: Callable[[str], None]) -> None:
        self._exchange, self._endpoints, self._show = exchange, endpoints, show
        self._controls = Controls(endpoints.kafka)
        self._journal: Path = endpoints.data / "feeds" / f"{FEED}.jsonl"
        self.month_end = MonthEnd(exchange, self._lines_of)
        self.happened: list[tuple[date, Event]] = []

    def run(self) -> None:
        """Run every date."""
        self._show("Listing contracts, opening accounts")
        self._set_up()
        self._history()
        for day in self._exchange.dates:
            self._session(day)

    def _send(self, kind: str, control_id: str, payload: dict[str, Any]) -> None:
        self._controls.append(kind, payload, control_id=control_id, requested_by="demo", reason="demo")

    def _ask(self, day: date, event: Event) -> None:
        """Send what people ask for, see that it was accepted, and note it for the screen."""
        self._accepted(event)
        self.happened.append((day, event))

    def _accepted(self, event: Event) -> None:
        offset = self._controls.append(event.kind, event.payload, control_id=event.control_id, **event.people)
        answer = self._controls.outcome(event.control_id, offset, timeout=DAY_SECONDS)
        if not isinstance(answer, Accepted):
            raise CommandError(f"Expected the {event.kind} {event.control_id} to be accepted, was {answer}.")

    def _set_up(self) -> None:
        exchange = self._exchange
        self._send("calendar", "calendar/demo", exchange.calendar())
        for listing in exchange.listings():
            self._send("listing", f"listing/{listing['contract']}/1", listing)
        for account in exchange.accounts():
            self._send("account", f"account/{account['account']}", account)
        for series in exchange.series():
            self._send("series", f"series/{series['series']}/1", series)
        self._send("open", "open/first", {"date": exchange.dates[0].isoformat()})

    def _history(self) -> None:
        """Report the month's observations before the first session, and fix each of its dates.

        All are reported at once: a fixing leaves out what was observed after its instant.
        """
        if self._exchange.history:
            self._show(f"{self._exchange.history[0]} to {self._exchange.history[-1]}: the index of the month that ends")
            self._await_taken(self._exchange.write_history(self._journal).last_seq)
            for day in self._exchange.history:
                self._fix(day)

    def _session(self, day: date) -> None:
        self._show(f"{day}: trading")
        for event in self.month_end.before_session(day):
            self._ask(day, event)
        self._await_taken(self._exchange.write_session(self._journal, day).last_seq)
        self.happened += [(day, event) for event in self.month_end.late(day)]
        for observed in self._exchange.observed(day):
            self._fix(observed)
        for event in self.month_end.after_session(day):
            self._ask(day, event)
        self._show(f"{day}: settling")
        if day == self.month_end.closing:
            self._final(day)
        self._cut(day)
        cycle = CycleId(to_number(day), "end_of_day", 1)
        self._wait(f"the end of day of {day} to be posted", lambda: self._posted(cycle))
        if day == self.month_end.last_trade:
            self._bank(cycle)

    def _cut(self, day: date) -> None:
        """Close the date; on one of them people look at what the tiers give, and override a price (rule DSP-1)."""
        if day != self.month_end.day_after:
            self._send("cut", f"cut/{day}", {"date": day.isoformat()})
            return
        self._send("cut", f"cut/{day}", {"date": day.isoformat(), "hold": True})
        book = ControlBook.read_answered(self._endpoints.kafka)
        self._ask(day, override(day, Market.await_answers(self._endpoints.kafka, to_number(day), book).chosen()))

    def _bank(self, cycle: CycleId) -> None:
        """Tell what the bank was asked and answered of two payments, and wait until it stands in the books."""
        self._show(f"{format_date(cycle.business_date)}: the bank answers")
        with connect(self._endpoints.database) as conn, as_auditor(conn):
            answers = bank_answers(queries.payments(conn, cycle))
        for answer in answers:
            self._accepted(answer)
        self._wait("the bank's answers to be posted", lambda: self._answered() == len(answers))

    def _answered(self) -> int:
        with connect(self._endpoints.database) as conn, as_auditor(conn):
            return len(queries.bank_answers(conn))

    def _fix(self, day: date) -> None:
        for series in self._exchange.series():
            name, at = str(series["series"]), f"{day}T23:59:59Z"
            self._send("fix", f"fix/{name}/{day}", {"series": name, "date": day.isoformat(), "at": at})

    def _final(self, day: date) -> None:
        """Wait for the month's final price, which pricing prints from the fixings."""
        final_id = self.month_end.final_id
        self._wait("the final price", lambda: isinstance(self._controls.known(final_id), Accepted))
        self.happened.append((day, self.month_end.final(read_fixings(self._endpoints.kafka))))

    def _lines_of(self, day: date) -> list[MarginLine]:
        with connect(self._endpoints.database) as conn, as_auditor(conn):
            return queries.lines(conn, CycleId(to_number(day), "end_of_day", 1))

    def _posted(self, cycle: CycleId) -> bool:
        with connect(self._endpoints.database) as conn, as_auditor(conn):
            return queries.find_cycle(conn, cycle) is not None

    def _await_taken(self, last: int) -> None:
        self._wait(f"the gateway to take number {last} of the feed", lambda: _taken(self._endpoints.data) > last)

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        wait_until(what, done, DAY_SECONDS, data=self._endpoints.data)


def _taken(data: Path) -> int:
    """Return the next number of the feed that the gateway takes, by its heartbeat."""
    with suppress(FileNotFoundError, json.JSONDecodeError, KeyError):
        beat = json.loads((data / "run" / "gateway.heartbeat").read_text())
        return int(beat["feeds"][FEED]["next_seq"])
    return 0
