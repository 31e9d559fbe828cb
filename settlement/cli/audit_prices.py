"""The audit's reading of prices and fixings: from `orders`, `market`, `index-ticks` and `index-fixings`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from settlement.cli.explain_final import Explanation
from settlement.cli.explain_log import TICKS, pieces_of, read_fixings
from settlement.cli.operate_log import Asked, ControlBook
from settlement.domain.dates import format_date
from settlement.folds.evidence import evidence
from settlement.folds.gateway.checks import AVERAGE
from settlement.replay.prices import Tiers
from settlement.replay.report import Difference, Report
from settlement.wire import codec
from streams import topics
from streams.log import LogReader

MARKET: Final = "market"
ORDERS: Final = "orders"
Json = dict[str, Any]


def audit_prices(bootstrap: str, report: Report) -> None:
    """Hold every price's claim against the market, and every fixing against its observations; note what differs."""
    book, fixings = ControlBook.read(bootstrap), read_fixings(bootstrap)
    daily = [asked for asked in book.of("prices") if asked.accepted and asked.payload["kind"] == "end_of_day"]
    finals = [asked.payload for asked in book.of("final") if asked.accepted]
    averaged = dict.fromkeys(final["contract"] for final in finals if final.get("tier") == AVERAGE)
    report.prices = sum(len(asked.payload["prices"]) for asked in daily) + len(averaged)  # the last print of each
    report.fixings = len(fixings)
    with LogReader(bootstrap) as log:
        report.differences += [*_of_days(log, topics.verify(bootstrap), daily, book), *_of_fixings(log, fixings)]
    for name in averaged:
        report.differences += _of_final(Explanation.of(book, fixings, name))


def _of_days(log: LogReader, partitions: int, daily: list[Asked], book: ControlBook) -> Iterator[Difference]:
    tiers = Tiers()
    for partition in range(partitions):
        tiers.take(partition, pieces_of(log, ORDERS, partition))
        yield from tiers.answer_differences(_answers(log, partition))
    for asked in daily:
        yield from tiers.claim_differences(asked.control, asked.payload, book.terms)


def _answers(log: LogReader, partition: int) -> Iterator[Json]:
    for value in log.read(MARKET, partition, *log.bounds(MARKET, partition)).values():
        if codec.name_of(value).startswith("tier_prices."):
            yield codec.decode(value)[1]


def _of_fixings(log: LogReader, fixings: list[Json]) -> Iterator[Difference]:
    for partition in sorted({one["partition"] for one in fixings}):
        logged = [one for one in fixings if one["partition"] == partition]
        found = evidence(partition, pieces_of(log, TICKS, partition), {one["stream_seq"] for one in logged})
        for one in logged:
            again = found.get(one["stream_seq"])
            place = f"index-fixings {one['series']} {format_date(one['date'])} stream_seq {one['stream_seq']}"
            for sentence in again.differences(one) if again else ["Expected none, was a fixing."]:
                yield Difference.told(place, sentence)


def _of_final(found: Explanation) -> Iterator[Difference]:
    """Yield where a final price that says it is the average of its fixings is not (rule FSP-1)."""
    printed = found.expiry.print
    if printed is not None and printed.payload.get("tier") == AVERAGE:  # one by hand may have come after it
        place = f"controls {printed.control_id}, the final price of {found.expiry.contract}"
        for sentence in found.differences():
            yield Difference.told(place, sentence)
