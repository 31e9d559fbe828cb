"""The worked corrections E07 to E14 through the gateway's fold and both engines, to the cent."""

from typing import Any

import pytest

from settlement.domain.margin import CycleKey, MarginLine
from tests.property.clearing import Clearing

MONDAY, TUESDAY = 20261123, 20261124


def nano(price: str) -> int:
    """Return a price of three or four decimals in 1e-9."""
    whole, _, decimals = price.partition(".")
    return int(whole) * 10**9 + int(decimals.ljust(9, "0"))


class Day(Clearing):
    """A clearing house with GPUH and net accounts, where Monday the 23rd is open."""

    def __init__(self, accounts: str, tick: str = "0.001", fee: str = "0") -> None:
        super().__init__()
        self.told("listing", contract="GPUH", size="730", tick=tick, fee=fee)
        for name in accounts:
            self.told("account", account=name, member=name, origin="house", positions="net")
        self.told("open", date="2026-11-23")

    def told(self, kind: str, /, **payload: Any) -> None:
        """Apply a control that is accepted."""
        step = self.control(kind, **payload)
        assert step.rejection is None, step.rejection

    def bought(self, trade_id: str, buyer: str, seller: str, lots: int, price: str) -> None:
        """Report a trade that is accepted."""
        assert self.trade(trade_id, "GPUH", buyer, seller, lots, nano(price)).rejection is None

    def settled(self, date: str, price: str) -> dict[str, MarginLine]:
        """Cut and settle, and return the lines by account."""
        self.told("prices", date=date, kind="end_of_day", cut=True, prices={"GPUH": price})
        return {line.account: line for line in self.cycles[CycleKey(int(date.replace("-", "")), "end_of_day", 1)]}


def totals(lines: dict[str, MarginLine]) -> dict[str, int]:
    """Return what each account receives in cents."""
    return {account: line.total_minor for account, line in lines.items()}


@pytest.mark.rule("COR-1", "FEE-1", "VM-3")
def test_e07_a_bust_in_the_day_pays_nothing() -> None:
    """E07: both fills and their reversals stand in the log, the fee is given back, and nothing is paid."""
    day = Day("AB", fee="0.35")
    day.bought("T1", "A", "B", 10, "2.350")
    day.told("bust", trade="T1")
    lines = day.settled("2026-11-23", "2.362")
    assert totals(lines) == {"A": 0, "B": 0}
    assert [(line.bought, line.sold, line.end, line.fee_minor) for line in lines.values()] == [(0, 0, 0, 0)] * 2


@pytest.mark.rule("COR-1", "VM-1", "VM-2")
def test_e08_a_bust_after_settlement_takes_back_what_was_paid() -> None:
    """E08: SMTM -149.60 and TVAR +62.00, so that both days together pay nothing."""
    day = Day("AB", tick="0.0005")
    day.bought("T1", "A", "B", 10, "2.3500")
    assert totals(day.settled("2026-11-23", "2.3620")) == {"A": 8760, "B": -8760}
    day.told("bust", trade="T1")
    lines = day.settled("2026-11-24", "2.3415")
    assert (lines["A"].smtm_minor, lines["A"].tvar_minor, lines["A"].end) == (-14960, 6200, 0)
    assert totals(lines) == {"A": -8760, "B": 8760}


@pytest.mark.rule("COR-1")
def test_e09_an_adjusted_price_pays_the_difference() -> None:
    """E09: T1 adjusted from 2.3500 to 2.3400 pays A 73.00 on top of the day's SMTM."""
    day = Day("AB", tick="0.0005")
    day.bought("T1", "A", "B", 10, "2.3500")
    day.settled("2026-11-23", "2.3620")
    day.told("adjust", trade="T1", price="2.3400")
    lines = day.settled("2026-11-24", "2.3620")
    assert {account: (line.smtm_minor, line.tvar_minor) for account, line in lines.items()} == {
        "A": (0, 7300),
        "B": (0, -7300),
    }


@pytest.mark.rule("VAL-1", "VM-4")
def test_e11_below_a_cent_sums_to_zero() -> None:
    """E11: 3 lots against 1, 1, 1 from 2.3501 to 2.3506 pay 1.11 and take 0.37 three times."""
    day = Day("ABCD", tick="0.0001")
    for seller in "BCD":
        day.bought(f"T{seller}", "A", seller, 1, "2.3501")
    assert totals(day.settled("2026-11-23", "2.3506")) == {"A": 111, "B": -37, "C": -37, "D": -37}


@pytest.mark.rule("AVG-1", "VM-4")
def test_e12_an_average_keeps_its_rounding_as_cash() -> None:
    """E12: 4, 3 and 3 lots averaged to 2.352 on the tick; the buyer pays a CRES of 1.46 and the seller gets it."""
    day = Day("AB")
    for trade_id, lots, price in (("T1", 4, "2.351"), ("T2", 3, "2.352"), ("T3", 3, "2.354")):
        day.bought(trade_id, "A", "B", lots, price)
    day.told("average", account="A", contract="GPUH", side="buy", trades=["T1", "T2", "T3"])
    lines = day.settled("2026-11-23", "2.352")
    assert (lines["A"].cres_minor, lines["A"].tvar_minor, lines["B"].cres_minor) == (-146, 0, 0)
    assert totals(lines) == {"A": -146, "B": 146}


@pytest.mark.rule("GUP-1")
def test_e13_a_give_up_moves_lots_at_the_price_that_stands() -> None:
    """E13: X keeps nothing of 20 lots given up 12 to Y and 8 to Z; W pays what they receive."""
    day = Day("XYZW")
    day.bought("T1", "X", "W", 20, "2.340")
    day.told("give_up", trade="T1", side="buy", to={"Y": "12", "Z": "8"})
    lines = day.settled("2026-11-23", "2.345")
    assert totals(lines) == {"W": -7300, "X": 0, "Y": 4380, "Z": 2920}
    assert {account: line.end for account, line in lines.items()} == {"W": -20, "X": 0, "Y": 12, "Z": 8}


@pytest.mark.rule("TRF-1")
def test_e14_a_transfer_is_marked_to_and_from_the_prior_price() -> None:
    """E14: for 6 lots moved from Y to Z at the prior settlement Y gets nothing today, and Z 6 x (V(S) - V(S0))."""
    day = Day("YZW")
    day.bought("T1", "Y", "W", 12, "2.340")
    day.settled("2026-11-23", "2.345")
    day.told("transfer", contract="GPUH", from_="Y", to="Z", lots="6")
    lines = day.settled("2026-11-24", "2.350")
    per_lot = 171550 - 171185  # V(2.350) - V(2.345)
    assert {account: line.total_minor for account, line in lines.items()} == {
        "W": -12 * per_lot, "Y": 6 * per_lot, "Z": 6 * per_lot,
    }  # fmt: skip
    assert (lines["Y"].transferred, lines["Z"].transferred, lines["Y"].end) == (-6, 6, 6)
