"""The far ends of the language: prices of zero and below, the largest figures and one beyond, many accounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.scenario.files import codes, settle

UNIT = "contracts: {GPUH: {size: 1, tick: 0.01}}\n"
WHOLE = "contracts: {GPUH: {size: 1, tick: 1, currency: JPY}}\n"
NINES = "contracts: {GPUH: {size: 0.01, tick: 0.000000001}}\n"


@pytest.mark.rule("VAL-1", "VM-1")
def test_prices_of_zero_and_below_pay_like_any_other() -> None:
    """Bought at -0.50, settled at 0 and then at -1.25: a holder of two million lots gains 0.50 and loses 1.25 a lot."""
    result = settle(
        """
        trade: {contract: GPUH, buyer: A, seller: B, lots: 2000000, price: -0.50}
        settle: {date: 2026-11-23, prices: {GPUH: 0}}
        settle: {date: 2026-11-24, prices: {GPUH: -1.25}}
        """,
        UNIT,
    )
    assert codes(result) == []
    paid = [{one["member"]: one["amount"] for one in cycle["payments"]} for cycle in result.document["cycles"]]
    assert paid == [{"A": "1000000.00", "B": "-1000000.00"}, {"A": "-2500000.00", "B": "2500000.00"}]


@pytest.mark.rule("ENT-5")
@pytest.mark.parametrize(
    ("head", "lots", "price", "refused"),
    [
        (UNIT, 1_000_000_000, "1.00", False),
        (UNIT, 1_000_000_001, "1.00", True),
        (NINES, 1, "9199999999.999999999", False),
        (NINES, 1, "9200000000.000000000", True),
        (NINES, 1, "-9200000000", True),
        (WHOLE, 89_999_999, "1000000000", False),  # 8.9999999e16
        (WHOLE, 90_000_000, "1000000000", True),  # 9e16, one lot beyond
        (WHOLE, 90_000_000, "-1000000000", True),
    ],
)
def test_the_limits_and_one_beyond(head: str, lots: int, price: str, refused: bool) -> None:  # noqa: FBT001
    """Lots up to 1e9, prices below 9.2e9 and values below 9e16 minor units settle; one beyond is refused: LIMIT."""
    trade = f"trade: {{contract: GPUH, buyer: A, seller: B, lots: {lots}, price: {price}}}"
    result = settle(f"{trade}\nsettle: {{date: 2026-11-23, prices: {{GPUH: {price}}}}}", head)
    expected = [(1, "LIMIT")] if refused else []
    assert [one for one in codes(result) if one[0] == 1] == expected
    if not refused:
        assert result.document["positions"] == {"A": {"GPUH": lots}, "B": {"GPUH": -lots}}
        assert result.document["cycles"][0]["payments"] == []


@pytest.mark.rule("VM-3", "VM-4")
def test_ten_thousand_accounts_settle_to_zero() -> None:
    """Each of 9,999 buys its own number of lots from one seller, who pays what all of them gain, to the cent."""
    buyers = 9_999
    trades = [
        f"trade: {{contract: GPUH, buyer: M{n:04d}, seller: Z, lots: {n}, price: 2.350}}" for n in range(1, buyers + 1)
    ]
    result = settle("\n".join([*trades, "settle: {date: 2026-11-23, prices: {GPUH: 2.362}}"]))
    assert codes(result) == []
    [cycle] = result.document["cycles"]
    assert len(cycle["lines"]) == buyers + 1
    paid = {one["member"]: Decimal(one["amount"]) for one in cycle["payments"]}
    a_lot = Decimal("1724.26") - Decimal("1715.50")
    assert paid == {**{f"M{n:04d}": n * a_lot for n in range(1, buyers + 1)}, "Z": -a_lot * buyers * (buyers + 1) / 2}
