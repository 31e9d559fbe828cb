"""A hedger's view: the recipes, real fixings, and what holds whatever the prices are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from infra.exchange.rental_prices import offers_by_date
from settlement.cli.main import app
from settlement.domain.dates import format_date, parse_date, parse_instant
from settlement.domain.exclusions import Observation
from settlement.domain.fixing import fixing
from settlement.domain.methodology import Methodology
from settlement.domain.money import parse_decimal
from settlement.domain.products.shipped import shipped_terms
from settlement.hedge.cost import costs
from settlement.hedge.held import fixings_by_series, held_by_books, held_by_file
from settlement.hedge.plan import Plan, parse_plan, read_plan
from settlement.hedge.report import AMOUNTS, answer, differences, sentences
from settlement.ledger.model import MarginLine
from settlement.scenario.errors import UnreadableScenarioError
from settlement.scenario.tree import Items, Mapping, Text

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "docs/recipes").glob("hedge*.yaml"))
PLAN = """
use: [{month: 2026-09, index: H100, quantity: 1000, premium: 0.10}]
contracts: {F: {terms: gpu-hour-cme, month: 2026-09}}
futures: [{contract: F, lots: 1, price: 3.000}]
prices: {F: 3.100}
"""


def told(content: str) -> dict[str, Any]:
    """Return the answer to a hedge file."""
    plan = parse_plan(content, "h.yaml", shipped_terms())
    held = held_by_file(plan)
    return answer(plan, costs(plan, held), held)


def problems(content: str) -> str:
    """Return what is wrong with a hedge file."""
    with pytest.raises(UnreadableScenarioError) as caught:
        told(content)
    return str(caught.value)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_answers_as_expected(path: Path) -> None:
    """Each figure is the one that the file's comment works out by hand; any other is noticed."""
    plan = read_plan(path, shipped_terms())
    held = held_by_file(plan)
    document = answer(plan, costs(plan, held), held)
    assert differences(plan, document) == []
    assert isinstance(plan.expect, Items)
    for place, item in enumerate(plan.expect.items):
        assert isinstance(item, Mapping)
        for at, (key, figure) in enumerate(item.entries):
            entries = [*item.entries]
            assert isinstance(figure, Text)
            entries[at] = key, dataclasses.replace(figure, value=f"{figure.value}9")
            items = [*plan.expect.items]
            items[place] = Mapping(item.line, tuple(entries))
            wrong = dataclasses.replace(plan, expect=Items(plan.expect.line, tuple(items)))
            assert differences(wrong, document), f"{path.name}: {key.value} could be anything"


@pytest.mark.rule("IDX-1")
def test_the_recipes_fixings_are_those_of_the_real_offers() -> None:
    """The shipped methodology over the real offers gives every fixing of the recipe, and the recipe has them all."""
    rule = Methodology.of(json.loads((ROOT / "settlement/domain/methodologies/gpu-rental.json").read_text("utf-8")))
    seen: list[Observation] = []
    made: dict[int, int] = {}
    outliers: frozenset[str] = frozenset()
    for day, offers in sorted(offers_by_date().items()):
        seen += [
            Observation(
                provider=one.provider,
                price_nano=parse_decimal(one.price, 9),
                quantity_nano=1,
                at_us=parse_instant(one.at),
            )
            for one in offers
            if one.series == "H100"
        ]
        at_us = parse_instant(f"{day}T20:00:00Z")
        found = fixing(rule, seen, date=parse_date(day), at_us=at_us, previous=made, outliers=outliers)
        outliers = found.outliers
        if found.value_nano is not None:
            made[parse_date(day)] = found.value_nano
    assert read_plan(ROOT / "docs/recipes/hedge-h100.yaml", shipped_terms()).fixings == {"H100": made}


def test_who_rents_out_has_the_signs_turned() -> None:
    """Sold futures of a data centre that is paid the index: the same figures with the other sign, fees apart."""
    buyer = told(PLAN)["months"][0]
    seller = told(PLAN.replace("quantity: 1000", "quantity: -1000").replace("lots: 1", "lots: -1"))["months"][0]
    for name in ("physical", "futures", "basis", "open"):
        assert parse_decimal(seller[name], 2) == -parse_decimal(buyer[name], 2) != 0 or name == "basis"
    assert (buyer["fees"], seller["fees"]) == ("-0.35", "-0.35")
    # 1000 x 3.20 paid, 730 x 0.10 = 73.00 gained: 3200.00 - 73.00 + 0.35
    assert (buyer["total"], buyer["locked"], buyer["open"]) == ("-3127.35", "-2290.35", "-837.00")


