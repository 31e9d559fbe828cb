"""Shipped products: every month of every underlying makes a contract that the whole platform takes."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from settlement.domain.calendar import Calendar
from settlement.domain.contract import KEYS, Contract, TermsError
from settlement.domain.daily_settlement import DailySettlement
from settlement.domain.final_settlement import FinalSettlement
from settlement.domain.products.product import Product, month_days
from settlement.domain.products.shipped import PRODUCTS, product, shipped_terms
from settlement.scenario.calc import main_value
from settlement.scenario.errors import UnreadableScenarioError
from settlement.scenario.parse import parse_scenario
from settlement.scenario.run import run_scenario
from settlement.scenario.terms import check

MONTHS = [f"{year}-{month:02}" for year in (2026, 2027, 2028) for month in range(1, 13)]


def written(name: str = "gpu-hour-cme") -> dict[str, Any]:
    """Return a shipped document as it is written."""
    return tomllib.loads((files("settlement.domain") / "products" / f"{name}.toml").read_text("utf-8"), parse_float=str)


def test_every_document_of_the_folder_is_shipped() -> None:
    """What lies in the folder is what can be asked for."""
    folder = files("settlement.domain") / "products"
    assert sorted(one.name for one in folder.iterdir() if one.name.endswith(".toml")) == sorted(
        f"{name}.toml" for name in PRODUCTS
    )


@pytest.mark.parametrize("name", shipped_terms())
def test_every_month_makes_a_contract(name: str) -> None:
    """Each shipped name and month gives terms of the known keys that keep every rule, the final average included."""
    for month in MONTHS:
        document = shipped_terms()[name](month)
        assert set(document) <= KEYS
        check(document)
        contract, final = Contract.of(document), FinalSettlement.of(document["final_settlement"])
        DailySettlement.of(document["daily_settlement"])
        assert contract.last_trade == month_days(month, Calendar())[2]
        assert final.dates(Calendar())[0] // 100 == final.dates(Calendar())[-1] // 100 == int(month.replace("-", ""))
        assert contract.contract.endswith(month)


@pytest.mark.rule("VAL-1")
def test_a_month_has_its_hours_or_730() -> None:
    """The CME style is 730 hours in every month, the ICE style the month's own: 672, 696, 720 or 744."""
    sizes = {
        name: {Contract.of(shipped_terms()[name](month)).size_nano // 10**9 for month in MONTHS}
        for name in ("gpu-hour-cme", "gpu-hour-ice")
    }
    assert sizes == {"gpu-hour-cme": {730}, "gpu-hour-ice": {672, 696, 720, 744}}


def test_a_product_of_several_names_each() -> None:
    """H100, H200 and B200 have contracts of their own, on their own series; the product's name is the first."""
    shipped = shipped_terms()
    for name in ("H100", "H200", "B200"):
        assert shipped[f"gpu-hour-cme-{name.lower()}"]("2026-09")["final_settlement"]["series"] == name
    assert shipped["gpu-hour-ice"]("2026-09") == shipped["gpu-hour-ice-h100"]("2026-09")
    assert shipped["gpu-hour-ice-b200"]("2026-09")["final_settlement"]["series"] == "OCPI-B200"


def test_the_last_trading_day_knows_the_holidays() -> None:
    """The last business day of a month is before a holiday at its end."""
    assert month_days("2026-08", Calendar()) == (20260801, 20260831, 20260831)
    holidays = Calendar(frozenset((20260831,)))
    assert product("gpu-hour-cme").terms("H200", "2026-08", holidays)["last_trade"] == "2026-08-28"


def test_without_a_month_there_is_no_end() -> None:
    """Terms of no month have neither a last trading day nor days of an average, and keep the closing lag."""
    document = shipped_terms()["gpu-hour-cme"](None)
    assert (document["contract"], document["final_settlement"]) == ("H100-CME", {"closing_lag": 2})
    assert Contract.of(document).last_trade is None


def test_notes_say_what_is_public_and_what_is_assumed() -> None:
    """Each document tells its reader what is known of a real contract and what is ours."""
    for name in PRODUCTS:
        assert all(product(name).document["notes"][kind] for kind in ("public", "assumed"))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"colour": "red"}, "product.colour"),
        ({"tick": None}, "tick"),
        ({"tick": "0"}, "tick"),
        ({"positions": "both"}, "positions"),
        ({"last_trade": "2026-09-30"}, "last_trade"),
        ({"underlyings": []}, "underlyings"),
        ({"notes": {"public": ["x"]}}, "notes.assumed"),
        ({"fee": "0.005"}, "fee"),
        ({"daily_settlement": {"tiers": ["guess"]}}, "daily_settlement.tiers"),
        ({"final_settlement": {"method": "average"}}, "final_settlement.series"),
        ({"final_settlement": "average"}, "final_settlement"),
    ],
)
def test_a_document_that_breaks_a_rule_says_where(change: dict[str, Any], key: str) -> None:
    """An unknown key, a value of the wrong form and terms that break a rule name their key."""
    document = {name: value for name, value in {**written(), **change}.items() if value is not None}
    with pytest.raises(TermsError) as caught:
        Product.of(document)
    assert caught.value.key == key


