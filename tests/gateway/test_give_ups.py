"""Requested give-ups: each taker answers its own part, and what is not answered stays with the giver (rule GUP-2)."""

from typing import Any

import pytest

from settlement.cli.operate_pending import pending_rows
from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract
from settlement.domain.rejection import Code
from settlement.folds.gateway import GatewayFold, Step
from settlement.folds.gateway.claims import lapse_date
from tests.gateway.test_fold_rejections import House

Json = dict[str, Any]
FINAL: Json = {"contract": "GPUH", "date": "2026-08-04", "price": "2.360", "status": "final"}


def requested(**to: str) -> House:
    """A house with T1 (A buys 10 at 2.350), of which A asks B or G to take lots by the control `claim`."""
    house = House()
    house.trade()
    asked = house.control("request_give_up", control_id="claim", trade="T1", side="buy", to=to or {"B": "6", "G": "3"})
    assert asked.rejection is None, asked.rejection
    return house


def records(step: Step, name: str) -> list[Json]:
    """The records of a name that a control wrote."""
    return [emission.record for emission in step.emissions if emission.name == name]


def parts(step: Step) -> list[tuple[str, int, str]]:
    """Whose part of a claim stands where."""
    return [(claim["account"], claim["lots"], claim["status"]) for claim in records(step, "claim")]


def fills(step: Step) -> list[tuple[str, int, int, int]]:
    """Account, lots, price and date of every fill."""
    return [
        (fill["account"], fill["lots"], fill["price_nano"], fill["business_date"]) for fill in records(step, "fill")
    ]


def held(house: House) -> dict[str, int]:
    """Signed lots by account."""
    return {account: holding.net for account, holding in house.fold.state.holdings["GPUH"].items()}


@pytest.mark.rule("GUP-2")
def test_lots_stay_with_the_giver_until_they_are_taken() -> None:
    """A request moves nothing; the acceptance does, after a cut and an adjustment, at the price that stands then."""
    house = requested()
    assert held(house) == {"A": 10, "B": -10}
    house.settle()
    house.tell("adjust", trade="T1", price="2.340")
    taken = house.tell("accept_give_up", claim="claim", account="B")
    assert fills(taken) == [("A", -6, 2_340_000_000, 20260804), ("B", 6, 2_340_000_000, 20260804)]
    assert parts(taken) == [("B", 6, "accepted")]
    assert held(house) == {"A": 4, "B": -4}


@pytest.mark.rule("GUP-2")
def test_each_part_is_answered_once() -> None:
    """What one taker refuses can be asked again; an answer given twice, or by who is not asked, is refused."""
    house = requested()
    assert parts(house.tell("refuse_give_up", claim="claim", account="G", reason="not ours")) == [("G", 3, "refused")]
    for account in ("G", "A"):
        again = house.control("accept_give_up", claim="claim", account=account)
        assert again.rejection is not None
        assert again.rejection.code is Code.NOT_PENDING
    house.tell("accept_give_up", claim="claim", account="B")
    assert house.fold.state.claims == {}
    house.tell("request_give_up", trade="T1", side="buy", to={"G": "4"})


@pytest.mark.rule("GUP-2")
@pytest.mark.parametrize("kind", ["request_give_up", "give_up"])
def test_pending_lots_are_asked_for_once(kind: str) -> None:
    """Nobody else is given what waits for an answer; what is left can be."""
    house = requested()
    too_many = house.control(kind, trade="T1", side="buy", to={"G": "2"})
    assert too_many.rejection is not None
    assert too_many.rejection.code is Code.NOT_HELD
    house.tell(kind, trade="T1", side="buy", to={"G": "1"})
    none_left = house.control(kind, trade="T1", side="buy", to={"G": "1"})
    assert none_left.rejection is not None
    assert none_left.rejection.code is Code.ALREADY_MOVED


@pytest.mark.rule("GUP-2")
def test_a_request_is_withdrawn() -> None:
    """The giver takes back all that is pending, and nothing can be accepted any more."""
    house = requested()
    assert parts(house.tell("withdraw_give_up", claim="claim")) == [("B", 6, "withdrawn"), ("G", 3, "withdrawn")]
    late = house.control("accept_give_up", claim="claim", account="B")
    assert late.rejection is not None
    assert "answered, withdrawn or lapsed" in late.rejection.message


@pytest.mark.rule("GUP-2")
def test_what_nobody_answers_lapses() -> None:
    """With a bust, with the final, and at the cut that opens the first date too late for a correction."""
    lapsed = [("B", 6, "lapsed"), ("G", 3, "lapsed")]
    assert parts(requested().tell("bust", trade="T1")) == lapsed
    house = requested()
    house.settle()
    assert parts(house.tell("final", **FINAL)) == lapsed
    house = requested()
    steps = [house.settle(f"2026-08-{day:02}") for day in (3, 4, 5, 6, 7, 10)]
    assert [parts(step) for step in steps] == [[]] * 5 + [lapsed]


@pytest.mark.rule("GUP-2")
def test_what_is_pending_is_listed_with_the_date_on_which_it_lapses() -> None:
    """A row for each taker that has not answered; the date is the one whose opening ends it, holidays counted."""
    house = requested()
    house.tell("calendar", holidays=["2026-08-06"])
    rows = pending_rows(house.fold, {"claim": 20260803})
    assert [(row["taker"], row["lots"], row["since"]) for row in rows] == [
        ("B", 6, "2026-08-03"),
        ("G", 3, "2026-08-03"),
    ]
    assert (rows[0]["trade"], rows[0]["giver"], rows[0]["side"], rows[0]["contract"]) == ("T1", "A", "buy", "GPUH")
    assert {row["lapses"] for row in rows} == {"2026-08-12"}
    for day in (3, 4, 5, 7, 10):
        house.settle(f"2026-08-{day:02}")
    house.tell("refuse_give_up", claim="claim", account="B", reason="no")
    assert [row["taker"] for row in pending_rows(house.fold, {})] == ["G"]
    house.settle("2026-08-11")
    assert house.fold.state.open is not None
    assert (house.fold.state.open.date, pending_rows(house.fold, {})) == (20260812, [])


@pytest.mark.rule("GUP-2", "FSP-2")
def test_a_contract_that_closes_sooner_ends_it_sooner() -> None:
    """Two business days after the last trading day, or what the terms say, is before the correction days are over."""
    terms = {"contract": "F", "size": "730", "tick": "0.001", "last_trade": "2026-08-07"}
    calendar = Calendar()
    assert lapse_date(Contract.of(terms), 20260807, calendar) == 20260811
    assert lapse_date(Contract.of({**terms, "final_settlement": {"closing_lag": "9"}}), 20260807, calendar) == 20260817


@pytest.mark.rule("COR-1")
def test_a_trade_beyond_correction_keeps_only_its_id() -> None:
    """Once its correction days are over only the id of a trade is kept: it stays taken, and a bust comes too late."""
    house = House()
    house.trade()
    for day in (3, 4, 5, 6, 7, 10):
        house.settle(f"2026-08-{day:02}")
    assert house.fold.state.trades == {}
    again, bust = house.trade(), house.control("bust", trade="T1")
    assert again.rejection is not None
    assert again.rejection.code is Code.DUPLICATE_TRADE
    assert bust.rejection is not None
    assert bust.rejection.code is Code.TOO_LATE
    assert GatewayFold.restore(house.fold.snapshot()).state.past == {"T1": 1}
