"""What happens at the exchange and at the clearing house in every run: the same feed and the same controls, always.

Where a control stands between the feed's records decides what the log says, so each one waits for its place: the feed
is held while a control is appended, until the gateway has answered it. How long that takes, and who dies meanwhile,
must not show in the books.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from infra.exchange import Exchange
from settlement.cli.demo_events import Event, MonthEnd
from settlement.domain.dates import to_number
from settlement.ledger import queries
from settlement.ledger.model import CycleId, MarginLine
from settlement.ledger.session import as_auditor, connect
from streams.gateway.controls import Accepted, Rejected
from tests.e2e import corrections
from tests.e2e.asking import Asking
from tests.e2e.books import unfinished

FEED: Final = "exchange"
BANK_HOLIDAY: Final = "2026-08-04"  # the exchange trades, the dollar's bank is closed
FIRST_DATE: Final = date(2026, 7, 31)  # July's contract trades for the last time, and settles finally two days later
MONTH: Final = "2026-07"
FINISHED_SECONDS: Final = 60.0
Json = dict[str, Any]
Pause = Callable[[float], None]
"""Called before each line of the feed with the share of all lines that is written; may sleep."""


def at_once(_share: float) -> None:
    """Do not slow the exchange down."""


@dataclass(slots=True)
class Script(Asking):
    """Business days at a house.

    days, trades, seed: of the simulated exchange.  waived: whether a day's refused trades are waived before its cut.
    """

    days: int = 3
    trades: int = 150
    seed: int = 7
    mischief: int = 4
    waived: bool = True
    exchange: Exchange = field(init=False)
    month_end: MonthEnd = field(init=False)
    _averaged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange = Exchange(self.seed, FIRST_DATE, self.days, self.trades, mischief=self.mischief, expiring=MONTH)
        self.month_end = MonthEnd(self.exchange, self.lines_of)

    @property
    def journal(self) -> Path:
        """The feed."""
        return self.house.data / "feeds" / f"{FEED}.jsonl"

    def run(self, pause: Pause = at_once) -> None:
        """Play everything, and wait until it shows in the books."""
        self.set_up()
        for number in range(self.days):
            self.run_day(number, pause)
        self.await_finished()

    # -- the days

    def set_up(self) -> None:
        """List contracts and series, open accounts and the first date."""
        exchange = self.exchange
        self.append("calendar", "calendar/1", exchange.calendar())
        self.append("calendar", "calendar/USD/1", {"currency": "USD", "holidays": [BANK_HOLIDAY]})
        for listing in exchange.listings():
            self.append("listing", f"listing/{listing['contract']}/1", listing)
        for account in exchange.accounts():
            self.append("account", f"account/{account['account']}", account)
        for series in exchange.series():
            self.append("series", f"series/{series['series']}/1", series)
        self.order("open", "open/first", {"date": FIRST_DATE.isoformat()})
        self._await_taken(exchange.write_history(self.journal).last_seq)
        for day in exchange.history:
            self._fix(day, self.append)

    def run_day(self, number: int, pause: Pause = at_once) -> None:
        """Trade and settle one date."""
        day = self.exchange.dates[number]
        if day == self.month_end.closing:
            self.await_accepted(self.month_end.final_id)  # by pricing, and before every other cycle of the date
        for event in (*self.month_end.before_session(day), *corrections.before_session(self.month_end, day)):
            self._ask(event)
        self.trade_day(number, pause)
        for event in (*self.month_end.after_session(day), *corrections.after_session(self.month_end, day)):
            self._ask(event)
        self.settle_day(number)

    def trade_day(self, number: int, pause: Pause = at_once) -> None:
        """Write a date's session into the feed, with what is asked of the clearing house in the middle of it."""
        day = self.exchange.dates[number]
        records = list(self.exchange.session(day))
        middle, written = len(records) * 2 // 3, 0

        def pace() -> None:
            nonlocal written
            if written == middle:
                self._await_taken(int(str(records[written]["source_seq"])) - 1)
                self._midday(number, records[:middle])
            written += 1
            pause((number + written / len(records)) / self.days)

        last = self.exchange.write_session(self.journal, day, pace).last_seq
        self._await_taken(last)

    def settle_day(self, number: int) -> None:
        """Waive what was refused, fix the series, cut, and wait until the end of day is posted."""
        self.close_day(number)
        day = to_number(self.exchange.dates[number])
        self.house.wait(f"the end of day of {day} to be posted", lambda: self.is_posted(CycleId(day, "end_of_day", 1)))

    def close_day(self, number: int) -> None:
        """Waive what was refused, fix the series and cut."""
        day = self.exchange.dates[number]
        if self.waived:
            self.waive(number)
        for observed in self.exchange.observed(day):
            self._fix(observed, self.order)
        if day == self.month_end.closing:
            self._ask(corrections.after_final(self.month_end))
        self.order("cut", f"cut/{day}", {"date": day.isoformat()})

    def _fix(self, day: date, send: Callable[[str, str, Json], object]) -> None:
        for series in self.exchange.series():
            name = series["series"]
            send("fix", f"fix/{name}/{day}", {"series": name, "date": str(day), "at": f"{day}T23:59:59Z"})

    def lines_of(self, day: date) -> list[MarginLine]:
        """Return the margin lines of a date's end of day."""
        found: list[MarginLine] = []

        def read() -> bool:
            with connect(self.house.endpoints.database) as conn, as_auditor(conn):
                found[:] = queries.lines(conn, CycleId(to_number(day), "end_of_day", 1))
            return bool(found)

        self.house.wait(f"the lines of {day}", read)
        return found

    def waive(self, number: int) -> None:
        """Waive a date's refused trades, by two people."""
        for seq, _ in self.exchange.mischief_of(self.exchange.dates[number]):
            what = {"feed": FEED, "source_seq": seq}
            self.order("waive", f"waive/{seq}", what, requested_by="ann", approved_by="bob", reason="a test record")

    def _midday(self, number: int, records: list[Json]) -> None:
        day = self.exchange.dates[number].isoformat()
        trades = [record for record in records if record["type"] == "trade" and record["trade_id"].startswith("T")]
        of_gpus = self._correctable(trades)
        self.order("bust", f"bust/{day}/1", {"trade": of_gpus[3]["trade_id"]})
        taken = {"trade": of_gpus[5]["trade_id"], "side": "buy", "to": {"M24-H": "1"}}
        self.order("give_up", f"give_up/{day}/1", taken)
        if number:
            earlier = self._correctable(self._trades(number - 1))
            self.order("bust", f"bust/{day}/2", {"trade": earlier[8]["trade_id"]})
            at = {"trade": earlier[11]["trade_id"], "price": earlier[12 + _alike(earlier[12:], earlier[11])]["price"]}
            self.order("adjust", f"adjust/{day}/1", at)
        used = [of_gpus[3]["trade_id"], of_gpus[5]["trade_id"]]
        averaged = corrections.average([trade for trade in of_gpus if trade["trade_id"] not in used])
        self.order("average", f"average/{day}/1", averaged)
        if self._averaged:
            self.order("bust", f"bust/{day}/3", {"trade": self._averaged[0]})  # it leaves with its share of the cash
        self._averaged = averaged["trades"]
        last = {trade["contract"]: {"price": trade["price"], "tier": "given"} for trade in trades}
        self.order("prices", f"prices/{day}/intraday/1", {"date": day, "kind": "intraday", "number": 1, "prices": last})

    def _trades(self, number: int) -> list[Json]:
        records: Iterator[Json] = self.exchange.session(self.exchange.dates[number])
        return [record for record in records if record["type"] == "trade" and str(record["trade_id"]).startswith("T")]

    def _correctable(self, trades: list[Json]) -> list[Json]:
        """Return trades of net accounts that the month's end leaves alone."""
        left_alone = self.month_end.trades()
        return [t for t in trades if not t["contract"].startswith("TOKEN") and t["trade_id"] not in left_alone]

    def _ask(self, event: Event) -> None:
        self.order(event.kind, event.control_id, event.payload, halted=False, **event.people)

    # -- waiting

    def _await_taken(self, last: int) -> None:
        self.house.wait(f"the gateway to take number {last} of the feed", lambda: self.next_seq() > last)

    def next_seq(self) -> int:
        """Return the next number of the feed that a gateway takes, by their heartbeats."""
        found = [0]
        for beat in (self.house.data / "run").glob("gateway*.heartbeat"):
            with suppress(FileNotFoundError, ValueError, KeyError):
                found.append(int(json.loads(beat.read_text())["feeds"][FEED]["next_seq"]))
        return max(found)

    def is_posted(self, cycle: CycleId) -> bool:
        """Whether a cycle is in the ledger."""
        with connect(self.house.endpoints.database) as conn, as_auditor(conn):
            return queries.find_cycle(conn, cycle) is not None

    def await_finished(self) -> None:
        """Wait until the outbox is published, the statements are written, and the fixings are there."""
        told: list[str] = []

        def nothing_is_open() -> bool:
            told[:] = unfinished(self.house, self.exchange)
            return not told

        with suppress(AssertionError):  # what is missing then is a difference of the books, which tell it by its place
            self.house.wait("everything to be told", nothing_is_open, FINISHED_SECONDS)
        refused = [f"{name}: {said}" for name, said in self.outcomes.items() if isinstance(said, Rejected)]
        assert all(isinstance(said, Accepted) for said in self.outcomes.values()), refused


def _alike(trades: list[Json], trade: Json) -> int:
    """Return the place of the first trade of the same contract at another price."""
    return next(
        place
        for place, other in enumerate(trades)
        if other["contract"] == trade["contract"] and other["price"] != trade["price"]
    )
