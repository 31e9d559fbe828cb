"""What a correction would do, by member, before it is sent; and approvals that the next date makes stale."""

from collections import Counter
from typing import Any

import pytest

from settlement.domain.rejection import Code
from settlement.folds.gateway import GatewayFold
from settlement.folds.gateway.effect import Effect, effect_of
from tests.gateway.test_fold_properties import books
from tests.gateway.test_fold_rejections import House, settled

Json = dict[str, Any]

# T1: A bought 10 at 2.350 from B and was settled at 2.362 (V 1724.26 after 1715.50); V(2.340) is 1708.20.
CORRECTIONS: dict[str, tuple[str, Json, dict[tuple[str, str], int]]] = {
    "a bust takes back what was paid, fees too": (
        "bust", {"trade": "T1"}, {("A", "HOUSE"): -8760 + 350, ("B", "HOUSE"): 8760 + 350, ("CCP", "fees"): -700},
    ),
    "a lower price gives the buyer the difference": (
        "adjust", {"trade": "T1", "price": "2.340"}, {("A", "HOUSE"): 7300, ("B", "HOUSE"): -7300},
    ),
    "a give-up moves what was won, and the fee to the taker's house": (
        "give_up", {"trade": "T1", "side": "buy", "to": {"G": "10"}},
        {("A", "HOUSE"): -8760 + 350, ("G", "CLIENT"): 8760, ("G", "HOUSE"): -350},
    ),
    "a transfer at the prior price moves no cash": (
        "transfer", {"contract": "GPUH", "from": "A", "to": "G", "lots": "4", "position": "long"}, {},
    ),
    "a transfer at a price of its own does": (
        "transfer", {"contract": "GPUH", "from": "A", "to": "G", "lots": "4", "position": "long", "price": "2.350"},
        {("A", "HOUSE"): -3504, ("G", "CLIENT"): 3504},
    ),
    "cash is the amount": (
        "cash_adjustment", {"contract": "GPUH", "from": "A", "to": "B", "amount": "1.50", "reason": "x"},
        {("A", "HOUSE"): -150, ("B", "HOUSE"): 150},
    ),
    "a corrected price is the adjustment": (
        "correct_settlement", {"contract": "GPUH", "date": "2026-08-03", "price": "2.340"},
        {("A", "HOUSE"): 10 * (170820 - 172426), ("B", "HOUSE"): -10 * (170820 - 172426)},
    ),
    "a final price marks whoever holds": (
        "final", {"contract": "GPUH", "date": "2026-08-04", "price": "2.340", "status": "final"},
        {("A", "HOUSE"): 10 * (170820 - 172426), ("B", "HOUSE"): -10 * (170820 - 172426)},
    ),
}  # fmt: skip


def tried(house: House, kind: str, payload: Json) -> Effect:
    """Return what a control would do, on a copy of the house's fold."""
    control = {"control_id": "try", "kind": kind, "payload": payload, "requested_by": "ann", "approved_by": "bob"}
    return effect_of(GatewayFold.restore(house.fold.snapshot()), {**control, "reason": ""})


@pytest.mark.rule("COR-3")
@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_correction_shows_each_members_cash(name: str) -> None:
    """The effect at the last settlement price is known beforehand, sums to 0, and nothing changes by asking."""
    kind, payload, expected = CORRECTIONS[name]
    house = settled()
    before = books(house.fold)
    effect = tried(house, kind, payload)
    assert effect.rejection is None
    assert {(one.member, one.origin): one.amount_minor for one in effect.cash} == expected
    assert sum(one.amount_minor for one in effect.cash) == 0
    assert [(one.date, one.value_minor) for one in effect.valuations] == [(20260803, 172426)]
    assert books(house.fold) == before


@pytest.mark.rule("COR-3")
def test_without_a_settlement_price_only_fees_and_cash_show() -> None:
    """A trade of the first day is valued at its own price, which the valuation says."""
    house = House()
    house.trade()
    effect = tried(house, "bust", {"trade": "T1"})
    assert Counter({one.member: one.amount_minor for one in effect.cash}) == {"A": 350, "B": 350, "CCP": -700}
    assert [(one.contract, one.value_minor) for one in effect.valuations] == [("GPUH", None)]


@pytest.mark.rule("COR-3")
def test_what_would_be_refused_says_so_and_moves_nothing() -> None:
    """A refusal is the effect: its code, no fills, no cash."""
    effect = tried(settled(), "bust", {"trade": "T9"})
    assert effect.rejection is not None
    assert (effect.rejection.code, effect.fills, effect.cash) == (Code.UNKNOWN_TRADE, (), ())


@pytest.mark.rule("COR-3")
@pytest.mark.parametrize("name", CORRECTIONS)
def test_an_approval_for_another_date_goes_back(name: str) -> None:
    """Approved for the date that is open it is accepted; after that date's cut it is refused and changes nothing."""
    kind, payload, _ = CORRECTIONS[name]
    named = {f"{key}_" if key == "from" else key: value for key, value in payload.items()}
    house = settled()
    house.tell("cut", date="2026-08-04")
    before = books(house.fold)
    stale = house.control(kind, approved_for="2026-08-04", **named)
    assert stale.rejection is not None
    assert stale.rejection.code is Code.APPROVAL_STALE
    assert "open date 2026-08-05, was 2026-08-04" in stale.rejection.message
    assert books(house.fold) == before
    settled().tell(kind, approved_for="2026-08-04", **named)
