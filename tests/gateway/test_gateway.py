"""The gateway on the real broker: what is refused, what operators are told, what waits for whom."""

import json
import time

import pytest

from settlement.wire import codec
from streams.gateway.controls import Accepted, Controls, ControlsError, NoOutcomeError, Rejected, encode_control
from tests.gateway.house import Feed, House, Running, contiguous, session, trade, wait_until


def taken(gateway: Running, feed: Feed) -> None:
    """Wait until the gateway has taken the whole feed."""
    wait_until("the feed taken", lambda: gateway.has_taken(feed))


@pytest.mark.rule("ENT-1", "ENT-2", "ENT-3", "ENT-6")
def test_what_cannot_be_accepted_is_kept_and_the_rest_goes_on(house: House) -> None:
    """A bad line, an unknown contract, an off-tick price, a row and undecodable controls: one rejection each."""
    house.open()
    feed = house.feed()
    feed.write({"type": "session_open", "business_date": "2026-08-03"}, trade(1))
    bad = feed.write_raw(b'{"source_seq": 3, "type": "trade", \xff}')
    unknown = feed.write(trade(2, contract="COAL"))
    off_tick = feed.write(trade(3, price="2.3005"))
    row = feed.write({"type": "text", "file": "rows.csv", "line": 7, "text": "6,T9,GPUH,M01-H,nobody,1,2.3,x"})
    feed.write(trade(4))
    gateway = house.gateway()
    taken(gateway, feed)
    junk = house.controls.append_bytes(b"\0\0\0\0\1junk", "")
    half = house.controls.append_bytes(
        encode_control("cut", {"date": "2026-08-03"}, control_id="c", requested_by="x")[:-3], "c"
    )
    text = house.controls.append_bytes(_control_with("{not json"), "text")
    surrogate = house.controls.append_bytes(_control_with('{"date":"\\ud800"}'), "surrogate")
    advance = house.append("advance", {"feed": "../x", "from": 1, "to": "2"})[1]
    assert house.ask("cut", {"date": "2026-08-03"}) == Accepted()
    found = {(one["feed"], one["source_seq"]): one for one in house.rejections()}
    codes = {place: one["code"] for place, one in found.items()}
    malformed = {("controls", at): "MALFORMED" for at in (junk, half, text, surrogate, advance)}
    assert codes == {
        ("exchange", bad): "MALFORMED", ("exchange", unknown): "UNKNOWN_CONTRACT", ("exchange", off_tick): "OFF_TICK",
        ("exchange", row): "MALFORMED", **malformed,
    }  # fmt: skip
    assert found["exchange", bad]["original"] == b'{"source_seq": 3, "type": "trade", \xff}'
    assert found["exchange", bad]["place"] == "exchange.jsonl line 3"
    assert found["exchange", row]["place"] == "rows.csv line 7"
    assert found["exchange", row]["original"] == b"6,T9,GPUH,M01-H,nobody,1,2.3,x"
    assert found["controls", junk]["original"] == b"\0\0\0\0\1junk"
    assert found["controls", junk]["place"] == f"controls {junk}"
    assert found["controls", text]["control_id"] == "text"
    assert found["exchange", off_tick]["message"].startswith("Expected a price of GPUH that is a multiple of the tick")
    assert found["exchange", off_tick]["rule"] == "Trade and daily prices are multiples of the contract's tick."
    assert all(one["business_date"] == 20260803 for one in found.values())
    assert {one["trade_id"] for one in _fills(house)} == {"T1", "T4"}


def _control_with(payload: str) -> bytes:
    record = {
        "control_id": "surrogate" if "ud800" in payload else "text", "kind": "cut", "requested_by": "ann",
        "approved_by": "", "reason": "", "exchange_reference": "", "requested_at_us": 0, "payload": payload,
    }  # fmt: skip
    return codec.encode("control", record)


def _fills(house: House) -> list[dict[str, object]]:
    decoded = [
        codec.decode(value) for name, values in house.written().items() if name.startswith("fills") for value in values
    ]
    return [record for name, record in decoded if name == "fill"]


