"""What the operators of the demo ask for around the month's end, each at a fixed moment of its date.

The demo's days and the end-to-end tests send the same: everything here follows from the exchange's sessions and from
what the ledger settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from infra.exchange import Exchange
from infra.exchange.session import LATE, LATE_LOTS
from settlement.cli.refusals import CommandError
from settlement.domain.calendar import Calendar
from settlement.domain.final_settlement import FinalSettlement, final_price, standing
from settlement.domain.money import NANO, format_decimal, format_price
from settlement.ledger.model import MarginLine

Json = dict[str, Any]
ASKED_BY: Final = "ann"
APPROVED_BY: Final = "bob"
GIVEN_UP, BUSTED, CORRECTED, TRANSFERRED = "H100-2026-08", "H100-2026-09", "B200-2026-08", "H200-2026-08"
CORRECTION_NANO: Final = 10_000_000  # ten ticks, 0.01 USD an hour
TAKERS: Final = ("M24", "M23", "M22")
"""Members that take what others give: the first that is no party of it."""

LinesOf = Callable[[date], list[MarginLine]]
"""The margin lines of a date's end of day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens at the month's end: a control that people ask for, or a trade that the exchange reports late.

    kind: of the control, and of its fills; `trade` for the late one, which is no control.  what: for the screen.
    members: whom it concerns, none where its cash is a cycle's.  trade_id: of its fills.
    """

    kind: str
    what: str
    control_id: str = ""
    payload: Json = field(default_factory=dict)
    reason: str = ""
    members: tuple[str, ...] = ()
    trade_id: str = ""

    @property
    def people(self) -> dict[str, str]:
        """Who asks and approves, why, and the exchange's reference: the fields of the control beside its payload."""
        reference = f"X-{self.control_id}"
        return {
            "requested_by": ASKED_BY, "approved_by": APPROVED_BY, "reason": self.reason,
            "exchange_reference": reference,
        }  # fmt: skip


