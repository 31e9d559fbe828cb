"""What the market's tiers say of a date, read from the topic `market`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from settlement.cli.operate_log import ControlBook
from settlement.domain.daily_settlement import choose
from settlement.domain.money import format_price
from settlement.domain.versions import TermsBook
from settlement.wire import codec
from streams import topics
from streams.log import LogReader

ANSWER_SECONDS: Final = 10
LOOK_SECONDS: Final = 0.2
MARKET: Final = "market"
Json = dict[str, Any]


@dataclass(slots=True)
class Market:
    """The answers of every partition to one date's cut.

    records: by contract, the first that came.  missing: partitions that have not answered, or not to the end.
    terms: the contracts' versions, which say until when each is priced.
    """

    day: int
    terms: TermsBook = field(default_factory=TermsBook)
    records: dict[str, Json] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, bootstrap: str, day: int, book: ControlBook) -> Market:
        """Read what there is now; book: whose contracts say when they trade last."""
        market = cls(day, book.terms)
        partitions = topics.verify(bootstrap)
        with LogReader(bootstrap) as log:
            for partition in range(partitions):
                if not market._take(log, partition):
                    market.missing.append(partition)
        return market

    @classmethod
    def await_answers(cls, bootstrap: str, day: int, book: ControlBook) -> Market:
        """Read until every partition has answered, or for some seconds: prices given by hand need no market."""
        until = time.monotonic() + ANSWER_SECONDS
        while (market := cls.read(bootstrap, day, book)).missing and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return market

    def _take(self, log: LogReader, partition: int) -> bool:
        complete = False
        for value in log.read(MARKET, partition, *log.bounds(MARKET, partition)).values():
            name, record = codec.decode(value)
            if name == "tier_prices" and record["business_date"] == self.day:
                complete = complete or record["last"]
                if record["contract"]:
                    self.records.setdefault(record["contract"], record)
        return complete

    def chosen(self) -> dict[str, dict[str, str]]:
        """Return price and tier of each contract, as pricing proposes them: none after its last trading day."""
        return {
            contract: {"price": format_price(price_nano), "tier": tier}
            for contract, (price_nano, tier) in choose(self.records.values()).items()
            if self.terms.trades_on(contract, self.day)
        }

    def rows(self) -> list[Json]:
        """Return a row for each contract: what would be chosen, and what each tier says; None where it says nothing."""
        chosen, rows = self.chosen(), []
        for contract, record in sorted(self.records.items(), key=lambda one: (one[1]["ordinal"], one[0])):
            tiers = {tier["tier"]: _price(tier["price_nano"]) for tier in record["tiers"]}
            named = {tier: tiers.get(tier) for tier in ("vwap", "last-in-quote", "curve")}
            found = chosen.get(contract, {"price": None, "tier": "none"})
            rows.append({"contract": contract, **found, "previous": _price(record["previous_nano"]), **named})
        return rows


def _price(price_nano: int | None) -> str | None:
    return None if price_nano is None else format_price(price_nano)
