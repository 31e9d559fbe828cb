"""Pricing on the real parts: market answers to proposals, and what follows a refused one."""

import pytest

from settlement.domain.money import format_price
from settlement.wire import codec
from streams.gateway.controls import Accepted, Rejected
from streams.pricing.answers import Answers, proposal_id
from tests.gateway.house import PARTITIONS, TERMS, House, Json, session, wait_until


def tiers(contract: str, partition: int, price_nano: int | None, *, last: bool = True, date: int = 20260803) -> Json:
    """Return what a partition answers of a contract."""
    return {
        "stream_seq": 9, "partition": partition, "business_date": date, "contract": contract, "ordinal": 1,
        "previous_nano": None, "tiers": [{"tier": "vwap", "price_nano": price_nano}] if contract else [], "last": last,
    }  # fmt: skip


def test_a_date_is_complete_when_every_partition_has_answered() -> None:
    """Neither a partition without its last record nor a missing one counts; twins change nothing."""
    answers = Answers(2)
    answers.take(tiers("A", 0, 2_350_000_000, last=False))
    answers.take(tiers("A", 0, 9_999_000_000, last=False))
    answers.take(tiers("", 1, None))
    assert list(answers.complete()) == []
    assert answers.waiting() == {20260803: [0]}
    answers.take(tiers("B", 0, None))
    assert list(answers.complete()) == [20260803]
    assert answers.proposal(20260803) == {
        "date": "2026-08-03", "kind": "end_of_day", "prices": {"A": {"price": "2.35", "tier": "vwap"}},
    }  # fmt: skip
    answers.done(20260803)
    answers.take(tiers("A", 0, 1))
    assert list(answers.complete()) == []


def test_after_its_last_trading_day_a_contract_is_not_priced() -> None:
    """The gateway settles it at its prior price, and would refuse one that is given."""
    answers = Answers(1)
    answers.list_terms({"contract": "A", "last_trade": "2026-08-03"})
    answers.list_terms({"contract": "B", "last_trade": None})
    for date in (20260803, 20260804):
        answers.take(tiers("A", 0, 10**9, last=False, date=date))
        answers.take(tiers("B", 0, 10**9, date=date))
    assert [sorted(answers.proposal(date)["prices"]) for date in answers.complete()] == [["A", "B"], ["B"]]


@pytest.mark.rule("VM-5", "CUT-1")
def test_a_day_settles_at_what_the_market_says(house: House) -> None:
    """Real folds answer the cut, pricing proposes once, the gateway accepts; a restart proposes nothing again.

    A set that the tiers leave incomplete is refused; the prices by hand take the next id.
    """
    house.open()
    feed, gateway = house.feed(), house.gateway()
    folds = house.worker("orders")
    pricing = house.start("streams.pricing", "pricing")
    feed.write(*session("2026-08-03", 1, 40))
    wait_until("the session taken", lambda: gateway.has_taken(feed))
    house.append("cut", {"date": "2026-08-03"})
    first = proposal_id(20260803)
    assert wait_until("an answer", lambda: house.controls.known(first)) == Accepted()
    priced = [record for name, record in _decoded(house, "fills", 0) if name == "prices"]
    assert [(one["business_date"], one["number"], one["control_id"]) for one in priced] == [(20260803, 1, first)]
    assert [(p["contract"], p["tier"]) for p in priced[0]["prices"]] == [("GPUH", "vwap")]
    assert format_price(priced[0]["prices"][0]["price_nano"]) == "2.321"

    dark = {**TERMS, "contract": "DARK", "daily_settlement": {"tiers": ["last-in-quote"]}}
    assert house.ask("listing", dark) == Accepted()
    house.ask("carry", {"contract": "DARK", "price": "2.000", "positions": {"M01-H": "1", "M02-H": "-1"}})
    house.append("cut", {"date": "2026-08-04"})
    refused = wait_until("an answer", lambda: house.controls.known(proposal_id(20260804)))
    assert isinstance(refused, Rejected)
    assert refused.code == "MISSING_PRICE"
    wait_until("a word", lambda: "prices of 2026-08-04 by hand" in pricing.heartbeat().get("waiting_for", ""))
    by_hand = house.controls.unused_id("prices/2026-08-04/end_of_day")
    assert by_hand == "prices/2026-08-04/end_of_day/2"
    prices = {"DARK": "2.1", "GPUH": "2.35"}
    answer = house.ask("prices", {"date": "2026-08-04", "kind": "end_of_day", "prices": prices}, by_hand)
    assert answer == Accepted()

    controls = len(house.log_of("controls"))
    pricing.kill()
    again = house.start("streams.pricing", "pricing")
    wait_until("the market read", lambda: len(again.heartbeat().get("cursors", {})) == PARTITIONS + 1)
    assert again.heartbeat()["proposed"] == 0
    assert len(house.log_of("controls")) == controls
    assert folds.process.poll() is None


def _decoded(house: House, topic: str, partition: int) -> list[tuple[str, Json]]:
    return [codec.decode(value) for _, value in house.log_of(topic, partition)]