def test_an_underlying_or_month_that_is_none_is_refused() -> None:
    """Terms are of an underlying of the product and of a month of the calendar."""
    for underlying, month, key in (("A100", "2026-09", "underlying"), ("H100", "2026-13", "month")):
        with pytest.raises(TermsError) as caught:
            product("gpu-hour-cme").terms(underlying, month)
        assert caught.value.key == key


def test_a_scenario_takes_them_by_name_and_month() -> None:
    """`terms: NAME` with a month gives size, last trading day and days; keys that the file writes win."""
    keys = "terms: gpu-hour-ice-h200, month: 2027-02, fee: 0.50, final_settlement: {closing_lag: 3}"
    terms = parse_scenario(f"contracts: {{G: {{{keys}}}}}\nevents: []\n", shipped=shipped_terms()).contracts["G"]
    assert (terms["contract"], terms["last_trade"], terms["fee"]) == ("G", "2027-02-26", "0.50")
    final = terms["final_settlement"]
    assert (final["series"], final["from"], final["to"], final["closing_lag"]) == (
        "OCPI-H200",
        "2027-02-01",
        "2027-02-28",
        3,
    )
    assert Contract.of(terms).size_nano == 672 * 10**9


def test_a_scenario_without_the_month_is_told() -> None:
    """A size of the month's hours needs the month, and an unknown name is told the known ones."""
    for terms, said in (("gpu-hour-ice", "Expected a month such as 2027-02"), ("gpu-hour-xxx", "gpu-hour-cme-b200")):
        with pytest.raises(UnreadableScenarioError, match=said):
            parse_scenario(f"contracts: {{G: {{terms: {terms}}}}}\nevents: []\n", shipped=shipped_terms())


@pytest.mark.rule("VAL-1")
def test_the_value_of_a_shipped_lot(capsys: pytest.CaptureFixture[str]) -> None:
    """`novate value` knows the shipped names; the month gives the size."""
    assert main_value("gpu-hour-cme", "2.35") == 0
    assert main_value("gpu-hour-ice", "2.35", month="2027-02") == 0
    assert main_value("gpu-hour-ice", "2.35") == 2
    said = capsys.readouterr()
    assert (
        said.out
        == "V(2.35) of gpu-hour-cme: 1715.50 USD a lot of 730\nV(2.35) of gpu-hour-ice: 1579.20 USD a lot of 672\n"
    )
    assert said.err.startswith("month: Expected a month")


def test_the_reference_names_every_shipped_document_and_key() -> None:
    """docs/reference/products.md has each shipped name and each key, and its example settles as it says."""
    page = (Path(__file__).parents[2] / "docs/reference/products.md").read_text("utf-8")
    for name in PRODUCTS:
        assert f"`{name}`" in page
        assert [key for key in product(name).document if f"`{key}`" not in page] == []
    content = page.split("```yaml\n")[1].split("```")[0]
    result = run_scenario(parse_scenario(content, "products.md", shipped_terms()))
    assert result.scenario.expect is not None
    assert (result.differences, result.disagreements) == ((), ())
