"""Pricing on the real parts: market answers to proposals, and what follows a refused one."""

import json

import pytest

from settlement.domain.dates import format_date
from settlement.domain.money import format_price
from settlement.domain.versions import TermsBook
from settlement.wire import codec
from streams.gateway.controls import Accepted, Rejected, encode_control
from streams.pricing.answers import Answers, proposal_id
from streams.pricing.heard import Heard
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
    assert list(answers.complete()) == [], "the cut that the market answered was not heard yet"
    answers.cut({"date": "2026-08-03"})
    assert list(answers.complete()) == [20260803]
    assert answers.proposal(20260803, TermsBook()) == {
        "date": "2026-08-03", "kind": "end_of_day", "prices": {"A": {"price": "2.35", "tier": "vwap"}},
    }  # fmt: skip
    answers.done(20260803)
    answers.take(tiers("A", 0, 1))
    assert list(answers.complete()) == []


def test_after_its_last_trading_day_a_contract_is_not_priced() -> None:
    """The gateway settles it at its prior price, and would refuse one that is given."""
    answers, terms = Answers(1), TermsBook()
    terms.take({"contract": "A", "last_trade": "2026-08-03"}, 0)
    terms.take({"contract": "B", "last_trade": None}, 0)
    for date in (20260803, 20260804):
        answers.take(tiers("A", 0, 10**9, last=False, date=date))
        answers.take(tiers("B", 0, 10**9, date=date))
        answers.cut({"date": format_date(date)})
    assert [sorted(answers.proposal(date, terms)["prices"]) for date in answers.complete()] == [["A", "B"], ["B"]]


@pytest.mark.rule("TRM-1")
def test_a_date_is_proposed_by_its_own_last_trading_day() -> None:
    """A last trading day that moves from the next date on, either way, does not touch the date that is cut."""
    answers, terms = Answers(1), TermsBook()
    terms.take({"contract": "A", "last_trade": "2026-07-31"}, 0)
    terms.take({"contract": "B", "last_trade": "2026-08-03"}, 0)
    for name, last in (("A", "2026-08-31"), ("B", "2026-07-31")):
        terms.take({"contract": name, "last_trade": last, "effective_date": "2026-08-04"}, 20260803)
    terms.open(20260804)
    answers.take(tiers("A", 0, 10**9, last=False))
    answers.take(tiers("B", 0, 10**9))
    answers.cut({"date": "2026-08-03"})
    assert [sorted(answers.proposal(date, terms)["prices"]) for date in answers.complete()] == [["B"]]


@pytest.mark.rule("DSP-1")
def test_a_cut_that_holds_leaves_its_date_to_people() -> None:
    """Nothing is proposed of it, whenever the market answers, until it is priced."""
    answers = Answers(1)
    answers.cut({"date": "2026-08-03", "hold": True})
    answers.take(tiers("A", 0, 10**9))
    assert (list(answers.complete()), answers.held) == ([], {20260803})
    answers.done(20260803)
    assert (list(answers.complete()), answers.held, answers.waiting()) == ([], set(), {})


def test_controls_are_heard_in_order_once_they_are_answered() -> None:
    """An answer that comes before its control waits for it; advances, garbage and twins are passed over."""
    heard = Heard()
    for seq, kind in enumerate(("cut", "advance", "fix", "cut")):
        payload = {"feed": "x", "from": 1, "to": 2} if kind == "advance" else {}
        heard.control(seq, encode_control(kind, payload, control_id=f"C{seq}"))
    heard.control(4, b"garbage")
    heard.outcome({"control_seq": 2, "accepted": True})
    assert list(heard.answered()) == []
    for accepted in (True, False):
        heard.outcome({"control_seq": 0, "accepted": accepted})
    assert [(seq, outcome["accepted"]) for seq, _, outcome in heard.answered()] == [(0, True), (2, True)]
    heard.outcome({"control_seq": 0, "accepted": True})
    assert heard.waits
    heard.outcome({"control_seq": 3, "accepted": True})
    assert [control["control_id"] for _, control, _ in heard.answered()] == ["C3"]
    assert not heard.waits
    heard.sent(5)
    assert heard.waits


