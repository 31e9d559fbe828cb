"""Daily prices by hand against what the tiers gave (rule DSP-1), and who may print a final by average."""

from typing import Any

import pytest

from settlement.domain.rejection import Code
from settlement.folds.gateway import GatewayFold
from settlement.folds.gateway.effect import CashEffect, override_effect

Json = dict[str, Any]
TIERS = {"window": "day", "zone": "UTC", "tiers": ["vwap", "previous"]}
TERMS = {"contract": "GPUH", "size": "730", "tick": "0.001", "fee": "0", "currency": "USD"}
TIER = {"price": "2.350", "tier": "vwap"}
OVERRIDE = {"price": "2.362", "tier": "override", "would_have_been": TIER}
UNSAID = {"price": "2.362", "tier": "given"}
GAVE_NONE = {**UNSAID, "would_have_been": None}


class Priced:
    """A fold with GPUH (by tiers, or by hand only), 10 lots held by A against B, and 2026-08-03 cut."""

    def __init__(self, *, tiers: bool = True, is_cut: bool = True) -> None:
        self.fold, self.controls = GatewayFold(2), 0
        self.send("listing", {**TERMS, **({"daily_settlement": TIERS} if tiers else {})})
        for name in "AB":
            self.send("account", {"account": name, "member": name, "origin": "house", "positions": "net"})
        self.send("open", {"date": "2026-08-03"})
        self.send("carry", {"contract": "GPUH", "price": "2.300", "positions": {"A": "10", "B": "-10"}})
        if is_cut:
            self.send("cut", {"date": "2026-08-03"})

    def send(self, kind: str, payload: Json, **who: str) -> Code | None:
        """Send a control and return the code it was refused with."""
        self.controls += 1
        people = {"requested_by": "ann", "approved_by": "", "reason": "", **who}
        control = {"control_id": f"C{self.controls}", "kind": kind, "payload": payload, **people}
        rejection = self.fold.control(control).rejection
        return rejection.code if rejection else None

    def price(self, price: Json | str, *, cut: bool = False, **who: str) -> Code | None:
        """Send the end of day with one price."""
        payload = {"date": "2026-08-03", "kind": "end_of_day", "prices": {"GPUH": price}}
        return self.send("prices", {**payload, "cut": True} if cut else payload, **who)


@pytest.mark.rule("DSP-1")
@pytest.mark.parametrize(("approved_by", "reason", "code"), [
    ("", "thin", Code.TWO_PEOPLE), ("ann", "thin", Code.TWO_PEOPLE), ("bob", "", Code.MALFORMED),
    ("bob", " ", Code.MALFORMED), ("bob", "thin", None),
])  # fmt: skip
def test_an_override_needs_two_people_and_a_reason(approved_by: str, reason: str, code: Code | None) -> None:
    """Fewer than two different people, or no reason, is refused; refused once, it keeps nobody from the right one."""
    house = Priced()
    assert house.price(OVERRIDE, approved_by=approved_by, reason=reason) is code
    if code:
        assert house.price(OVERRIDE, approved_by="bob", reason="thin") is None


@pytest.mark.rule("DSP-1")
@pytest.mark.parametrize("instead", [None, "2.350", {"price": "x", "tier": "vwap"}, {"price": "2.350", "tier": "mine"},
                                     {"price": "2.3620", "tier": "vwap"}])  # fmt: skip
def test_an_override_says_what_it_replaces(instead: object) -> None:
    """Without another price of a tier beside it, an override is malformed."""
    price = {**OVERRIDE, "would_have_been": instead}
    assert Priced().price(price, approved_by="bob", reason="thin") is Code.MALFORMED


@pytest.mark.rule("DSP-1")
@pytest.mark.parametrize(("tiers", "price", "code"), [
    (TIERS, TIER, None), (TIERS, GAVE_NONE, None), (TIERS, UNSAID, Code.TWO_PEOPLE), (TIERS, "2.362", Code.TWO_PEOPLE),
    (TIERS, {"price": "2.362", "tier": "mine"}, Code.TWO_PEOPLE), (None, UNSAID, None), (None, "2.362", None),
])  # fmt: skip
def test_one_person_prices_what_no_tier_prices(tiers: Json | None, price: Json | str, code: Code | None) -> None:
    """One person's word is enough for a tier's price, where the tiers gave none, and for a contract without tiers."""
    house = Priced(tiers=bool(tiers))
    assert house.price(price) is code
    if code:
        assert house.price(price, approved_by="bob") is None


@pytest.mark.rule("DSP-1")
def test_before_the_cut_the_tiers_have_not_spoken() -> None:
    """A price that brings the cut with it needs two people, whatever it says the tiers gave."""
    house = Priced(is_cut=False)
    assert house.price(GAVE_NONE, cut=True) is Code.TWO_PEOPLE
    assert house.price(GAVE_NONE, cut=True, approved_by="bob") is None


@pytest.mark.rule("DSP-1")
def test_the_cash_effect_is_of_the_book_at_the_cut() -> None:
    """10 lots x (V(2.362) - V(2.350)) = 10 x (1724.26 - 1715.50) = 87.60; what moved after the cut changes nothing."""
    house = Priced()
    moved = {"contract": "GPUH", "from": "A", "to": "B", "lots": "4", "price": "2.300"}
    assert house.send("transfer", moved, approved_by="bob") is None
    assert house.fold.state.holdings["GPUH"]["A"].net == 6
    assert override_effect(house.fold, 20260803, {"GPUH": (2_362_000_000, 2_350_000_000)}) == (
        CashEffect(member="A", origin="HOUSE", currency="USD", amount_minor=8760),
        CashEffect(member="B", origin="HOUSE", currency="USD", amount_minor=-8760),
    )


@pytest.mark.rule("FSP-2")
@pytest.mark.parametrize(("control_id", "requested_by", "code"), [
    ("final/GPUH/provisional/1", "pricing", None), ("final/GPUH/provisional/1", "ann", Code.TWO_PEOPLE),
    ("final/GPUH/by-hand", "pricing", Code.TWO_PEOPLE), ("final/GPUH/final/1", "pricing", Code.TWO_PEOPLE),
])  # fmt: skip
def test_only_pricing_prints_an_average_alone(control_id: str, requested_by: str, code: Code | None) -> None:
    """Who claims that a final is the average needs a second person, unless name and id are pricing's own."""
    payload = {"contract": "GPUH", "date": "2026-08-04", "price": "2.361", "status": "provisional", "tier": "average"}
    rejection = Priced().fold.control({"control_id": control_id, "kind": "final", "payload": payload, "reason": "",
                                       "requested_by": requested_by, "approved_by": ""}).rejection  # fmt: skip
    assert (rejection and rejection.code) is code
