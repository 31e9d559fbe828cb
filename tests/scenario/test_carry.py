"""`carry`: a book is brought forward at one price, anywhere in its date, but not behind a date that waits."""

from __future__ import annotations

import pytest

from tests.scenario.files import codes, settle

TRADE = "trade: {contract: GPUH, buyer: A, seller: B, lots: 3, price: 2.349}"
CARRY = "carry: {contract: GPUH, price: 2.362, positions: {A: 10, B: -10}}"
SETTLE = "settle: {date: 2026-11-23, prices: {GPUH: 2.355}}"


@pytest.mark.rule("ENT-9", "VM-2")
@pytest.mark.parametrize("events", [f"{CARRY}\n{TRADE}", f"{TRADE}\n{CARRY}"], ids=["before", "after"])
def test_a_book_is_brought_forward_before_or_after_its_dates_trades(events: str) -> None:
    """The order inside a date changes nothing: 10 x (1719.15 - 1724.26) SMTM and 3 x (1719.15 - 1714.77) TVAR."""
    result = settle(f"{events}\n{SETTLE}")
    assert codes(result) == []
    [line, _] = result.document["cycles"][0]["lines"]
    assert (line["start"], line["bought"], line["end"]) == (10, 3, 13)
    assert (line["previous"], line["amounts"]) == ("2.362", {"TVAR": "13.14", "SMTM": "-51.10"})


@pytest.mark.rule("ENT-9", "CUT-1")
@pytest.mark.parametrize("first", [TRADE, CARRY, "cut: {date: 2026-11-20}"], ids=["traded", "carried", "nothing yet"])
def test_no_book_is_brought_forward_while_a_date_that_is_cut_waits_for_its_prices(first: str) -> None:
    """A price that comes later would become the prior one and the carried price be lost; both engines agree."""
    result = settle(
        f"""
        {first}
        cut: {{date: 2026-11-23}}
        {CARRY}
        {SETTLE}
        settle: {{date: 2026-11-24, prices: {{GPUH: 2.362}}}}
        """
    )
    assert (3, "ALREADY_CARRIED") in codes(result)


@pytest.mark.rule("ENT-9", "FSP-2")
def test_no_book_is_brought_forward_into_a_closed_contract() -> None:
    """After the final even the final's own price brings nothing back."""
    final = "final: {contract: GPUH, date: 2026-11-23, price: 2.362, status: final}"
    assert codes(settle(f"{final}\n{CARRY}")) == [(2, "CONTRACT_CLOSED")]
