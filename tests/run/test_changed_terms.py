"""Terms that change from a date on: every date is settled, checked and replayed by its own."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.domain.feed import TradeReported
from settlement.scenario.compare import disagreements, lines_by_cycle
from settlement.scenario.controls import Control
from settlement.scenario.offline import Offline

BOUGHT = {"T1": (4, 2_351_000_000), "T2": (3, 2_352_000_000), "T3": (3, 2_354_000_000)}


class _Days:
    """Controls one after the other, all accepted."""

    def __init__(self) -> None:
        self.offline, self._sent, self._reports = Offline(4), 0, 0

    def control(self, kind: str, /, **payload: Any) -> None:
        self._sent += 1
        assert self.offline.control(Control(kind, payload), f"{kind}/{self._sent}").rejection is None

    def listing(self, tick: str, **more: Any) -> None:
        terms = {"contract": "G", "currency": "USD", "size": "730", "tick": tick, "rounding": "half-up", "fee": "0"}
        self.control("listing", **{**terms, **more})

    def opened(self) -> None:
        for account in ("A", "B"):
            self.control("account", account=account, member=account, origin="house", positions="net")
        self.control("open", date="2026-08-03")

    def trade(self, trade_id: str, lots: int, price_nano: int) -> None:
        self._reports += 1
        step = self.offline.report(
            TradeReported(
                source_seq=self._reports, trade_id=trade_id, contract="G", buyer="A", seller="B", lots=lots,
                price_nano=price_nano, at_us=-1, trade_type="regular", buyer_effect="OPEN", seller_effect="OPEN",
            )
        )  # fmt: skip
        assert step.rejection is None

    def settle(self, date: str) -> None:
        self.control("prices", date=date, kind="end_of_day", prices={"G": {"price": "2.36"}}, cut=True)


@pytest.mark.rule("AVG-1")
def test_an_average_before_a_new_tick_stays_right() -> None:
    """Averaged at a tick of 0.001 and settled; the contract's tick then becomes 0.005: no engine doubts the old day."""
    days = _Days()
    days.listing("0.001")
    days.opened()
    for trade_id, (lots, price_nano) in BOUGHT.items():
        days.trade(trade_id, lots, price_nano)
    days.control("average", account="A", contract="G", side="buy", trades=list(BOUGHT))
    days.settle("2026-08-03")
    days.listing("0.005")
    days.settle("2026-08-04")
    assert disagreements(days.offline, lines_by_cycle(days.offline), {}) == []


@pytest.mark.rule("TRM-1", "FEE-1")
def test_a_date_between_cut_and_settlement_keeps_its_terms() -> None:
    """Fee, tick and tiers of Tuesday come into force with Monday's cut; Monday then settles by its own.

    Monday: 10 lots at 2.351 with 0.35 a side; its average price is rounded to 0.001: 2.351. Tuesday: 10 lots at 2.355
    with 0.50 a side, and a tick of 0.005. A new listing at once, on Wednesday, does not touch Tuesday, which is cut.
    """
    days = _Days()
    tiers = {"window": "day", "tiers": ["vwap", "previous"]}
    days.listing("0.001", fee="0.35", daily_settlement=tiers)
    days.opened()
    days.trade("T1", 10, 2_351_000_000)
    changed = {"window": "day", "tiers": ["previous"]}
    days.listing("0.005", fee="0.50", daily_settlement=changed, effective_date="2026-08-04")
    days.control("cut", date="2026-08-03")
    days.trade("T2", 10, 2_355_000_000)
    assert _tiers(days, 20260803) == {"vwap": 2_351_000_000, "previous": None}
    days.control("prices", date="2026-08-03", kind="end_of_day", prices={"G": {"price": "2.351", "tier": "vwap"}})
    days.control("cut", date="2026-08-04")
    days.listing("0.005", fee="0")
    assert _tiers(days, 20260804) == {"previous": 2_351_000_000}
    days.control("prices", date="2026-08-04", kind="end_of_day", prices={"G": "2.355"})
    days.settle("2026-08-05")
    lines = lines_by_cycle(days.offline)
    assert disagreements(days.offline, lines, {}) == []
    assert [line.fee_minor for cycle in lines.values() for line in cycle if line.account == "A"] == [-350, -500, 0]


def _tiers(days: _Days, date: int) -> dict[str, int | None]:
    [record] = [one for one in days.offline.tier_prices(date) if one["contract"] == "G"]
    return {tier["tier"]: tier["price_nano"] for tier in record["tiers"]}