@pytest.mark.rule("ENT-6")
def test_whoever_asks_is_told_what_became_of_a_control(house: House) -> None:
    """Accepted, refused with its code, repeated as the first time, reused: each by the place of the control."""
    house.open()
    house.gateway()
    assert house.ask("cut", {"date": "2026-08-03"}, "cut-1") == Accepted()
    assert house.ask("cut", {"date": "2026-08-03"}, "cut-1") == Accepted(repeated=True)
    refused = house.ask("cut", {"date": "2026-08-03"}, "cut-2")
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.repeated) == ("WRONG_DATE", False)
    assert refused.message == "Expected a cut of the open date 2026-08-04, was 2026-08-03."
    again = house.ask("cut", {"date": "2026-08-03"}, "cut-2")
    assert again == Rejected(refused.code, refused.rule, refused.message, repeated=True)
    reused = house.ask("cut", {"date": "2026-08-04"}, "cut-1")
    assert isinstance(reused, Rejected)
    assert reused.code == "CONTROL_REUSED"
    with Controls(house.bootstrap, house.prefix) as elsewhere:
        assert elsewhere.known("cut-1") == Accepted()
        assert elsewhere.known("cut-2") == Rejected(refused.code, refused.rule, refused.message)
        assert elsewhere.known("cut-3") is None
        assert elsewhere.unused_id("cut") == "cut/1"
    assert len(house.records("rejections")) == 2


def test_a_gateway_that_does_not_answer_is_said_so(house: House) -> None:
    """Without a gateway the operator learns that the control stands, and where; a later gateway applies it."""
    house.open()
    control_id, offset = house.append("cut", {"date": "2026-08-03"})
    with pytest.raises(NoOutcomeError, match=f"was silent.*stands in the log at {offset}"):
        house.controls.outcome(control_id, offset, timeout=0.5)
    house.gateway()
    assert house.controls.outcome(control_id, offset, timeout=30) == Accepted()


def test_a_control_takes_no_binary_numbers() -> None:
    """A price as a binary number is refused before it is sent, and so is a control without an id."""
    with pytest.raises(ControlsError, match=r"payload.prices.GPUH: Expected decimal text, was the binary number 2.35"):
        encode_control("prices", {"prices": {"GPUH": 2.35}}, control_id="x", requested_by="ann")
    with pytest.raises(ControlsError, match="Expected a control id"):
        encode_control("prices", {}, control_id="", requested_by="ann")


@pytest.mark.rule("CUT-1", "ENT-8")
def test_a_session_waits_for_the_cut_before_it(house: House) -> None:
    """Nothing is taken before a date is open, and no session before its date is; the heartbeat says what is awaited."""
    feed, gateway = house.feed(), house.gateway()
    feed.write(*session("2026-08-03", 1, 5), *session("2026-08-04", 6, 5))
    wait_until(
        "a word", lambda: gateway.heartbeat().get("waiting_for") == "the first business date (novate day open DATE)"
    )
    assert house.sizes()["fills-0"] == 0
    house.open()
    wait_until(
        "a word",
        lambda: gateway.heartbeat().get("waiting_for") == "cut of 2026-08-03 before the session of 2026-08-04",
    )
    next_open = gateway.heartbeat()["feeds"]["exchange"]
    assert next_open["next_seq"] < next_open["available"] == feed.next_seq - 1
    assert {one["trade_id"] for one in _fills(house)} == {f"T{n}" for n in range(1, 6)}
    house.append("cut", {"date": "2026-08-03"})
    taken(gateway, feed)
    dates = {one["trade_id"]: one["business_date"] for one in _fills(house)}
    assert dates == {f"T{n}": 20260803 if n < 6 else 20260804 for n in range(1, 11)}
    assert gateway.heartbeat()["waiting_for"] == ""


