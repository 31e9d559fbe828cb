"""Every currency of ISO 4217 with the decimals of its minor unit; V and payments follow them."""

from __future__ import annotations

import pytest

from tests.scenario.files import codes, problems, settle


@pytest.mark.rule("VAL-1")
@pytest.mark.parametrize(
    ("currency", "total"),
    [
        *[
            (code, "80") for code in ("JPY", "KRW", "UGX", "XOF", "PYG")
        ],  # 10 x (1724 - 1716): V is rounded, not the sum
        *[(code, "87.60") for code in ("USD", "EUR", "CNY", "PEN", "EGP", "COP")],
        *[(code, "87.600") for code in ("KWD", "BHD", "JOD", "TND")],
        ("CLF", "87.6000"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, total: str) -> None:
    """Ten lots of 730 from 2.350 (V 1715.5) to 2.362 (V 1724.26)."""
    head = f"contracts: {{G: {{size: 730, tick: 0.001, currency: {currency}}}}}\n"
    result = settle(
        "trade: {contract: G, buyer: A, seller: B, lots: 10, price: 2.350}\n"
        "settle: {date: 2026-11-23, prices: {G: 2.362}}",
        head,
    )
    assert codes(result) == []
    assert result.document["totals"] == {"A": {currency: total}, "B": {currency: f"-{total}"}}


@pytest.mark.parametrize("word", ["XXQ", "usd", "EURO", "XAU"])
def test_what_is_no_currency_is_an_error_of_the_file(word: str) -> None:
    """A code that the standard does not have for money, or that is written otherwise, is named."""
    head = f"events: []\ncontracts: {{G: {{size: 730, tick: 0.001, currency: {word}}}}}\n"
    assert [error.expected for error in problems(head)] == ["an ISO 4217 code such as USD for `currency`"]
