"""How far each expiring contract is, what it waits for, and what its final price is: read from the log (rule FSP-2).

A fold over the answered controls, in their order, and the fixings. Pricing proposes from it and people are shown it, so
both see the same, and nothing depends on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from settlement.domain.calendar import Calendar
from settlement.domain.contract import TermsError
from settlement.domain.dates import DateTextError, format_date, parse_date
from settlement.domain.final_settlement import (
    FinalPrice,
    FinalSettlement,
    FinalState,
    Missing,
    Print,
    closing_lag,
    decided_price,
    standing,
)
from settlement.domain.money import NANO, format_decimal
from settlement.domain.versions import TermsBook

Json: TypeAlias = dict[str, Any]
TIER: Final = "average"
"""Of a final price that follows from the fixings."""
NEVER: Final = 99991231
BY_HAND: Final = "a final price by hand (novate final), since its terms have no average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An accepted `fix` or `fixing`: its place in the controls, who it is, its date, and the date that was open."""

    seq: int
    control_id: str
    date: int
    open_date: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A control `final` that was answered.

    seq: its place in the controls.  answer: the record `outcome`.
    """

    seq: int
    control: Mapping[str, Any]
    payload: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def control_id(self) -> str:
        """Its identity."""
        return str(self.control["control_id"])

    @property
    def status(self) -> str:
        """Provisional or final."""
        return str(self.payload.get("status"))

    @property
    def accepted(self) -> bool:
        """Whether it took effect."""
        return bool(self.answer["accepted"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A print that the log asks for: the id and the payload of its control."""

    control_id: str
    payload: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Where a contract stands.

    last_trade, closing: 0 without a last trading day.  series: of its average, empty without one.  found: what the
    fixings give now, None without an average and once it is closed.  print: what closed it, or the last provisional.
    """

    contract: str
    state: FinalState
    last_trade: int
    closing: int
    series: str
    found: FinalPrice | None
    print: Printed | None
    waits_for: str
    due: Due | None = None


@dataclass(slots=True)
class Finals:
    """Everything about final prices that the log says.

    terms: every version of the contracts' terms.  open_date: 0 before the first.  cut, priced: dates that wait for
    prices, and that have them.
    asked, made: by series, what asked for a fixing, and the fixings by stream_seq: the n-th belongs to the n-th.
    """

    terms: TermsBook = field(default_factory=TermsBook)
    open_date: int = 0
    cut: list[int] = field(default_factory=list)
    priced: set[int] = field(default_factory=set)
    holidays: set[int] = field(default_factory=set)
    asked: dict[str, list[Asked]] = field(default_factory=dict)
    made: dict[str, dict[int, Json]] = field(default_factory=dict)
    prints: dict[str, list[Printed]] = field(default_factory=dict)

    def take(self, seq: int, control: Mapping[str, Any], payload: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Take the next control that is no advance, with its first answer."""
        self.open_date = answer["business_date"]
        self.terms.open(self.open_date)
        if control["kind"] == "final" and not answer["repeated"]:
            printed = Printed(seq=seq, control=control, payload=payload, answer=answer)
            self.prints.setdefault(str(payload.get("contract")), []).append(printed)
        if not answer["accepted"]:
            return
        match control["kind"]:
            case "listing":
                self.terms.take(dict(payload), self.open_date, control["control_id"])
            case "calendar" if payload.get("currency") is None:
                self.holidays |= {parse_date(day) for day in payload["holidays"]}
            case "cut":
                self.cut.append(parse_date(payload["date"]))
            case "prices" if payload["kind"] == "end_of_day":
                day = parse_date(payload["date"])
                self.cut = [one for one in self.cut if one != day]
                self.priced.add(day)
            case "fix" | "fixing":
                asked = Asked(
                    seq=seq, control_id=control["control_id"], date=parse_date(payload["date"]),
                    open_date=answer["business_date"],
                )  # fmt: skip
                self.asked.setdefault(payload["series"], []).append(asked)
            case _:
                pass

    def fixing(self, record: Json) -> None:
        """Take a record `fixing`; a twin changes nothing."""
        self.made.setdefault(record["series"], {}).setdefault(record["stream_seq"], record)

    def terms_of(self, name: str) -> Json:
        """Return the terms of a contract in force: those in force now, or when its final was booked (rule TRM-1)."""
        final = self.final_of(name)
        found = self.terms.of(name).on(NEVER if final is None else final.answer["business_date"])
        if found is None:
            message = f"Expected a contract in force, was {name!r}."
            raise KeyError(message)
        return found.document

    @property
    def calendar(self) -> Calendar:
        """The accepted calendar."""
        return Calendar(frozenset(self.holidays))

    def expiries(self) -> Iterator[Expiry]:
        """Yield every contract that has a last trading day or is closed, in the order of first listing."""
        for name, terms in self.terms.in_force().items():
            if terms.get("last_trade") or self.final_of(name) is not None:
                yield self.expiry(name)

    def expiry(self, name: str) -> Expiry:
        """Return where a listed contract stands."""
        terms = self.terms_of(name)
        last_trade, average = _last_trade(terms), average_of(terms)
        lag = closing_lag(terms.get("final_settlement"))
        closing = self.calendar.add_business_days(last_trade, lag) if last_trade else 0
        final = self.final_of(name)
        found = self.average(name) if average and final is None else None
        provisional = [one for one in self.prints.get(name, []) if one.accepted and one.status == "provisional"]
        shown = Expiry(
            contract=name, state=FinalState.LAST_TRADE, last_trade=last_trade, closing=closing, found=found,
            series=average.series if average else "", print=provisional[-1] if provisional else None, waits_for="",
        )  # fmt: skip
        if final is not None:
            return _closed(shown, final, self.priced)
        if self.open_date <= last_trade or not last_trade:
            return replace(
                shown, waits_for=f"its last trading day {format_date(last_trade)}" if last_trade else BY_HAND
            )
        state = FinalState.PROVISIONAL if provisional else FinalState.AWAITING
        waits_for, due = self._after_last_trade(name, average, found, closing)
        return replace(shown, state=state, waits_for=waits_for, due=due)

    def final_of(self, name: str) -> Printed | None:
        """Return the print that closed a contract: the first final that was accepted."""
        finals = (one for one in self.prints.get(name, []) if one.status == "final" and one.accepted)
        return next(finals, None)

    def average(self, name: str) -> FinalPrice:
        """Return what the fixings give a contract that has an average (rule FSP-1).

        Those that were asked for before the closing day opened count as they stood then; of later ones only what fills
        a hole without which there is no price.
        """
        terms = FinalSettlement.of(self.terms_of(name)["final_settlement"])
        in_time, late = self._by_time(name, terms.series)
        prints = [(one["date"], Print(value_nano=one["value_nano"], tier=one["tier"])) for _, one in late]
        return decided_price(terms, standing((made for _, made in in_time), terms.series), prints, self.calendar)

    def source(self, name: str, series: str, date: int) -> tuple[Asked, Json] | None:
        """Return the fixing of a date that counts for a contract, and what asked for it; None without one."""
        in_time, late = self._by_time(name, series)
        last_first = [*reversed(in_time), *late]
        return next((pair for pair in last_first if pair[1]["date"] == date), None)

    def _by_time(self, name: str, series: str) -> tuple[list[tuple[Asked, Json]], list[tuple[Asked, Json]]]:
        """Return the fixings with a value that were asked for before the closing day opened, and the later ones."""
        valued = [pair for pair in self.pairs(series) if pair[1]["value_nano"] is not None]
        until = self.closes_from(name)
        return [one for one in valued if one[0].open_date < until], [one for one in valued if one[0].open_date >= until]

    def pairs(self, series: str) -> Iterator[tuple[Asked, Json]]:
        """Yield what asked for a fixing with the fixing, in the order of the log, as far as they are made."""
        made = self.made.get(series, {})
        yield from zip(self.asked.get(series, []), [made[seq] for seq in sorted(made)], strict=False)

    def closes_from(self, name: str) -> int:
        """Return the number from which on an open date (yyyymmdd) settles a contract finally.

        The closing day, or what comes after its last trading day and the days of its average, where those are later;
        never without a last trading day.
        """
        terms = self.terms_of(name)
        last_trade, average = _last_trade(terms), average_of(terms)
        if not last_trade:
            return NEVER
        closing = self.calendar.add_business_days(last_trade, closing_lag(terms.get("final_settlement")))
        days = average.dates(self.calendar) if average else ()
        return max(closing, max((last_trade, *days)) + 1)

    def _after_last_trade(
        self, name: str, average: FinalSettlement | None, found: FinalPrice | None, closing: int
    ) -> tuple[str, Due | None]:
        """Return what a contract waits for that trades no more, and the print that is due."""
        if average is None or found is None:
            return BY_HAND, None
        series, asked = average.series, self.asked.get(average.series, [])
        unanswered = asked[len(self.made.get(series, {})) :]
        if unanswered:
            dates = ", ".join(format_date(one.date) for one in unanswered)
            return f"the index worker to make the fixing of {series} for {dates}", None
        is_closing = self.open_date >= self.closes_from(name)
        last_day = max(average.dates(self.calendar), default=0)
        is_there = average.missing is Missing.ERROR or any(one.date >= last_day for one in asked)
        if found.price_nano is None or not (is_there or is_closing):
            return f"the fixing of {series} for {self._missing(average, found)}", None
        price = format_decimal(found.price_nano, NANO, least=0)
        if not is_closing:
            due = self._due(name, "provisional", price)
            return ("" if due else f"its closing day {format_date(closing)}"), due
        if self.cut:
            return f"the end of day of {format_date(self.cut[0])}", None
        due = self._due(name, "final", price)
        return ("" if due else f"a final price by hand (novate final): {self._refusal(name)}"), due

    def _missing(self, average: FinalSettlement, found: FinalPrice) -> str:
        days = [day.date for day in found.days if day.source == "missing"] or [max(average.dates(self.calendar))]
        return ", ".join(format_date(day) for day in days)

    def _due(self, name: str, status: str, price: str) -> Due | None:
        """Return a print, unless the last one of this status that follows from fixings said the same."""
        payload = {
            "contract": name, "date": format_date(self.open_date), "price": price, "status": status, "tier": TIER,
        }  # fmt: skip
        last, compared = self._last(name, status), ("price",) if status == "provisional" else ("price", "date")
        if last is not None and all(last.payload.get(key) == payload[key] for key in compared):
            return None
        taken = {one.control_id for one in self.prints.get(name, [])}
        free = (f"final/{name}/{status}/{number}" for number in range(1, len(taken) + 2))
        return Due(control_id=next(one for one in free if one not in taken), payload=payload)

    def _last(self, name: str, status: str) -> Printed | None:
        prints = [one for one in self.prints.get(name, []) if (one.status, one.payload.get("tier")) == (status, TIER)]
        return prints[-1] if prints else None

    def _refusal(self, name: str) -> str:
        last = self._last(name, "final")
        return f"the proposal was refused, {last.answer['code']}: {last.answer['message']}" if last else ""


def average_of(terms: Mapping[str, Any]) -> FinalSettlement | None:
    """Return the average of a contract's terms; None where its final price is given."""
    try:
        return FinalSettlement.of(terms.get("final_settlement"))
    except TermsError:
        return None


def _last_trade(terms: Mapping[str, Any]) -> int:
    try:
        return parse_date(str(terms.get("last_trade")))
    except DateTextError:
        return 0


def _closed(shown: Expiry, final: Printed, priced: set[int]) -> Expiry:
    booked = final.answer["business_date"]
    if booked in priced:
        return replace(shown, state=FinalState.CLOSED, print=final)
    return replace(shown, state=FinalState.FINAL, print=final, waits_for=f"the end of day of {format_date(booked)}")
