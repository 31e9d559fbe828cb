"""Final settlement prices as averages: the list of days, missing ones, precision and quote (rule FSP-1)."""

from typing import Any

import pytest

from settlement.domain.calendar import Calendar
from settlement.domain.contract import TermsError
from settlement.domain.dates import parse_date
from settlement.domain.final_settlement import FinalSettlement, Print, closing_lag, final_price
from settlement.domain.money import format_decimal
from tests.index.records import nano

pytestmark = pytest.mark.rule("FSP-1")

TERMS: dict[str, Any] = {
    "method": "average", "series": "H100", "days": "calendar", "from": "2026-08-07", "to": "2026-08-10",
    "missing": "error", "precision": 4,
}  # fmt: skip
LISTED = {**TERMS, "days": "listed", "from": None, "to": None}
NO_HOLIDAYS = Calendar()
# Friday, Saturday, Sunday, Monday
FOUR = {"2026-08-07": "2.0001", "2026-08-08": "3", "2026-08-09": "4", "2026-08-10": "2.0002"}


def final(terms: dict[str, Any], fixings: dict[str, str], calendar: Calendar = NO_HOLIDAYS) -> tuple[str | None, Any]:
    """Return the price as text and the days."""
    known = {parse_date(date): Print(value_nano=nano(price), tier="primary") for date, price in fixings.items()}
    found = final_price(FinalSettlement.of(terms), known, calendar)
    assert (found.price_nano is None) == bool(found.reason)
    return None if found.price_nano is None else format_decimal(found.price_nano, 9, least=0), found.days


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "2.7501"),  # 11.0003 / 4 = 2.750075
        ({"days": "business"}, "2.0002"),  # 2.00015, half-up
        ({"days": "business", "precision": 5}, "2.00015"),
        ({"precision": "0"}, "3"),
        ({"quote": "100-average"}, "97.2499"),  # taken after rounding: 100 - 2.7501
        ({"quote": "average"}, "2.7501"),
        ({"days": "business", "quote": "100-average"}, "97.9998"),  # not 97.9999, which rounding 97.99985 would give
        ({"from": "2026-08-08", "to": "2026-08-08"}, "3"),
    ],
)
def test_average(change: dict[str, Any], expected: str) -> None:
    """The average over the days is exact and rounded once, half-up; the quote comes after."""
    assert final({**TERMS, **change}, FOUR)[0] == expected


def test_listed_days() -> None:
    """A list of dates in any order, weekends included, is the list."""
    price, days = final({**LISTED, "list": ["2026-08-09", "2026-08-07"]}, FOUR)
    assert price == "3.0001"  # 3.00005, half-up
    assert [day.date for day in days] == [20260807, 20260809]


def test_business_days_know_the_holidays() -> None:
    """A holiday of the calendar is no business day of the average."""
    terms = {**TERMS, "days": "business"}
    assert final(terms, FOUR, Calendar(holidays=frozenset({20260807})))[0] == "2.0002"
    assert len(final(terms, FOUR, Calendar(holidays=frozenset({20260807})))[1]) == 1


@pytest.mark.parametrize(
    ("missing", "fixings", "expected", "sources"),
    [
        ("error", {"2026-08-07": "2", "2026-08-08": "3", "2026-08-09": "4"}, None, ["missing"]),
        ("skip", {"2026-08-07": "2", "2026-08-08": "3", "2026-08-09": "4"}, "3", ["skipped"]),
        ("carry", {"2026-08-07": "2", "2026-08-08": "3", "2026-08-09": "4"}, "3.25", ["carried"]),
        ("carry", {"2026-08-07": "2", "2026-08-10": "3"}, "2.25", ["carried", "carried"]),  # one value twice
        ("carry", {"2026-08-01": "2"}, "2", ["carried"] * 4),  # from before the first day
        ("carry", {"2026-08-08": "2"}, None, ["missing", "carried", "carried"]),  # nothing before the first
        ("carry", {"2026-08-11": "2"}, None, ["missing"] * 4),
        ("skip", {}, None, ["skipped"] * 4),
        ("error", {}, None, ["missing"] * 4),
    ],
)
def test_missing_days(missing: str, fixings: dict[str, str], expected: str | None, sources: list[str]) -> None:
    """A day without a fixing takes the last one before it, is left out, or leaves no final price."""
    price, days = final({**TERMS, "missing": missing}, fixings)
    assert price == expected
    assert [day.source for day in days if day.source != "primary"] == sources