class MonthEnd:
    """The events of a run whose exchange has a month that expires: none on other dates, nor without one.

    last_trade, day_after, closing: the last trading day, the business date after it, the closing day; None beyond the
    run.
    """

    def __init__(self, exchange: Exchange, lines_of: LinesOf) -> None:
        self._exchange, self.lines_of = exchange, lines_of
        after = exchange.dates[exchange.dates.index(exchange.last_trade) :] if exchange.last_trade else ()
        self.last_trade = _at(after, 0)
        self.day_after = _at(after, 1)
        self.closing = _at(after, 2)

    def before_session(self, day: date) -> list[Event]:
        """Return what is asked for before a date's session."""
        if self.last_trade is None or day != self.day_after:
            return []
        return [self._correction(self.last_trade), self._transfer(self.last_trade)]

    def after_session(self, day: date) -> list[Event]:
        """Return what is asked for between a date's session and its cut."""
        if day == self.last_trade:
            return [self._give_up(day)]
        return [self._bust(self.last_trade)] if self.last_trade is not None and day == self.day_after else []

    def trades(self) -> frozenset[str]:
        """Return the ids of the trades that the events correct."""
        day = self.last_trade
        if day is None:
            return frozenset()
        return frozenset((self._given_up(day)["trade_id"], self._busted(day)["trade_id"]))

    def left_out(self) -> list[str]:
        """Return what the run is too short for."""
        needed = (
            (self.last_trade, ["the give-up"]),
            (
                self.day_after,
                ["the bust after settlement", "the corrected price", "the position transfer", "the overridden price"],
            ),
            (self.closing, ["the late trade", "the final settlement"]),
        )
        return [what for day, events in needed if day is None for what in events]

    def _given_up(self, day: date) -> Json:
        return self._exchange.trades_of(day, GIVEN_UP)[2]

    def _busted(self, day: date) -> Json:
        return self._exchange.trades_of(day, BUSTED)[1]

    def _give_up(self, day: date) -> Event:
        trade = self._given_up(day)
        giver, taker = _member(trade["buyer"]), _other(trade["buyer"], trade["seller"])
        return Event(
            kind="give_up",
            control_id=f"give_up/{trade['trade_id']}/1",
            payload={"trade": trade["trade_id"], "side": "buy", "to": {f"{taker}-C": str(trade["lots"])}},
            what=f"give-up: {giver} gives the {_lots(trade['lots'])} of {GIVEN_UP} that it bought to {taker}",
            reason="executed for a client of the taker",
            members=(giver, taker),
            trade_id=str(trade["trade_id"]),
        )

    def _bust(self, traded: date) -> Event:
        trade = self._busted(traded)
        buyer, seller = _member(trade["buyer"]), _member(trade["seller"])
        return Event(
            kind="bust",
            control_id=f"bust/{trade['trade_id']}/1",
            payload={"trade": trade["trade_id"]},
            what=f"bust: {buyer}'s {_lots(trade['lots'])} of {BUSTED} from {seller}, settled on {traded}, never were",
            reason="clearly erroneous",
            members=tuple(dict.fromkeys((buyer, seller))),
            trade_id=str(trade["trade_id"]),
        )

    def _correction(self, day: date) -> Event:
        known_nano = next(line.price_nano or 0 for line in self.lines_of(day) if line.contract == CORRECTED)
        known, price = format_price(known_nano), format_price(known_nano + CORRECTION_NANO)
        return Event(
            kind="correct_settlement",
            control_id=f"correct_settlement/{CORRECTED}/{day}/1",
            payload={"date": day.isoformat(), "contract": CORRECTED, "price": price},
            what=f"corrected price: {CORRECTED} of {day} was {price}, not {known}",
            reason="the exchange published a corrected settlement price",
        )

    def _transfer(self, day: date) -> Event:
        lines = [one for one in self.lines_of(day) if one.contract == TRANSFERRED and one.positions == "NET"]
        held = max(lines, key=lambda line: (abs(line.end), line.account))
        lots, taker = max(1, abs(held.end) // 2), _other(held.account)
        control_id = f"transfer/{TRANSFERRED}/{held.account}/1"
        side = "long" if held.end > 0 else "short"
        return Event(
            kind="transfer",
            control_id=control_id,
            payload={"contract": TRANSFERRED, "from": held.account, "to": f"{taker}-C", "lots": str(lots)},
            what=f"transfer: {held.member} hands {lots} {side} lots of {TRANSFERRED} to {taker} at the prior price",
            reason="the client moves to another member",
            members=(held.member, taker),
            trade_id=f"TRF-{control_id}",
        )

    def late(self, day: date) -> list[Event]:
        """Return the trade of an earlier date that a date's session reports."""
        trade_id = self._exchange.late_trade(day)
        if trade_id is None:
            return []
        what = f"late trade: {LATE[0]} bought {LATE_LOTS} lots of {GIVEN_UP} from {LATE[1]} on {self.day_after}"
        return [Event(kind="trade", what=what, members=LATE, trade_id=trade_id)]

    @property
    def terms(self) -> Json:
        """The terms of the contract that expires."""
        return next(one for one in self._exchange.listings() if one.get("last_trade"))

    @property
    def final_id(self) -> str:
        """The id of the control by which pricing settles the month finally."""
        return f"final/{self.terms['contract']}/final/1"

    def final(self, fixings: Iterable[Json]) -> Event:
        """Return the final settlement that pricing printed; fixings: the records `fixing`, in the log's order."""
        settlement = FinalSettlement.of(self.terms["final_settlement"])
        found = final_price(settlement, standing(fixings, settlement.series), Calendar())
        if found.price_nano is None:
            raise CommandError(found.reason)
        price, days = (
            format_decimal(found.price_nano, NANO, least=0),
            sum(day.value_nano is not None for day in found.days),
        )
        averaged = f"the average of {days} days ({len(found.days) - days} have no fixing)"
        return Event(kind="final", what=f"final: {self.terms['contract']} settles at {price}, {averaged}")


def _at(days: Sequence[date], place: int) -> date | None:
    return days[place] if place < len(days) else None


def _member(account: object) -> str:
    return str(account).partition("-")[0]


def _other(*accounts: object) -> str:
    parties = {_member(account) for account in accounts}
    return next(member for member in TAKERS if member not in parties)


def _lots(count: object) -> str:
    return "1 lot" if str(count) == "1" else f"{count} lots"
