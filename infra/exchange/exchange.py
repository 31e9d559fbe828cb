"""The simulated exchange: the same seed and dates give the same bytes, on every machine and every time.

    exchange = Exchange(seed=7, first_date=date(2026, 8, 3), days=3)
    exchange.write_session(path, date(2026, 8, 3))

It knows nothing of the clearing house: it lists contracts, matches orders, and reports to a journal that the gateway
reads.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from infra.exchange.gross import GrossPositions
from infra.exchange.journal import WriteResult, append
from infra.exchange.listing import HOLIDAYS, account_payloads, contracts_of, series_payload
from infra.exchange.rental_prices import MODELS, offers_by_date
from infra.exchange.session import Session, SessionPlan, late_trade_id
from infra.exchange.tape import UNDECODABLE, Record, observed

_DARK_EVERY: Final = 3
"""Every third session, from the second on, the far B200 month sees no order."""

_LATE_AFTER: Final = 2
"""So many sessions after an expiring month's last one, a trade of the session before is reported late."""

_TRADES_KEPT: Final = 30
"""So many trades a contract and session are remembered for who corrects them; a session may have 200,000."""

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class _Start:
    """What a session takes over from the one before it."""

    source_seq: int
    gross: dict[str, GrossPositions]


class Exchange:
    """An exchange with a seed and a calendar of sessions.

    dates: the business dates of its sessions, from the first on, Mondays to Fridays.
    history: the dates before them, of the month that expires, whose offers are reported ahead of the first session.
    last_trade: the last session of the contract that expires; None where none does.
    """

    def __init__(
        self,
        seed: int,
        first_date: date,
        days: int,
        trades_per_day: int = 2_000,
        *,
        mischief: int = 0,
        expiring: str | None = None,
    ) -> None:
        """List the exchange's sessions.

        Args:
            seed: chooses everything that is left to chance.
            first_date: the first session's date, a business day within the data.
            days: how many business days.
            trades_per_day: about how many trades a session has over all contracts, blocks included.
            mischief: how many records a session has that a gateway must reject; `mischief_of` names them.
            expiring: a month such as 2026-07, whose H100 contract expires while later months trade on.

        Raises:
            ValueError: a number is negative, or the real prices do not cover the dates.
        """
        if days < 1 or trades_per_day < 0 or mischief < 0:
            raise ValueError(
                f"Expected days of 1 or more and no negative counts, was {days}, {trades_per_day}, {mischief}"
            )
        self.seed = seed
        self.trades_per_day = trades_per_day
        self.dates: Final = _business_dates(first_date, days)
        self._mischief = mischief
        self._contracts = contracts_of(first_date, expiring)
        snapshots = [date.fromisoformat(day) for day in sorted(offers_by_date())]
        self.history: Final = tuple(day for day in snapshots if f"{day:%Y-%m}" == expiring and day < first_date)
        of_month = [day for day in self.dates if f"{day:%Y-%m}" == expiring]
        self.last_trade: Final = of_month[-1] if of_month else None
        first_seq = 1 + sum(len(offers_by_date()[day.isoformat()]) for day in self.history)
        self._starts: dict[date, _Start] = {self.dates[0]: _Start(first_seq, {})}
        self._bad: dict[date, tuple[tuple[int, str], ...]] = {}
        self._trades: dict[date, dict[str, list[Record]]] = {}

    def listings(self) -> list[dict[str, object]]:
        """Return the terms of every contract, the payloads of `listing` controls."""
        return [contract.terms() for contract in self._contracts]

    def accounts(self) -> list[dict[str, object]]:
        """Return every account, the payloads of `account` controls."""
        return account_payloads()

    def series(self) -> list[dict[str, object]]:
        """Return every index series with its methodology, the payloads of `series` controls."""
        return [series_payload(series) for series in MODELS]

    def calendar(self) -> dict[str, object]:
        """Return the exchange's holidays, the payload of a `calendar` control."""
        return {"holidays": list(HOLIDAYS)}

    def session(self, day: date) -> Iterator[Record]:
        """Yield the feed's records of a date's session.

        A record of type `undecodable` (only with mischief) stands for the bytes under its `hex`; `lines` gives those.
        """
        start = self._start(day)
        gross = {name: positions.overnight() for name, positions in start.gross.items()}
        session = Session(self._plan(day), start.source_seq, gross)
        trades: dict[str, list[Record]] = {}
        for record in session.records():
            if record["type"] == "trade":
                trades.setdefault(str(record["contract"]), []).append(record)
                del trades[str(record["contract"])][_TRADES_KEPT:]
            yield record
        self._bad[day], self._trades[day] = tuple(session.mischief), trades
        if day != self.dates[-1]:
            following = self.dates[self.dates.index(day) + 1]
            self._starts[following] = _Start(session.next_source_seq, gross)

    def lines(self, day: date) -> Iterator[bytes]:
        """Yield the session's lines as they stand in the journal."""
        for record in self.session(day):
            if record["type"] == UNDECODABLE:
                yield bytes.fromhex(str(record["hex"])) + b"\n"
            else:
                yield _line(record)

    def mischief_of(self, day: date) -> tuple[tuple[int, str], ...]:
        """Return a session's bad records as (source_seq, kind), the kinds being those of `mischief.KINDS`."""
        if day not in self._bad:
            _exhaust(self.session(day))
        return self._bad[day]

    def trades_of(self, day: date, contract: str) -> list[Record]:
        """Return the first trades of a contract in a date's session, those refused or made off the book left out."""
        if day not in self._trades:
            _exhaust(self.session(day))
        bad = {seq for seq, _ in self.mischief_of(day)}
        kept = self._trades[day].get(contract, [])
        return [one for one in kept if one["source_seq"] not in bad and one["trade_type"] == "regular"]

    def observed(self, day: date) -> tuple[date, ...]:
        """Return the dates whose offers a date's session reports: those since the session before, and its own."""
        place = self.dates.index(day)
        since = self.dates[place - 1] if place else day - timedelta(days=1)
        return tuple(since + timedelta(days=1 + number) for number in range((day - since).days))

    def late_trade(self, day: date) -> str | None:
        """Return the id of the trade of an earlier date that a date's session reports; None where it reports none."""
        late = self._late(day)
        return None if late is None else late_trade_id(late)

    def write_history(self, path: Path) -> WriteResult:
        """Append what was observed before the first session; as `write_session` does."""
        offers = [offer for day in self.history for offer in offers_by_date()[day.isoformat()]]
        lines = (_line(observed(number, offer)) for number, offer in enumerate(offers, 1))
        return append(path, 1, lines)

    def write_session(self, path: Path, day: date, pace: Callable[[], None] | None = None) -> WriteResult:
        """Append a date's session to the feed's journal, durably.

        What the journal already has of it is compared and kept: after a kill the same call goes on where it stopped,
            with the same bytes.

        Args:
            path: the journal; the sessions before this one must be in it.
            day: the session's date.
            pace: called before each line that is new, to slow the exchange down.

        Raises:
            JournalDiffers: the journal holds something else than this exchange's records up to here.
            JournalBusy: another process is writing the journal.
        """
        return append(path, self._start(day).source_seq, self.lines(day), pace)

    def _start(self, day: date) -> _Start:
        """Return what the session starts from; the sessions before it are played when they were not yet."""
        if day not in self.dates:
            raise ValueError(f"Expected one of the dates {self.dates[0]} to {self.dates[-1]}, was {day}")
        if day not in self._starts:
            for earlier in self.dates[: self.dates.index(day)]:
                if self.dates[self.dates.index(earlier) + 1] not in self._starts:
                    _exhaust(self.session(earlier))
        return self._starts[day]

    def _plan(self, day: date) -> SessionPlan:
        month = f"{day:%Y-%m}"
        dark = {contract.name for contract in self._contracts if contract.month < month}
        if self.dates.index(day) % _DARK_EVERY == 1:
            dark |= {
                contract.name
                for contract in self._contracts
                if not contract.is_near and contract.product.name == "B200"
            }
        return SessionPlan(
            seed=self.seed,
            day=day,
            previous=day - timedelta(days=1),
            contracts=self._contracts,
            trades=self.trades_per_day,
            dark=frozenset(dark),
            mischief=self._mischief,
            late=self._late(day),
            observed=self.observed(day),
        )

    def _late(self, day: date) -> date | None:
        place = self.dates.index(day)
        due = self.last_trade is not None and place == self.dates.index(self.last_trade) + _LATE_AFTER
        return self.dates[place - 1] if due else None


def _business_dates(first: date, days: int) -> tuple[date, ...]:
    snapshots = offers_by_date()
    covered = [date.fromisoformat(day) for day in sorted(snapshots) if _has_day_before(day)]
    business = [day for day in covered if day.weekday() < 5 and day.isoformat() not in HOLIDAYS]
    chosen = tuple(day for day in business if day >= first)[:days]
    if not chosen or chosen[0] != first or len(chosen) < days:
        available = sum(day >= first for day in business)
        raise ValueError(
            f"Expected a business day from {business[0]} to {business[-1]}, which the real prices cover, with {days} "
            f"from it on, was {first} with {available}. Choose an earlier first date or fewer days."
        )
    return chosen


def _has_day_before(day: str) -> bool:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat() in offers_by_date()


def _line(record: Record) -> bytes:
    return _ENCODE(record).encode("ascii") + b"\n"


def _exhaust(records: Iterator[Record]) -> None:
    for _ in records:
        pass
