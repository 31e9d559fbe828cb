"""A contract's end: last trade, prior price, the closing day, one final that pays (rules FSP-2 and FSP-3)."""

import pytest

from settlement.domain.margin import CycleKey
from settlement.domain.rejection import Code
from tests.property.clearing import Clearing


@pytest.mark.rule("FSP-2", "FSP-3")
def test_a_contract_settles_at_its_prior_price_until_its_closing_day() -> None:
    """After the last trade no price is taken and SMTM is 0; a final pays once, on the closing day or later."""
    clearing = Clearing()
    clearing.control("open", date="2026-11-25")
    clearing.control("listing", contract="GPUH", size="730", tick="0.001", last_trade="2026-11-25")
    for account in ("A", "B"):
        clearing.control("account", account=account, member=account, origin="house", positions="net")
    clearing.trade("T1", "GPUH", "A", "B", 10, 2_350_000_000)
    clearing.control("prices", kind="end_of_day", date="2026-11-25", prices={"GPUH": "2.362"}, cut=True)
    late = clearing.trade("T2", "GPUH", "A", "B", 1, 2_350_000_000)
    given = clearing.control("prices", kind="end_of_day", date="2026-11-26", prices={"GPUH": "2.370"}, cut=True)
    assert [step.rejection.code for step in (late, given) if step.rejection] == [Code.AFTER_LAST_TRADE] * 2
    clearing.control("prices", kind="end_of_day", date="2026-11-26", prices={}, cut=True)
    prior = clearing.cycles[CycleKey(20261126, "end_of_day", 1)]
    assert [(line.price_nano, line.smtm_minor) for line in prior] == [(2_362_000_000, 0)] * 2
    early = clearing.control("final", contract="GPUH", date="2026-11-26", price="2.3343", status="final")
    assert early.rejection is not None
    assert early.rejection.code is Code.WRONG_DATE
    clearing.control("final", contract="GPUH", date="2026-11-27", price="2.3343", status="provisional")
    clearing.control("final", contract="GPUH", date="2026-11-27", price="2.3343", status="final")
    [a, b] = clearing.cycles[CycleKey(20261127, "final", 1)]
    assert (a.fmtm_minor, b.fmtm_minor, a.expired, a.end) == (-20220, 20220, 10, 0)
    assert clearing.control("final", contract="GPUH", date="2026-11-30", price="9", status="final").emissions == ()