def test_without_futures_all_is_open() -> None:
    """A month without a hedge moves with its index, and says so."""
    content = "use: [{month: 2026-09, index: X, quantity: 10}]\nindex: {X: {2026-09: 2.5}}\n"
    row = told(content)["months"][0]
    assert (row["open"], row["locked"], row["total"], row["hedged_price"]) == ("-25.00", "0.00", "-25.00", None)


def test_futures_without_use_are_a_month_of_their_own() -> None:
    """A future on what is not used is shown, with nothing paid physically."""
    content = PLAN.replace("index: H100", "index: H200") + "index: {H200: {2026-09: 4}}\n"
    used, held = told(content)["months"]
    assert (used["index"], used["hedged"]) == ("H200", "0")
    assert (held["index"], held["quantity"], held["open_quantity"]) == ("H100", "0", "-730")
    assert held["cost_per_unit"] is None


def test_another_index_leaves_its_basis_open() -> None:
    """A contract that settles on one index and hedges another: the distance between them is the basis."""
    content = PLAN.replace("index: H100", "index: OURS") + "indices: {F: OURS}\nindex: {OURS: {2026-09: 3.3}}\n"
    row = told(content)["months"][0]
    assert (row["hedged"], row["basis"]) == ("730", "-146.00")  # 730 x (3.10 - 3.30)