def test_each_day_names_its_source() -> None:
    """Every day carries its value and the date of the fixing that gave it."""
    terms = {**TERMS, "days": "business", "missing": "carry"}
    _, days = final(terms, {"2026-08-07": "2", "2026-08-09": "4"})
    assert [(day.date, day.value_nano, day.source, day.source_date) for day in days] == [
        (20260807, nano("2"), "primary", 20260807),
        (20260810, nano("4"), "carried", 20260809),  # the last fixing before, though Sunday is not in the list
    ]


def test_the_reason_names_the_days() -> None:
    """Without a price the reason names the series and every missing date."""
    known = {20260807: Print(value_nano=1, tier="primary")}
    found = final_price(FinalSettlement.of(TERMS), known, NO_HOLIDAYS)
    assert "H100" in found.reason
    assert "2026-08-08, 2026-08-09, 2026-08-10" in found.reason


@pytest.mark.parametrize(
    ("document", "expected"), [(None, 2), (TERMS, 2), ({"closing_lag": 0}, 0), ({**TERMS, "closing_lag": "1"}, 1)]
)
def test_closing_lag(document: object, expected: int) -> None:
    """A contract closes so many business days after its last trading day, two where the terms say nothing."""
    assert closing_lag(document) == expected


@pytest.mark.parametrize("document", [0, "", [], {"lag": 1}, {"closing_lag": "soon"}, {"closing_lag": 100}])
def test_no_closing_lag(document: object) -> None:
    """Whatever else stands there is refused with its key."""
    with pytest.raises(TermsError, match="final_settlement"):
        closing_lag(document)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"methd": "average"}, "methd"),
        ({"method": "median"}, "method"),
        ({"method": None}, "method"),
        ({"series": None}, "series"),
        ({"series": 5}, "series"),
        ({"days": "trading"}, "days"),
        ({"days": None}, "days"),
        ({"missing": "zero"}, "missing"),
        ({"missing": None}, "missing"),
        ({"precision": None}, "precision"),
        ({"precision": "10"}, "precision"),
        ({"quote": "100"}, "quote"),
        ({"closing_lag": "-1"}, "closing_lag"),
        ({"closing_lag": "two"}, "closing_lag"),
        ({"from": None}, "from"),
        ({"to": None}, "from"),
        ({"list": ["2026-08-07"]}, "from"),
        ({"from": "2026-08-32"}, "from"),
        ({"to": "2026-08-06"}, "to"),
        ({"to": "2126-08-06"}, "to"),
        ({"days": "listed"}, "list"),
        ({"days": "listed", "list": ["2026-08-07"]}, "list"),
        ({"days": "listed", "from": None, "to": None, "list": []}, "list"),
        ({"days": "listed", "from": None, "to": None, "list": ["2026-08-07", "2026-08-07"]}, "list"),
        ({"days": "listed", "from": None, "to": None, "list": ["7 August"]}, "list"),
    ],
)
def test_terms_that_break_a_rule_are_refused(change: dict[str, object], key: str) -> None:
    """What is unknown, missing or out of form is an error that names its key, what was expected and what came."""
    with pytest.raises(TermsError, match=r"Expected .*, was ") as error:
        FinalSettlement.of({**TERMS, **change})
    assert error.value.key == f"final_settlement.{key}"
