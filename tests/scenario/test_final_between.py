"""A final between a cut and its settle takes what the cut date still owes; the settle goes on without the contract."""

from __future__ import annotations

import pytest

from tests.scenario.files import codes, settle

HEAD = """
contracts:
  GPUH: {size: 730, tick: 0.001, daily_settlement: {window: day, tiers: [vwap]}}
  GPUJ: {size: 730, tick: 0.001, daily_settlement: {window: day, tiers: [vwap]}}
"""


@pytest.mark.rule("FSP-3", "VM-5")
@pytest.mark.parametrize(
    ("prices", "refused"),
    [("auto", []), ("{GPUJ: 2.350}", []), ("{GPUH: 2.350, GPUJ: 2.350}", [(5, "CONTRACT_CLOSED")])],
)
def test_a_settle_goes_on_without_a_contract_that_was_closed_since_its_cut(
    prices: str, refused: list[tuple[int, str]]
) -> None:
    """What the tiers said of the closed contract at the cut counts no more; who gives its price by hand is told."""
    result = settle(
        f"""
        trade: {{contract: GPUH, buyer: A, seller: B, lots: 1, price: 2.340}}
        trade: {{contract: GPUJ, buyer: A, seller: B, lots: 1, price: 2.350}}
        cut: {{date: 2026-11-23}}
        final: {{contract: GPUH, date: 2026-11-24, price: 2.345, status: final}}
        settle: {{date: 2026-11-23, prices: {prices}}}
        """,
        HEAD,
    )
    assert codes(result) == refused
    final, *days = result.document["cycles"]
    assert (final["kind"], final["lines"][0]["amounts"]) == ("final", {"TVAR": "3.65"})  # V(2.345) - V(2.34)
    assert [day["prices"] for day in days] == ([] if refused else [{"GPUJ": "2.350"}])
