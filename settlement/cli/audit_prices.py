"""The audit's reading of prices and fixings: from `orders`, `market`, `index-ticks` and `index-fixings`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from settlement.cli.explain_final import Explanation
from settlement.cli.explain_log import pieces_of, read_evidence, read_fixings
from settlement.cli.operate_log import ControlBook
from settlement.domain.dates import format_date
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
    report.prices, report.fixings = 0, len(fixings)
    report.differences += [
        *_of_days(bootstrap, book, report), *_of_fixings(bootstrap, fixings), *_of_finals(book, fixings, report)
    ]  # fmt: skip


def _of_days(bootstrap: str, book: ControlBook, report: Report) -> Iterator[Difference]:
    tiers = Tiers()
    with LogReader(bootstrap) as log:
        for partition in range(topics.verify(bootstrap)):
            tiers.take(partition, pieces_of(log, ORDERS, partition))
            yield from tiers.answer_differences(_answers(log, partition))
    for asked in book.of("prices"):
        if asked.accepted and asked.payload["kind"] == "end_of_day":
            report.prices = (report.prices or 0) + len(asked.payload["prices"])
            yield from tiers.claim_differences(asked.control, asked.payload, book.terms)


def _answers(log: LogReader, partition: int) -> Iterator[Json]:
    for value in log.read(MARKET, partition, *log.bounds(MARKET, partition)).values():
        if codec.name_of(value).startswith("tier_prices."):
            yield codec.decode(value)[1]


def _of_fixings(bootstrap: str, fixings: list[Json]) -> Iterator[Difference]:
    for series in sorted({one["series"] for one in fixings}):
        logged = [one for one in fixings if one["series"] == series]
        found = read_evidence(bootstrap, series, {one["stream_seq"] for one in logged})
        for one in logged:
            again = found.get(one["stream_seq"])
            told = again.differences(one) if again else ["Expected none, was a fixing."]
            place = f"index-fixings {series} {format_date(one['date'])} stream_seq {one['stream_seq']}"
            for text in told:
                what, _, both = text.rpartition("Expected ")
                expected, _, was = both.rpartition(", was ")
                yield Difference(f"{place} {what}".rstrip(": "), expected, was.rstrip("."))


def _of_finals(book: ControlBook, fixings: list[Json], report: Report) -> Iterator[Difference]:
    """Yield where a final price that says it is the average of its fixings is not (rule FSP-1)."""
    for name in book.contracts:
        found = Explanation.of(book, fixings, name)
        printed = found.expiry.print
        if printed is None or printed.payload.get("tier") != AVERAGE:
            continue
        report.prices = (report.prices or 0) + 1
        for text in found.differences():
            expected, _, was = text.removeprefix("Expected ").rpartition(", was ")
            yield Difference(f"controls {printed.control_id}, the final price of {name}", expected, was.rstrip("."))