@given(
    st.integers(-5000, 5000).filter(bool), st.integers(-9, 9).filter(bool), st.integers(1, 9999), st.integers(1, 9999),
    st.integers(-999, 9999),
)  # fmt: skip
def test_what_is_locked_moves_with_no_price(quantity: int, lots: int, index: int, price: int, other: int) -> None:
    """Locked, basis, open and rounding sum to the total, and the locked part is the same at every price."""
    content = PLAN.replace("quantity: 1000", f"quantity: {quantity}").replace("lots: 1", f"lots: {lots}")
    rows = [
        told(content.replace("3.100", f"{at / 1000:.3f}") + f"index: {{H100: {{2026-09: {index / 1000:.3f}}}}}\n")[
            "months"
        ][0]
        for at in (price, other)
    ]
    for row in rows:
        cents = {name: parse_decimal(row[name], 2) for name in ("total", "locked", "basis", "open", "rounding")}
        assert cents.pop("total") == sum(cents.values())
        assert abs(cents["rounding"]) <= 2
    assert rows[0]["locked"] == rows[1]["locked"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("quantity: 1000", "quantity: 1000, gpus: 2"), "h.yaml:2: Expected either `quantity` or `gpus` in `use`"),
        (("quantity: 1000, ", ""), "was neither"),
        (("quantity: 1000", "quantity: 0"), "Expected a quantity other than zero"),
        (("quantity: 1000", "quantity: 1e3"), "h.yaml:2: Expected a decimal number such as 2.350 for `quantity`"),
        (("quantity: 1000", "quantity: 9, utilisation: 1"), "`utilisation` only with `gpus`"),
        (("lots: 1", "lots: 0"), "h.yaml:4: Expected lots other than zero"),
        (("contract: F", "contract: G"), "h.yaml:4: Expected a contract of `contracts`, was 'G'"),
        (("prices: {F: 3.100}", ""), "Expected a price of F in `prices`"),
        (("prices: {F: 3.100}", "prices: {F: 3.100, G: 1}"), "h.yaml:5: Expected a contract of `contracts`, was 'G'"),
        (("prices: {F: 3.100}", "prices: {F: auto}"), "h.yaml:5: Expected fixings that make the final price of F"),
        ((", month: 2026-09}}", "}}"), "Expected a `month` in the terms"),
        (("use:", "currency: EUR\nuse:"), "Expected futures in EUR"),
        (("index: H100", "index: B200"), "Expected an index price of B200 in 2026-09, was none"),
        (("use:", "colour: red\nuse:"), "Expected a key of a hedge file, was `colour`"),
        (("gpu-hour-cme", "gpu-hour-cmx"), "Did you mean `gpu-hour-cme`?"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where(change: tuple[str, str], said: str) -> None:
    """Each error gives file, line, what was expected and what was."""
    assert said in problems(PLAN.replace(*change))


def test_a_final_price_needs_fixings_to_the_last_day() -> None:
    """`auto` is no forecast: with carry it would find a price on the first day."""
    content = PLAN.replace("prices: {F: 3.100}", "prices: {F: auto}")
    assert "to the last day" in problems(content + "fixings: {H100: {2026-09-01: 3.0, 2026-09-29: 3.2}}\n")
    row = told(content + "fixings: {H100: {2026-09-01: 3.0, 2026-09-30: 3.3}}\n")
    assert row["futures"][0]["price"] == "3.010"  # 29 days at 3.00, one at 3.30
    assert row["months"][0]["index_price"] == "3.1500"  # of the two fixings there are


def line(account: str, kind: str, date: int, **figures: Any) -> MarginLine:
    """Return a margin line with those figures, the others zero."""
    zero = dict.fromkeys([one.name for one in dataclasses.fields(MarginLine)], 0)
    named: dict[str, Any] = {"account": account, "member": "M", "origin": "HOUSE", "contract": "F", "currency": "USD"}
    fields: dict[str, Any] = {**zero, **named, "kind": kind, "business_date": date, "number": 1, "positions": "NET"}
    return MarginLine(**{**fields, **figures})


def test_the_books_give_lots_cash_and_fees() -> None:
    """Of the plan's accounts: lots of the last end of day, cash of all cycles, corrections too; fees apart."""
    plan = Plan(file="h.yaml", accounts=("A", "B"))
    terms = {
        "F": shipped_terms()["gpu-hour-cme"]("2026-09"),
        "G": {**shipped_terms()["gpu-hour-cme"](None), "contract": "G"},
    }
    day = {"price_nano": 3_000_000_000, "value_minor": 219_000}
    lines = [
        line("A", "end_of_day", 20260901, end=5, tvar_minor=1000, fee_minor=-175, **day),
        line("A", "intraday", 20260902, end=99, imtm_minor=70, price_nano=1, value_minor=1),
        line("A", "correction", 20260902, end=5, adj_minor=-30, price_nano=2, value_minor=2),
        line("A", "end_of_day", 20260902, end=4, smtm_minor=500, imtm_minor=-70, **day),
        line("B", "end_of_day", 20260902, end=-1, tvar_minor=-7, fee_minor=-35, **day),
        line("C", "end_of_day", 20260902, end=7, tvar_minor=9999, **day),
        line("A", "end_of_day", 20260902, contract="G", end=7, tvar_minor=9999, **day),
        line("A", "end_of_day", 20260902, contract="E", currency="EUR", end=7, tvar_minor=9999, **day),
    ]
    [held] = held_by_books(lines, terms, plan)
    assert (held.index, held.month, held.lots, held.cash_minor, held.fees_minor) == ("H100", "2026-09", 3, 1463, -210)
    assert (held.price_nano, held.source) == (3_000_000_000, "market")


def test_an_expired_contract_still_hedged_its_month() -> None:
    """After the final its lots are those that expired, at the final price, a later cash adjustment included."""
    plan = Plan(file="h.yaml", accounts=("A",))
    terms = {"F": shipped_terms()["gpu-hour-cme"]("2026-09")}
    lines = [
        line("A", "end_of_day", 20260930, end=5, price_nano=3_000_000_000, value_minor=219_000),
        line("A", "final", 20261002, expired=5, fmtm_minor=365, price_nano=3_001_000_000, value_minor=219_073),
        line("A", "end_of_day", 20261005, adj_minor=11, price_nano=None, value_minor=None),
    ]
    [held] = held_by_books(lines, terms, plan)
    assert (held.lots, held.price_nano, held.cash_minor, held.source) == (5, 3_001_000_000, 376, "final")


def test_fixings_that_stand() -> None:
    """The last value of a date stands; a stop or an ignored one is none."""
    records = [
        {"series": "X", "date": 20260901, "value_nano": 1, "tier": "primary"},
        {"series": "X", "date": 20260901, "value_nano": 2, "tier": "print"},
        {"series": "X", "date": 20260901, "value_nano": None, "tier": "ignored"},
        {"series": "Y", "date": 20260901, "value_nano": None, "tier": "stop"},
    ]
    assert fixings_by_series(records) == {"X": {20260901: 2}}


def test_the_command(tmp_path: Path) -> None:
    """`novate hedge` prints tables or JSON; 1 when an expectation differs, 2 when the file cannot be read."""
    run = CliRunner().invoke
    shown = run(app, ["hedge", str(RECIPES[0])])
    assert (shown.exit_code, "locked in" in shown.output) == (0, True)
    printed = run(app, ["hedge", str(RECIPES[0]), "--json"])
    assert json.loads(printed.stdout)["totals"]["total"] == "-556631.76"
    file = tmp_path / "h.yaml"
    file.write_text(PLAN + "expect: [{month: 2026-09, total: 1.00}]\n")
    wrong = run(app, ["hedge", str(file)])
    assert (wrong.exit_code, wrong.stderr) == (1, "months[2026-09].total: expected 1.00, was -3127.35 (line 6)\n")
    file.write_text("use: []\n")
    assert run(app, ["hedge", str(file)]).exit_code == 2
    file.write_text(PLAN)
    (tmp_path / "accounts.yaml").write_text(PLAN + "accounts: [A]\n")
    without = run(app, ["hedge", str(tmp_path / "accounts.yaml")])
    assert (without.exit_code, "Add --platform." in without.output) == (2, True)
    refused = run(app, ["hedge", str(file), "--platform"])
    assert (refused.exit_code, "Expected `accounts`" in refused.stderr) == (2, True)


def test_dates_of_the_recipe_are_dates() -> None:
    """Keys that are dates are read as such."""
    assert "Expected a date such as 2026-11-23" in problems(PLAN + "fixings: {H100: {2026-13-01: 3.0}}\n")
    assert format_date(20260901) == "2026-09-01"


def test_the_example_of_the_reference() -> None:
    """The file on docs/reference/hedge.md answers as it says, and the page names every key and figure."""
    page = (ROOT / "docs/reference/hedge.md").read_text("utf-8")
    content = page.split("```yaml\n")[1].split("```")[0]
    plan = parse_plan(content, "hedge.md", shipped_terms())
    held = held_by_file(plan)
    assert plan.expect is not None
    assert differences(plan, answer(plan, costs(plan, held), held)) == []
    with pytest.raises(UnreadableScenarioError) as caught:
        parse_plan("x: 1\n", "x.yaml", shipped_terms())
    keys = str(caught.value).split("Its keys are ")[1].split(".")[0].split(", ")
    assert [key for key in (*keys, *AMOUNTS) if f"`{key}`" not in page] == []


@pytest.mark.parametrize(
    ("quantity", "lots", "said"),
    [
        ("1000", "1", "730 units at 3.0000 USD, -2290.35 locked in; 270 units stay open, and 0.00 of basis"),
        ("730", "1", "no quantity stays open"),
        ("500", "1", "more than is used: 230 units are a bet of their own"),
        ("500", "-1", "-730 units at 3.0000 USD are on the wrong side: 1230 units stay open"),
        ("-730", "-1", "no quantity stays open"),
    ],
)
def test_the_answer_in_words(quantity: str, lots: str, said: str) -> None:
    """One sentence a month: what is locked in, and what stays open."""
    content = PLAN.replace("quantity: 1000", f"quantity: {quantity}").replace("lots: 1", f"lots: {lots}")
    assert said in sentences(told(content))[0]


def test_the_words_for_half_of_it() -> None:
    """Use without futures and futures without use have words of their own."""
    used, held = sentences(told(PLAN.replace("index: H100", "index: H200") + "index: {H200: {2026-09: 4}}\n"))
    assert used == "2026-09 H200: nothing is hedged; 1000 units move with the index, now 4.0000 USD."
    assert "nothing is used: these futures are a bet of their own" in held