def test_a_half_written_line_waits(house: House) -> None:
    """A last line without its newline is no record yet; when the rest is there it is taken."""
    house.open()
    feed, gateway = house.feed(), house.gateway()
    feed.write({"type": "session_open", "business_date": "2026-08-03"}, trade(1))
    taken(gateway, feed)
    whole = json.dumps({"source_seq": 3, **trade(2)}).encode() + b"\n"
    feed.write_bytes(whole[:40])
    time.sleep(0.5)
    assert gateway.has_taken(feed)
    feed.write_bytes(whole[40:])
    feed.next_seq += 1
    taken(gateway, feed)
    assert house.rejections() == []


def test_a_broken_feed_halts_alone(house: House) -> None:
    """A hole in a journal halts that feed and says why; other feeds and controls go on, and so does it when mended."""
    house.open()
    feed, other, gateway = house.feed(), house.feed("other"), house.gateway()
    feed.write({"type": "session_open", "business_date": "2026-08-03"}, trade(1))
    sound = feed.path.read_bytes()
    feed.write_bytes(json.dumps({"source_seq": 9, **trade(2)}).encode() + b"\n")
    other.write(trade(3), trade(4))
    wait_until("a halt", lambda: "halted" in gateway.heartbeat().get("feeds", {}).get("exchange", {}))
    wait_until("the other feed taken", lambda: gateway.has_taken(other, "other"))
    beat = gateway.heartbeat()
    assert beat["feeds"]["exchange"]["next_seq"] == 3
    assert "expected source_seq 3, was 9" in beat["waiting_for"]
    assert house.ask("listing", {**_terms(), "contract": "NEXT"}) == Accepted()
    feed.path.write_bytes(sound)
    feed.write(trade(2))
    taken(gateway, feed)
    assert {one["trade_id"] for one in _fills(house)} == {"T1", "T2", "T3", "T4"}


def _terms() -> dict[str, object]:
    return {"contract": "X", "size": "1", "tick": "0.01"}


def test_released_records_are_waited_for(house: House) -> None:
    """When a journal lost what was released nothing overtakes it; the controls go on when it is back."""
    house.open()
    feed = house.feed()
    feed.write({"type": "session_open", "business_date": "2026-08-03"}, trade(1))
    house.append("advance", {"feed": "exchange", "from": 1, "to": 4})
    house.append("cut", {"date": "2026-08-03"})
    gateway = house.gateway()
    wait_until("a word", lambda: "records 3 to 4 of the feed exchange" in gateway.heartbeat().get("waiting_for", ""))
    assert gateway.heartbeat()["cursors"] == {}
    assert [codec.decode(value)[0] for _, value in house.log_of("orders")].count("cut") == 0
    feed.write(trade(2), trade(3))
    assert house.ask("open", {"date": "2026-08-04"}) == Accepted()
    dates = {one["trade_id"]: one["business_date"] for one in _fills(house)}
    assert dates == {"T1": 20260803, "T2": 20260803, "T3": 20260803}


def test_keys_say_where_a_record_belongs(house: House) -> None:
    """Keys are the account, the contract, the series, or `*` for what goes everywhere; and none is null."""
    house.open()
    feed, gateway = house.feed(), house.gateway()
    feed.write(*session("2026-08-03", 1, 8))
    house.append("bust", {"trade": "T1"}, reason="error")
    taken(gateway, feed)
    house.ask("cut", {"date": "2026-08-03"})
    seen = {}
    for topic in ("fills", "orders", "index-ticks"):
        for partition in range(3):
            log = house.log_of(topic, partition)
            contiguous(log)
            for key, value in log:
                name, record = codec.decode(value)
                fields = {"account", "contract", "series"} & record.keys()
                seen[topic, name] = next(
                    (f for f in ("account", "contract", "series") if str(record.get(f)).encode() == key), key
                )
                assert fields or key == b"*"
    assert seen == {
        ("fills", "account"): "account", ("fills", "fill"): "account", ("fills", "listing"): b"*",
        ("fills", "cut"): b"*", ("orders", "listing"): "contract", ("orders", "public_trade"): "contract",
        ("orders", "quote"): "contract", ("orders", "cut"): b"*", ("index-ticks", "series"): "series",
        ("index-ticks", "index_tick"): "series",
    }  # fmt: skip
