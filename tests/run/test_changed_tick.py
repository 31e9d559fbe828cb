"""Terms that change later: an earlier average is checked against the tick that was in force."""

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
        self.offline, self._sent = Offline(4), 0

    def control(self, kind: str, /, **payload: Any) -> None:
        self._sent += 1
        assert self.offline.control(Control(kind, payload), f"{kind}/{self._sent}").rejection is None

    def listing(self, tick: str) -> None:
        self.control("listing", contract="G", currency="USD", size="730", tick=tick, rounding="half-up", fee="0")

    def settle(self, date: str) -> None:
        self.control("prices", date=date, kind="end_of_day", prices={"G": {"price": "2.36"}}, cut=True)


@pytest.mark.rule("AVG-1")
def test_an_average_before_a_new_tick_stays_right() -> None:
    """Averaged at a tick of 0.001 and settled; the contract's tick then becomes 0.005: no engine doubts the old day."""
    days = _Days()
    days.listing("0.001")
    for account in ("A", "B"):
        days.control("account", account=account, member=account, origin="house", positions="net")
    days.control("open", date="2026-08-03")
    for number, (trade_id, (lots, price_nano)) in enumerate(BOUGHT.items()):
        days.offline.report(
            TradeReported(
                source_seq=number, trade_id=trade_id, contract="G", buyer="A", seller="B", lots=lots,
                price_nano=price_nano, at_us=-1, trade_type="regular", buyer_effect="OPEN", seller_effect="OPEN",
            )
        )  # fmt: skip
    days.control("average", account="A", contract="G", side="buy", trades=list(BOUGHT))
    days.settle("2026-08-03")
    days.listing("0.005")
    days.settle("2026-08-04")
    assert disagreements(days.offline, lines_by_cycle(days.offline), {}) == []
