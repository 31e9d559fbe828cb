"""The default methodology on the real rental offers: what docs/reference/methodology.md says it gives (rule IDX-1)."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

from infra.exchange.rental_prices import offers_by_date
from settlement.domain.dates import parse_date, parse_instant
from settlement.domain.methodology import Methodology
from settlement.folds.index import IndexFold
from tests.index.records import Named, decoded, marker, nano, pieces, series, tick, values

pytestmark = pytest.mark.rule("IDX-1")

FIXED_AT = "20:00:00Z"


@cache
def fixings(name: str) -> list[dict[str, Any]]:
    """Return the daily fixings of a series over all snapshots, 20:00 UTC."""
    document = json.loads((files("settlement.domain") / "methodologies" / "gpu-rental.json").read_text("utf-8"))
    log: list[Named] = [series(document, name)]
    for date, offers in sorted(offers_by_date().items()):
        log += [tick(o.provider, o.price, parse_instant(o.at), name) for o in offers if o.series == name]
        log.append(marker(parse_date(date), parse_instant(f"{date}T{FIXED_AT}"), name))
    return decoded(IndexFold(0).apply(pieces(values(log))))


def test_the_shipped_document_is_a_methodology() -> None:
    """The default methodology is read without an error."""
    document = json.loads((files("settlement.domain") / "methodologies" / "gpu-rental.json").read_text("utf-8"))
    assert Methodology.of(document).precision == 4


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "H100",
            {
                20260706: "2.99",
                20260803: "2.99",
                20260804: "2.99",
                20260805: "3.065",
                20260815: "3.27",
                20260822: "3.13",
            },
        ),
        ("H200", {20260706: "4.145", 20260803: "4.39", 20260804: "4.39", 20260805: "4.47", 20260822: "4.47"}),
        ("B200", {20260706: "6.69", 20260803: "6.40", 20260804: "6.11", 20260805: "6.515", 20260822: "6.74"}),
    ],
)
def test_fixings_of_real_offers(name: str, expected: dict[int, str]) -> None:
    """The fixings of the documented dates are the documented ones."""
    made = {one["date"]: one["value_nano"] for one in fixings(name)}
    assert {date: made[date] for date in expected} == {date: nano(price) for date, price in expected.items()}


@pytest.mark.parametrize("name", ["H100", "H200", "B200"])
def test_the_data_is_enough_from_the_second_day_on(name: str) -> None:
    """The first evening has two providers and stops; every later day has a fixing of its own, without a fallback."""
    tiers = [one["tier"] for one in fixings(name)]
    assert tiers == ["stop"] + ["primary"] * 48


@pytest.mark.parametrize(
    ("name", "outliers"),
    [("H100", ["aws", "azure", "coreweave", "gcp"]), ("H200", ["aws", "gcp"]), ("B200", ["gcp"])],
)
def test_list_prices_of_the_largest_clouds_are_outliers(name: str, outliers: list[str]) -> None:
    """Who does not count on 3 August are the list prices far above the rental market, each with its reason."""
    (made,) = [one for one in fixings(name) if one["date"] == 20260803]
    assert [one["provider"] for one in made["excluded"] if one["reason"] == "OUTLIER"] == outliers


def test_nobody_moves_in_and_out() -> None:
    """No provider is ever counted on one day and an outlier on another: nobody's coming and going makes the price."""
    for name in ("H100", "H200", "B200"):
        counted = {provider for one in fixings(name) for provider in one["included"]}
        out = {gone["provider"] for one in fixings(name) for gone in one["excluded"] if gone["reason"] == "OUTLIER"}
        assert counted & out == set()
