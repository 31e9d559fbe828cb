"""What was asked of the platform and what became of it, read from `controls` and `outcomes`.

Reference data and the state of the dates follow from the accepted controls alone, so they are known without a gateway.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from settlement.cli.refusals import CommandError
from settlement.domain.dates import format_date, parse_date
from settlement.domain.versions import TermsBook
from settlement.wire import codec
from streams.log import ANSWER_SECONDS as LOG_ANSWER_SECONDS
from streams.log import LogReader

ANSWER_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.2
_CHUNK: Final = 50_000
_ADVANCE: Final = b"advance/"
_ID_AT: Final = slice(5, 16)  # behind the frame: the length of the id, then the id

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One control that is no advance, at its place; answer: the record `outcome`, None while there is none."""

    seq: int
    control: Json
    payload: Json
    answer: Json | None

    @property
    def accepted(self) -> bool:
        """Whether it took effect."""
        return self.answer is not None and bool(self.answer["accepted"])

    @property
    def refused(self) -> bool:
        """Whether it was refused; a twin is neither."""
        return self.answer is not None and not self.answer["accepted"] and not self.answer["repeated"]


@dataclass(slots=True)
class ControlBook:
    """Every control so far.

    terms: every version of every contract.  accounts: by name, in the order of the first.  cut: dates (yyyymmdd) that
    are cut and wait for prices.  priced: dates with an accepted end of day.  open_date: 0 before the first.
    """

    asked: list[Asked] = field(default_factory=list)
    terms: TermsBook = field(default_factory=TermsBook)
    accounts: dict[str, Json] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    priced: list[int] = field(default_factory=list)
    open_date: int = 0

    @classmethod
    def read(cls, bootstrap: str, *, answer_seconds: float = LOG_ANSWER_SECONDS) -> ControlBook:
        """Read both topics to their ends."""
        book = cls()
        with LogReader(bootstrap, answer_seconds=answer_seconds) as log:
            controls = list(_controls(log))
            answers = dict(_answers(log))
        for seq, control in controls:
            book._take(Asked(seq=seq, control=control, payload=_payload(control), answer=answers.get(seq)))
        return book

    @property
    def contracts(self) -> dict[str, Json]:
        """The terms in force by contract, in the order of first listing."""
        return self.terms.in_force()

    @classmethod
    def read_answered(cls, bootstrap: str) -> ControlBook:
        """Read until every control is answered.

        Raises:
            CommandError: the gateway leaves one without an answer.
        """
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            book = cls.read(bootstrap)
            waiting = [asked for asked in book.asked if asked.answer is None]
            if not waiting:
                return book
            if time.monotonic() > until:
                raise CommandError(
                    f"Expected the gateway to answer the control {waiting[0].control['control_id']} within "
                    f"{ANSWER_SECONDS} s, was silent. Does it run (novate status)?"
                )
            time.sleep(LOOK_SECONDS)

    def of(self, kind: str) -> Iterator[Asked]:
        """Yield the controls of a kind."""
        return (asked for asked in self.asked if asked.control["kind"] == kind)

    def refused_prices(self, date: int) -> str:
        """Return why the last end-of-day prices of a date that is cut were refused; empty when none were."""
        of_date = {"date": format_date(date), "kind": "end_of_day"}
        since = max(
            (one.seq for one in self.of("cut") if one.accepted and one.payload["date"] == of_date["date"]), default=0
        )
        told = [
            one
            for one in self.of("prices")
            if one.refused and one.seq > since and of_date.items() <= one.payload.items()
        ]
        answer = told[-1].answer if told else None
        return f"{answer['code']}: {answer['message']}" if answer else ""

    def _take(self, asked: Asked) -> None:
        self.asked.append(asked)
        if asked.answer is not None:
            self.open_date = asked.answer["business_date"]
            self.terms.open(self.open_date)
        if not asked.accepted:
            return
        payload = asked.payload
        match asked.control["kind"]:
            case "listing":
                self.terms.take(payload, self.open_date, asked.control["control_id"])
            case "account":
                self.accounts.setdefault(payload["account"], payload)
            case "cut":
                self.cut.append(parse_date(payload["date"]))
            case "prices" if payload["kind"] == "end_of_day":
                day = parse_date(payload["date"])
                self.cut = [date for date in self.cut if date != day]
                self.priced.append(day)


def _controls(log: LogReader) -> Iterator[tuple[int, Json]]:
    for offset, value in _values(log, "controls"):
        if _ADVANCE in value[_ID_AT]:
            continue  # the many that only release feeds
        try:
            name, record = codec.decode(value)
        except codec.WireError:
            continue  # the gateway refused it: it stands in `rejections`
        if name == "control" and record["kind"] != "advance" and record["control_id"]:
            yield offset, record


def _answers(log: LogReader) -> Iterator[tuple[int, Json]]:
    seen: set[int] = set()
    for _, value in _values(log, "outcomes"):
        name, record = codec.decode(value)
        if name == "outcome" and record["control_seq"] not in seen:  # a later one is a twin
            seen.add(record["control_seq"])
            yield record["control_seq"], record


def _values(log: LogReader, topic: str) -> Iterator[tuple[int, bytes]]:
    low, high = log.bounds(topic, 0)
    for start in range(low, high, _CHUNK):
        yield from log.read(topic, 0, start, min(start + _CHUNK, high)).items()


def _payload(control: Json) -> Json:
    try:
        payload = json.loads(control["payload"], parse_float=str)
    except ValueError:
        return {}  # it was refused as malformed
    return payload if isinstance(payload, dict) else {}