FINAL = {"method": "average", "series": "H100", "days": "business", "from": "2026-07-30", "to": "2026-07-31",
         "missing": "error", "precision": 4}  # fmt: skip
EXPIRING = {**TERMS, "contract": "JULY", "last_trade": "2026-07-31", "final_settlement": FINAL}


@pytest.mark.rule("FSP-2", "FSP-3")
def test_a_contract_is_settled_finally_from_its_fixings(house: House) -> None:
    """Provisional prices follow the fixings, a missing day is told, the closing day's final price pays, and a restart
    proposes nothing again; one that people closed first is left alone.
    """
    house.open("2026-07-31")
    house.gateway()
    house.worker("orders")
    house.worker("index")
    pricing = house.start("streams.pricing", "pricing")
    for name in ("JULY", "HAND"):
        house.append("listing", {**EXPIRING, "contract": name})
        house.append("carry", {"contract": name, "price": "2.000", "positions": {"M01-H": "3", "M02-H": "-3"}})
    house.append("fixing", {"series": "H100", "date": "2026-07-30", "value": "2.1"})
    house.append("cut", {"date": "2026-07-31"})
    lacks = "JULY: the fixing of H100 for 2026-07-31"
    wait_until("a word", lambda: lacks in pricing.heartbeat().get("waiting_for", ""))
    house.append("fixing", {"series": "H100", "date": "2026-07-31", "value": "2.2"})
    stem = "final/JULY"
    assert wait_until("a price", lambda: house.controls.known(f"{stem}/provisional/1")) == Accepted()
    wait_until("nothing to wait for", lambda: pricing.heartbeat()["waiting_for"] == "")
    house.append("fixing", {"series": "H100", "date": "2026-07-31", "value": "2.3"})
    assert wait_until("a price", lambda: house.controls.known(f"{stem}/provisional/2")) == Accepted()
    house.append("cut", {"date": "2026-08-03"})
    by_hand = {"contract": "HAND", "date": "2026-08-04", "price": "2.5", "status": "final"}
    assert house.ask("final", by_hand, approved_by="bob") == Accepted()
    house.append("fixing", {"series": "H100", "date": "2026-07-31", "value": "9"})  # from the closing day on: ignored
    assert wait_until("a price", lambda: house.controls.known(f"{stem}/final/1")) == Accepted()
    closed = {"JULY": "final", "HAND": "final"}
    wait_until("a state", lambda: pricing.heartbeat().get("finals") == closed)
    pricing.kill()
    again = house.start("streams.pricing", "pricing")
    wait_until("the log read", lambda: again.heartbeat().get("finals") == closed)
    assert again.heartbeat()["proposed"] == 0
    provisional = [("provisional", "2.15", "average"), ("provisional", "2.2", "average")]
    assert _finals(house, "JULY") == [("final", "2.2", "average"), *provisional]
    assert _finals(house, "HAND") == [("final", "2.5", "given"), *provisional]


def _finals(house: House, contract: str) -> list[tuple[str, ...]]:
    controls = [record for record in house.records("controls") if record["kind"] == "final"]
    payloads = [json.loads(record["payload"]) for record in controls]
    ours = [one for one in payloads if one["contract"] == contract]
    return sorted((one["status"], one["price"], one.get("tier", "given")) for one in ours)


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
    prices = {"DARK": {"price": "2.1", "tier": "given", "would_have_been": None}, "GPUH": "2.35"}
    payload = {"date": "2026-08-04", "kind": "end_of_day", "prices": prices}
    answer = house.ask("prices", payload, by_hand, approved_by="bob")  # GPUH has tiers, and nobody says what they gave
    assert answer == Accepted()
    wait_until("nothing to wait for", lambda: pricing.heartbeat()["waiting_for"] == "")

    controls = len(house.log_of("controls"))
    pricing.kill()
    again = house.start("streams.pricing", "pricing")
    wait_until("the market read", lambda: len(again.heartbeat().get("cursors", {})) == PARTITIONS + 3)
    assert again.heartbeat()["proposed"] == 0
    assert len(house.log_of("controls")) == controls
    assert folds.process.poll() is None


def _decoded(house: House, topic: str, partition: int) -> list[tuple[str, Json]]:
    return [codec.decode(value) for _, value in house.log_of(topic, partition)]
