"""`novate explain final` over a log in memory: days, steps, what differs, down to the observations (rule FSP-1)."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.cli.explain_final import Explanation, fixing_document
from settlement.cli.operate_log import Asked, ControlBook
from settlement.domain.dates import parse_date, parse_instant
from settlement.folds.evidence import evidence
from settlement.folds.index import IndexFold
from settlement.wire import codec
from tests.index.records import HOUR_US, Named, decoded, pieces, series, tick, values

pytestmark = pytest.mark.rule("FSP-1")

NAME = "H100-2026-07"
RULE = {"min_providers": 2, "max_age_hours": 24, "outliers": {"deviation": {"exclude": "0.10", "readmit": "0.05"}}}
FINAL = {
    "method": "average", "series": "H100", "days": "calendar", "from": "2026-07-29", "to": "2026-07-31",
    "missing": "carry", "precision": 4,
}  # fmt: skip
TERMS: dict[str, Any] = {
    "contract": NAME, "size": "730", "tick": "0.001", "last_trade": "2026-07-31", "final_settlement": FINAL,
}  # fmt: skip


class Log:
    """Controls with their answers, and the observations and markers of H100."""

    def __init__(self, terms: dict[str, Any] = TERMS) -> None:
        self.book = ControlBook()
        self.ticks: list[Named] = [series(RULE)]
        self.control("listing", terms, "2026-07-29")

    def control(self, kind: str, payload: dict[str, Any], open_date: str, **people: str) -> None:
        """Append an accepted control."""
        seq = len(self.book.asked)
        names = ("requested_by", "approved_by", "reason", "exchange_reference")
        control = {"control_id": f"C{seq}", "kind": kind, **dict.fromkeys(names, ""), **people}
        answer = {"accepted": True, "repeated": False, "business_date": parse_date(open_date)}
        self.book.asked.append(Asked(seq=seq, control=control, payload=payload, answer=answer))

    def fix(self, date: str, *prices: str) -> None:
        """Observe the providers a, b, c ... on a date, and fix it."""
        at_us = parse_instant(f"{date}T20:00:00Z")
        self.ticks += [tick(name, price, at_us - HOUR_US) for name, price in zip("abcd", prices, strict=False)]
        asked = {"series": "H100", "date": parse_date(date), "at_us": at_us, "control_id": f"C{len(self.book.asked)}"}
        self.ticks.append(("fix", asked))
        self.control("fix", {"series": "H100", "date": date}, date)

    def final(self, price: str, **people: str) -> None:
        """Open the closing day, and print the final price."""
        self.control("cut", {"date": "2026-08-03"}, "2026-08-04")
        payload = {"contract": NAME, "date": "2026-08-04", "price": price, "status": "final", "tier": "average"}
        self.control("final", payload, "2026-08-04", **people)

    @property
    def explained(self) -> Explanation:
        """Return the explanation."""
        fixings = decoded(IndexFold(0).apply(pieces(values(self.ticks))))
        return Explanation.of(self.book, [*fixings, *fixings], NAME)


def month(terms: dict[str, Any] = TERMS) -> Log:
    """Return a log with fixings of two of three days, of three and two observations."""
    log = Log(terms)
    log.fix("2026-07-29", "2.00", "2.01", "3.00")
    log.fix("2026-07-31", "2.05", "2.06")
    return log


def test_the_price_is_explained_step_by_step() -> None:
    """Each day with its value, where it came from and what asked for it; sum, average, price, and the print of it."""
    log = month()
    log.final("2.0217", requested_by="pricing")
    document = log.explained.document()
    told = [(one["date"], one["value"], one["source"], one["source_date"], one["control"]) for one in document["days"]]
    assert told == [
        ("2026-07-29", "2.005", "primary", "2026-07-29", "C1"), ("2026-07-30", "2.005", "carried", "2026-07-29", "C1"),
        ("2026-07-31", "2.055", "primary", "2026-07-31", "C2"),
    ]  # fmt: skip
    first = document["days"][0]
    assert (first["observations"], first["included"], first["excluded"]) == (3, 2, 1)
    steps = ("sum", "count", "average", "price", "state", "closing")
    assert [document[name] for name in steps] == ["6.065", 3, "2.0217", "2.0217", "final", "2026-08-04"]
    assert (document["print"]["control"], document["print"]["requested_by"]) == ("C4", "pricing")
    assert document["differences"] == []


def test_a_price_that_is_not_the_average_is_told() -> None:
    """Who asked, what was said, and what the fixings give."""
    log = month()
    log.final("2.03", requested_by="ann", approved_by="bob")
    assert log.explained.document()["differences"] == [
        "Expected 2.0217, the average of the fixings, was 2.03 in the final print C4 (asked by ann, approved by bob)."
    ]


def test_a_price_that_nothing_gives_is_told() -> None:
    """A day that is missing where that is an error leaves a printed price without its reason."""
    log = month({**TERMS, "final_settlement": {**FINAL, "missing": "error"}})
    log.final("2.03", requested_by="ann")
    document = log.explained.document()
    assert (document["price"], [one["source"] for one in document["days"]]) == (None, ["primary", "missing", "primary"])
    assert "was none: Expected a fixing of H100 for every day, was missing: 2026-07-30." in document["differences"][0]


def test_what_came_after_the_final_changes_nothing() -> None:
    """The explanation is of the log as it stood before the print."""
    log = month()
    log.final("2.0217")
    log.fix("2026-07-31", "9.00", "9.00")
    assert log.explained.document()["differences"] == []


def test_quote_and_bounds_are_steps() -> None:
    """The quote is taken after the average was rounded, then cap and floor."""
    terms = {**TERMS, "cap": "97", "final_settlement": {**FINAL, "quote": "100-average"}}
    log = month(terms)
    log.final("97.9783")
    document = log.explained.document()
    assert (document["average"], document["price"], document["terms"]["cap"]) == ("2.0217", "97", "97")
    assert document["differences"] == []


def test_before_there_is_a_price_the_days_so_far_are_told() -> None:
    """What the contract waits for, and no print."""
    log = Log({**TERMS, "final_settlement": {**FINAL, "missing": "error"}})
    log.fix("2026-07-29", "2.00", "2.01")
    document = log.explained.document()
    assert (document["state"], document["waits_for"]) == ("last-trade", "its last trading day 2026-07-31")
    assert (document["price"], document["print"], document["differences"]) == (None, None, [])


def test_a_contract_without_an_average_says_so() -> None:
    """Its price is given, and there is nothing to compute again."""
    log = Log({**TERMS, "final_settlement": None})
    log.final("2.5", requested_by="ann", approved_by="bob")
    document = log.explained.document()
    assert (document["price"], document["days"], document["differences"]) == (None, [], [])
    assert "given by hand" in document["reason"]


@pytest.mark.rule("IDX-1")
def test_a_day_goes_down_to_its_observations() -> None:
    """Provider values and single observations, each with its verdict; a record that differs is told by field."""
    log = month()
    encoded = values(log.ticks)
    (logged, *_) = decoded(IndexFold(0).apply(pieces(encoded)))
    found = evidence(0, [pieces(encoded)], {logged["stream_seq"]})[logged["stream_seq"]]
    document = fixing_document(logged, found)
    assert [tuple(one.values()) for one in document["providers"]] == [
        ("a", "2", 1, "included"), ("b", "2.01", 1, "included"), ("c", "3", 0, "OUTLIER"),
    ]  # fmt: skip
    assert [(one["provider"], one["price"], one["verdict"]) for one in document["seen"]] == [
        ("a", "2", "included"), ("b", "2.01", "included"), ("c", "3", "OUTLIER"),
    ]  # fmt: skip
    assert (document["seen"][0]["at"], document["differences"]) == ("2026-07-29T19:00:00Z", [])
    forged = {**logged, "value_nano": 1}
    assert fixing_document(forged, found)["differences"] == ["value_nano: Expected 2005000000, was 1."]
    first = codec.decode(codec.encode("fixing.v1", {k: v for k, v in logged.items() if k in V1}))[1]
    assert fixing_document(first, found)["differences"] == []


V1 = frozenset(
    ("stream_seq", "partition", "series", "date", "value_nano", "tier", "methodology_version", "methodology_sha256",
     "inputs_sha256", "observations", "included", "excluded")
)  # fmt: skip


@pytest.mark.rule("IDX-1")
def test_single_observations_have_their_own_verdict() -> None:
    """In a pool each observation counts for itself: an outlier is out alone, a thin date as a whole."""
    at_us = parse_instant("2026-07-31T20:00:00Z")
    rule = {"value_per_provider": "each", "pool": {"days": 2, "min_observations": 3, "confident_days": 1},
            "outliers": {"trimmed-stdev": {"trim": "0.10", "stdev": "1"}}}  # fmt: skip
    prices = ("2", "2", "2", "2", "9")
    records = [
        series(rule),
        *[tick("a", price, at_us - HOUR_US) for price in prices],
        tick("a", "3", at_us - 30 * HOUR_US),
    ]
    records.append(("fix", {"series": "H100", "date": 20260731, "at_us": at_us, "control_id": "F"}))
    found = evidence(0, [pieces(values(records))], {len(records) - 1})[len(records) - 1]
    assert [verdict for _, verdict in found.observations()] == ["included"] * 4 + ["OUTLIER", "TOO_FEW"]


@pytest.mark.rule("IDX-1")
def test_the_components_of_a_blend_count_with_their_provider() -> None:
    """What is observed is a component; what counts is the provider that has all of them."""
    at_us = parse_instant("2026-07-31T20:00:00Z")
    records = [series({"blend": {"input": "0.75", "output": "0.25"}})]
    records += [tick(name, "4", at_us - HOUR_US) for name in ("a/input", "a/output", "b/input")]
    records.append(("fix", {"series": "H100", "date": 20260731, "at_us": at_us, "control_id": "F"}))
    found = evidence(0, [pieces(values(records))], {4})[4]
    assert [verdict for _, verdict in found.observations()] == ["included", "included", "INCOMPLETE"]
