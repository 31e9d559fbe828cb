"""The rulebook page: printed from the document that drives the engine, and nothing of it left out."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.domain.contract import KEYS
from settlement.domain.products.shipped import PRODUCTS, product, shipped_terms
from settlement.domain.rulebook import leaves, rulebook

DOCUMENTS: list[Any] = [
    *[pytest.param(product(name).document, id=name) for name in PRODUCTS],
    *[pytest.param(make("2026-09"), id=f"{name} 2026-09") for name, make in shipped_terms().items()],
    pytest.param({"contract": "BARE", "size": "730", "tick": "0.001"}, id="bare"),
    pytest.param({**dict.fromkeys(sorted(KEYS)), "contract": "NULLS", "size": "1", "tick": "1"}, id="nulls"),
]


def cells(page: str) -> dict[str, str]:
    """Return the value of each key of the specification table."""
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and line.endswith("` |")]
    return {row[-1].strip("`| "): row[1] for row in rows}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_key_of_the_document_appears(document: dict[str, Any]) -> None:
    """Each key, those inside mappings too, stands in the table with its value."""
    found = cells(rulebook(document))
    assert sorted(found) == sorted(key for key, _ in leaves(document))
    for key, value in leaves(document):
        for one in value if isinstance(value, list | tuple) else [value]:
            assert ("none" if one is None else str(one)) in found[key]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_page_has_all_its_sections(document: dict[str, Any]) -> None:
    """Specification, daily and final settlement, money, positions, corrections and limits, in this order."""
    titles = [line.removeprefix("## ") for line in rulebook(document).splitlines() if line.startswith("## ")]
    assert titles[:7] == [
        "Contract specification",
        "Daily settlement",
        "Final settlement",
        "Money: value, variation margin and fees",
        "Position accounting",
        "Corrections",
        "Price limits",
    ]
    assert titles[7:] == (["What is public", "What is assumed"] if "notes" in document else [])


def test_a_key_that_is_new_appears_too() -> None:
    """A term that this page has no words for is printed as it is."""
    page = rulebook({"contract": "X", "size": "1", "tick": "1", "swing": "1", "odd|key": "a|b"})
    assert cells(page)["swing"] == "1"
    assert "a\\|b" in page


def test_a_trade_types_own_tick_is_said() -> None:
    """The page says the increment of a trade type that has one, beside the tick of the others."""
    page = rulebook({"contract": "X", "size": "1", "tick": "0.001", "ticks": {"block": "0.0001"}})
    assert cells(page)["ticks.block"] == "0.0001"
    assert "multiples of the tick 0.001; the price increment of block trades 0.0001." in page


def test_the_order_of_the_keys_changes_nothing() -> None:
    """A listed document, whose keys the log sorts, has the page of the same document as it was written."""
    document = shipped_terms()["gpu-hour-cme"]("2026-09")
    known = {key: document[key] for key in sorted(document) if key not in {"daily_settlement", "final_settlement"}}
    assert rulebook(known) == rulebook({key: document[key] for key in document if key in known})


def test_the_words_follow_the_document() -> None:
    """A CME-style month says its window, its tiers in order, its average and its closing day."""
    page = rulebook(shipped_terms()["gpu-hour-cme"]("2026-09"))
    for said in (
        "14:28:00 to 14:30:00 in America/Chicago",
        "1. `vwap`: the average price",
        "2. `last-in-quote`",
        "3. `previous`: the previous settlement price.",
        "fixings of H100 over every date from 2026-09-01 to 2026-09-30, rounded half-up to 4 decimals",
        "A day without a fixing takes the last fixing before it.",
        "Trading ends on 2026-09-30.",
        "closing day is 2 business days after",
        "is p x 730, rounded once",
        "The fee is 0.35 USD per side and lot",
        "up to 5 business days",
        "neither a highest nor a lowest price",
    ):
        assert said in page


def test_another_document_says_other_words() -> None:
    """Bounds, 100 less the average, a whole day, no lag, gross positions and listed days have words of their own."""
    final = {
        "method": "average", "series": "X", "days": "listed", "list": ["2026-09-29", "2026-09-30"], "missing": "error",
        "precision": 2, "quote": "100-average", "closing_lag": 0,
    }  # fmt: skip
    document = {
        "contract": "X", "size": "hours-in-month", "month": "2026-09", "tick": "0.01", "cap": "9", "floor": "1",
        "last_trade": "2026-09-30", "correction_days": 0, "positions": "gross", "rounding": "down",
        "final_settlement": final, "daily_settlement": {"window": "day", "tiers": ["curve"]},
    }  # fmt: skip
    page = rulebook(document)
    for said in (
        "the whole local day in UTC",
        "1. `curve`: the previous settlement price plus",
        "over each of the dates 2026-09-29, 2026-09-30",
        "100 less the rounded average",
        "people decide",
        "closing day is 0 business days",
        "hours of the contract month, rounded once to the minor unit of USD (down: toward zero)",
        "There is no fee.",
        "keep long and short apart",
        "up to 0 business days",
        "at or below 9 and at or above 1",
    ):
        assert said in page
