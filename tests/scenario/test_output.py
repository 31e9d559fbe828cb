"""What `novate calc` and `novate value` print, and with which code they end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from settlement.domain.products.shipped import shipped_terms
from settlement.scenario.calc import main_calc, main_value
from settlement.scenario.compare import expired_sides, lines_by_cycle
from settlement.scenario.parse import parse_scenario, read_scenario
from settlement.scenario.run import Result, run_scenario, settled
from settlement.scenario.show import show
from tests.scenario.files import settle

RECIPES = Path(__file__).parents[2] / "docs/recipes"
FIRST_DAY = RECIPES / "E01-first-day.yaml"
PARTS = ["cycles", "positions", "totals", "fixings", "finals", "rejections", "engines_agree"]


def shown(result: Result) -> str:
    """Return the tables of a result."""
    out = io.StringIO()
    show(result, Console(file=out, width=140))
    return out.getvalue()


def test_the_json_document_is_the_language_s_output(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one document of exactly the language's parts: figures are decimal text, lots integers."""
    assert main_calc(FIRST_DAY, as_json=True) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert list(document) == PARTS
    assert not err
    [cycle] = document["cycles"]
    line = cycle["lines"][0]
    assert {key: line[key] for key in ("account", "contract", "currency", "previous", "price", "total")} == {
        "account": "A",
        "contract": "GPUH",
        "currency": "USD",
        "previous": None,
        "price": "2.362",
        "total": "87.60",
    }
    assert [line[key] for key in ("start", "bought", "sold", "transferred", "end")] == [0, 10, 0, 0, 10]
    assert line["amounts"] == {"TVAR": "87.60"}
    paid = {"member": "A", "origin": "house", "currency": "USD", "amount": "87.60", "value_date": "2026-11-24"}
    assert cycle["payments"][0] == paid
    assert document["positions"] == {"A": {"GPUH": 10}, "B": {"GPUH": -10}}
    assert document["totals"] == {"A": {"USD": "87.60"}, "B": {"USD": "-87.60"}}
    assert document["engines_agree"] is True


def test_a_difference_ends_with_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not as expected is a line: on standard error beside the document, else among the tables."""
    path = tmp_path / "wrong.yaml"
    path.write_text(
        FIRST_DAY.read_text(encoding="utf-8").replace("A: {USD: 87.60}", "A: {USD: 87.70}"), encoding="utf-8"
    )
    assert main_calc(path, as_json=True) == 1
    out, err = capsys.readouterr()
    assert list(json.loads(out)) == PARTS
    assert err.startswith("totals.A.USD: expected 87.70, was 87.60 (line ")
    assert main_calc(path) == 1
    assert "totals.A.USD: expected 87.70, was 87.60" in capsys.readouterr().out


def test_tables_show_who_pays_and_that_it_sums_to_zero() -> None:
    """People see prices, open interest, lines, who pays and who collects, the fee account, and a sum of 0.00."""
    tables = shown(run_scenario(read_scenario(RECIPES / "E33-fees.yaml")))
    for text in (
        "E33: fees",
        "GPUH 2.362 (given)",
        "Open interest: GPUH 10",
        "84.10",
        "91.10",
        "CCP/fees",
        "Both engines agree",
        "As expected",
    ):
        assert text in tables, text
    [total] = [line.split() for line in tables.splitlines() if line.split()[:1] == ["sum"]]
    assert total == ["sum", "USD", "0.00"]


def test_tables_show_refused_events_fixings_and_finals() -> None:
    """What was refused, fixed and finally settled has a table of its own; names are never taken for markup."""
    result = settle(
        """
        trade: {contract: GPUH, buyer: "[red]A", seller: B, lots: 1, price: 2.350}
        trade: {contract: GPUH, buyer: A, seller: B, lots: 0, price: 2.350}
        fixing: {series: S, date: 2026-11-23, value: 2.4}
        final: {contract: GPUH, date: 2026-11-23, price: 2.4, status: final}
        """
    )
    tables = shown(result)
    for text in ("[red]A", "BAD_LOTS", "print", "final", "Refused", "Fixings", "Final settlement"):
        assert text in tables, text


def test_a_disagreement_of_the_engines_ends_with_code_1() -> None:
    """A result whose engines differ is not agreed, says so and ends with 1."""
    result = Result(
        parse_scenario("events: []\n"),
        run_scenario(parse_scenario("events: []\n")).document,
        ("A in G: total is 1, 2",),
    )
    assert result.exit_code == 1
    assert "The engines disagree" in shown(result)
    assert "A in G: total is 1, 2" in shown(result)


def test_a_file_without_events_settles_nothing() -> None:
    """An empty list of events gives the whole document, with nothing in it."""
    document = run_scenario(parse_scenario("events: []\n")).document
    assert document == {**{part: [] for part in PARTS}, "positions": {}, "totals": {}, "engines_agree": True}


@pytest.mark.rule("VAL-1")
def test_value_prints_v_of_one_lot(capsys: pytest.CaptureFixture[str]) -> None:
    """`novate value` prints V of one lot at a price, from a scenario's contract or a shipped terms document."""
    assert main_value("GPUH", "2.3655", path=FIRST_DAY) == 0
    assert capsys.readouterr().out == "V(2.3655) of GPUH: 1726.82 USD a lot of 730; the price is off the tick 0.001\n"
    shipped = {"JP": lambda _: {"contract": "x", "currency": "JPY", "size": "730", "tick": "0.01"}}
    assert main_value("JP", "352.37", shipped=shipped, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"contract": "JP", "price": "352.37", "value": "257230", "currency": "JPY", "on_tick": True}


@pytest.mark.parametrize(
    ("name", "price", "said"),
    [
        ("GPUX", "2", "Expected a contract of"),
        ("GPUH", "two", "Expected a decimal number"),
        ("GPUH", "1e3", "Expected a decimal number"),
    ],
)
def test_value_says_what_it_cannot_find(name: str, price: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown contract and a price that is none end with 2 and a sentence."""
    assert main_value(name, price, path=FIRST_DAY) == 2
    assert capsys.readouterr().err.startswith(said)


def test_the_sides_that_a_final_closed_are_checked_against_the_lines() -> None:
    """What the gateway held must be what both engines say expired, net; else the figures are not to be trusted."""
    scenario = read_scenario(RECIPES / "F09-shanghai-month-end.yaml", shipped_terms())
    run = settled(scenario)
    lines = [line for inner in lines_by_cycle(run.offline).values() for line in inner]
    assert run.expired == {("LONG", "TOKEN"): (30, 0), ("OTHER", "TOKEN"): (0, 30)}
    assert expired_sides(lines, run.expired, {"LONG", "OTHER"}) == []
    forged = {**run.expired, ("LONG", "TOKEN"): (31, 0)}
    assert expired_sides(lines, forged, {"LONG", "OTHER"}) == [
        "LONG in TOKEN: Expected 30 lots net to expire, as both engines say, was 31 long and 0 short by the gateway."
    ]
