"""What the partitions of `market` answered to the cuts, and what is proposed of it. No broker here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from settlement.domain.daily_settlement import choose
from settlement.domain.dates import format_date, parse_date
from settlement.domain.money import format_price
from settlement.domain.versions import TermsBook

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """One partition's records for one cut; the first of each contract counts."""

    records: dict[str, Json] = field(default_factory=dict)
    complete: bool = False


@dataclass(slots=True)
class Answers:
    """Every cut that is not proposed yet.

    partitions: P.  held: dates whose cut leaves the prices to people, until they are priced (rule DSP-1).
    """

    partitions: int
    held: set[int] = field(default_factory=set)
    _cut: set[int] = field(default_factory=set)
    _by_date: dict[int, dict[int, Answer]] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)

    def take(self, record: Json) -> None:
        """Take one record `tier_prices`; a twin changes nothing."""
        date = record["business_date"]
        if date in self._done:
            return
        answer = self._by_date.setdefault(date, {}).setdefault(record["partition"], Answer())
        answer.records.setdefault(record["contract"], record)
        answer.complete = answer.complete or record["last"]

    def cut(self, payload: Json) -> None:
        """Take an accepted cut: its date may be proposed, unless the cut holds it for people."""
        date = parse_date(payload["date"])
        if date not in self._done:
            (self.held if payload.get("hold") else self._cut).add(date)

    def complete(self) -> Iterator[int]:
        """Yield the dates that every partition has answered, the first first."""
        for date in sorted(self._cut & self._by_date.keys()):
            answers = self._by_date[date]
            if len(answers) == self.partitions and all(answer.complete for answer in answers.values()):
                yield date

    def waiting(self) -> dict[int, list[int]]:
        """Return, by date, the partitions that have not answered yet."""
        return {
            date: [p for p in range(self.partitions) if p not in answers or not answers[p].complete]
            for date, answers in sorted(self._by_date.items())
        }

    def proposal(self, date: int, terms: TermsBook) -> Json:
        """Return the payload of the control `prices` for a date: what the first tier that has a price says.

        A contract that no tier prices is left out, and so is one after its last trading day by the terms of the date,
        which settles at its prior price.
        """
        records = [record for answer in self._by_date[date].values() for record in answer.records.values()]
        prices = {
            contract: {"price": format_price(price_nano), "tier": tier}
            for contract, (price_nano, tier) in choose(records).items()
            if terms.trades_on(contract, date)
        }
        return {"date": format_date(date), "kind": "end_of_day", "prices": prices}

    def done(self, date: int) -> None:
        """Forget a date that is proposed, or priced."""
        self._done.add(date)
        self._cut.discard(date)
        self.held.discard(date)
        self._by_date.pop(date, None)


def proposal_id(date: int) -> str:
    """Return the id of a date's proposal; who must give prices by hand takes the next number (`Controls.unused_id`)."""
    return f"prices/{format_date(date)}/end_of_day/1"
