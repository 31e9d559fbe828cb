"""The gateway's fold under generated input: nothing it is told breaks it, and a snapshot changes nothing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.domain.feed import FeedRecord, Unreadable
from settlement.folds.gateway import KINDS, GatewayFold, Step
from settlement.wire import codec
from streams.gateway.feeds import FeedLine, parse_line
from streams.gateway.instructions import Instruction, read_control

Json = dict[str, Any]
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

EDGES = [
    "0",
    "1",
    "-1",
    "0.001",
    "2.350",
    "2.3505",
    "9200000000",
    "9199999999.999",
    "99999999999999999999",
    "1e5",
    "",
    "x",
]
NAMES = ["A", "B", "G", "GPUH", "JPY1", "IDX", "T1", "T2", "T3", "T4", "nobody"]
DATES = ["2026-08-03", "2026-08-04", "2026-08-05", "9999-12-31", "0001-01-01", "2026-02-30", ""]
WORDS = ["long", "short", "buy", "sell", "open", "close", "house", "client", "net", "gross", "end_of_day", "intraday",
         "final", "provisional"]  # fmt: skip
KEYS = ["contract", "account", "trade", "trades", "price", "prices", "lots", "from", "to", "side", "date", "next",
        "cut", "kind", "positions", "position", "amount", "series", "value", "at", "feed", "source_seq", "holidays",
        "size", "currency", "tick", "fee", "rounding", "cap", "floor", "last_trade", "correction_days",
        "daily_settlement",
        "final_settlement", "claim", "reason",
        "status", "open_close", "member", "origin", "partitions", "month"]  # fmt: skip

leaves = st.one_of(
    st.sampled_from(EDGES + NAMES + DATES + WORDS),
    st.sampled_from(["USD", "JPY", "half-up", "down", "730", "hours-in-month", "2026-08-03T14:00:00Z"]),
    st.integers(-(10**30), 10**30), st.none(), st.booleans(), st.text(max_size=5),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS + NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
payloads = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)

TEMPLATES: list[tuple[str, Json]] = [
    ("open", {"date": "2026-08-03"}),
    ("cut", {"date": "2026-08-03"}), ("cut", {"date": "2026-08-04"}),
    ("account", {"account": "Z", "member": "Z", "origin": "house", "positions": "net"}),
    ("listing", {"contract": "GPUH", "size": "730", "tick": "0.001", "fee": "0.35"}),
    ("listing", {"contract": "NEW", "size": "1", "tick": "0.01"}),
    ("carry", {"contract": "JPY1", "price": "352.37", "positions": {"A": "3", "B": "-3"}}),
    ("bust", {"trade": "T1"}), ("adjust", {"trade": "T2", "price": "2.340"}),
    ("give_up", {"trade": "T1", "side": "buy", "to": {"B": "1"}}),
    ("request_give_up", {"trade": "T2", "side": "buy", "to": {"B": "1", "G": "2"}}),
    ("accept_give_up", {"claim": "C1", "account": "B"}),
    ("refuse_give_up", {"claim": "C1", "account": "G", "reason": "not ours"}),
    ("withdraw_give_up", {"claim": "C2"}),
    ("average", {"account": "A", "contract": "GPUH", "side": "buy", "trades": ["T1", "T2"]}),
    ("transfer", {"contract": "GPUH", "from": "A", "to": "B", "lots": "1", "price": "2.350"}),
    ("close_out", {"contract": "GPUH", "account": "G", "lots": "1"}),
    ("cash_adjustment", {"contract": "GPUH", "from": "A", "to": "B", "amount": "1.00"}),
    ("prices", {"date": "2026-08-03", "kind": "end_of_day", "prices": {"GPUH": {"price": "2.35", "tier": "vwap"}}}),
    ("prices", {"date": "2026-08-03", "kind": "end_of_day", "cut": True, "prices": {"GPUH": "2.35"}}),
    ("prices", {"date": "2026-08-03", "kind": "intraday", "prices": {"GPUH": "2.36"}}),
    ("correct_settlement", {"contract": "GPUH", "date": "2026-08-03", "price": "2.36"}),
    ("final", {"contract": "GPUH", "date": "2026-08-03", "price": "2.36", "status": "final"}),
    ("waive", {"feed": "feed", "source_seq": "5"}),
    ("bank", {"payment": "2026-08-03/end_of_day/1/A/HOUSE/USD", "state": "failed", "amount": "1.00", "reason": "x"}),
    ("calendar", {"holidays": ["2026-08-05"]}),
    ("calendar", {"currency": "USD", "holidays": ["2026-08-05"], "withdrawn": ["2026-08-06"]}),
    ("series", {"series": "IDX", "value_per_provider": "last", "across_providers": "median", "precision": 4}),
    ("fix", {"series": "IDX", "date": "2026-08-03", "at": "2026-08-03T14:00:00Z"}),
    ("fixing", {"series": "IDX", "date": "2026-08-03", "value": "2.35"}),
    ("generation", {"partitions": 3}),
]  # fmt: skip


@st.composite
def controls(draw: st.DrawFn) -> Json:
    """A control as an operator sends it, often with one field gone wrong, seldom with any payload at all."""
    if draw(st.integers(0, 4)):
        kind, template = draw(st.sampled_from(TEMPLATES))
        payload = json.loads(json.dumps(template))
        for _ in range(draw(st.integers(0, 2))):
            payload[draw(st.sampled_from([*payload, *KEYS]))] = draw(values)
    else:
        kind, payload = draw(st.sampled_from([*sorted(KINDS - {"advance"}), "nonsense", ""])), draw(payloads)
    return {"control_id": draw(st.sampled_from([f"C{number}" for number in range(60)])), "kind": kind,
            "requested_by": "ann", "approved_by": draw(st.sampled_from(["", "ann", "bob"])), "reason": "",
            "payload": payload}  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> Json:
    """A line of a feed, often with one field gone wrong."""
    at = "2026-08-03T14:00:00.000000Z"
    record: Json = draw(st.sampled_from([
        {"type": "trade", "trade_id": draw(st.sampled_from([f"T{n}" for n in range(1, 9)])), "contract": "GPUH",
         "buyer": draw(st.sampled_from("ABG")), "seller": draw(st.sampled_from("ABG")),
         "lots": draw(st.sampled_from([1, 2, 5, 0, -1, 10**9, 10**9 + 1])),
         "price": draw(st.sampled_from(["2.350", "2.351", "2.352", *EDGES])), "at": at,
         "buyer_effect": draw(st.sampled_from(["OPEN", "CLOSE"]))},
        {"type": "quote", "contract": "GPUH", "bid": draw(st.sampled_from(["2.349", *EDGES])), "ask": None, "at": at},
        {"type": "order", "order_id": "O", "action": "new", "contract": "GPUH", "account": "A", "side": "BUY",
         "lots": 10**17, "remaining": 10, "price": draw(st.sampled_from(["2.349", *EDGES])), "at": at},
        {"type": "observe", "series": "IDX", "provider": "p", "price": draw(st.sampled_from(["2.99", *EDGES])),
         "quantity": draw(st.sampled_from(["1", *EDGES])), "at": at},
        {"type": "session_open", "business_date": draw(st.sampled_from(DATES))},
        {"type": "session_close", "business_date": "2026-08-03", "trades": 10**17, "lots": 1},
    ]))  # fmt: skip
    if draw(st.integers(0, 5)) == 0:
        record = {**record, draw(st.sampled_from([*record])): draw(values)}
    return record


events = st.lists(st.one_of(controls(), lines()), max_size=30)


class Told:
    """A fold with two contracts, two net and one gross account and three trades, told what is generated."""

    def __init__(self) -> None:
        self.fold = GatewayFold(3)
        self.seq = 0
        for number, (kind, payload) in enumerate(
            [
                ("listing", {"contract": "GPUH", "size": "730", "tick": "0.001", "fee": "0.35"}),
                ("listing", {"contract": "JPY1", "size": "730", "tick": "0.01", "currency": "JPY", "cap": "400"}),
                ("series", {"series": "IDX", "value_per_provider": "last", "across_providers": "median",
                            "precision": 4}),
                *[("account", {"account": name, "member": name, "origin": "house", "positions": "net"})
                  for name in "AB"],
                ("account", {"account": "G", "member": "G", "origin": "client", "positions": "gross"}),
                ("open", {"date": "2026-08-03"}),
            ]
        ):  # fmt: skip
            step = self.control({"control_id": f"setup{number}", "kind": kind, "requested_by": "ann",
                                 "approved_by": "", "reason": "", "payload": payload})  # fmt: skip
            assert step is not None
            assert step.rejection is None
        for number in (1, 2, 3):
            step = self.line({"type": "trade", "trade_id": f"T{number}", "contract": "GPUH", "buyer": "A",
                              "seller": "G", "lots": 5, "price": f"2.35{number}",
                              "at": "2026-08-03T14:00:00.000000Z"})  # fmt: skip
            assert step.rejection is None

    def tell(self, event: Json) -> Step | None:
        """Apply a control or a line."""
        return self.control(event) if "control_id" in event else self.line(event)

    def control(self, control: Json) -> Step | None:
        """Apply a control as the gateway reads it; None for bytes that are none."""
        try:
            text = json.dumps(control["payload"], ensure_ascii=False)
            value = codec.encode(
                "control", {**control, "exchange_reference": "", "requested_at_us": 0, "payload": text}
            )
        except (codec.WireError, UnicodeEncodeError):
            return None
        read = read_control(value)
        return self._checked(self.fold.control(read.control)) if isinstance(read, Instruction) else None

    def line(self, record: Json) -> Step:
        """Apply a line of the feed."""
        self.seq += 1
        original = json.dumps({"source_seq": self.seq, **record}).encode()
        parsed: FeedRecord | Unreadable = parse_line(FeedLine(self.seq, original, f"feed line {self.seq}"))
        return self._checked(self.fold.report("feed", parsed))

    def _checked(self, step: Step) -> Step:
        """Every record can be written, and a refusal says what was expected and what came."""
        for emission in step.emissions:
            codec.encode(emission.name, emission.record)
        if step.rejection is not None:
            assert step.emissions == ()
            assert "xpected " in step.rejection.message
            assert "was " in step.rejection.message
            step.rejection.message.encode()
        return step


def books(fold: GatewayFold) -> bytes:
    """Return what a refused event must leave as it was: everything but the counts of what was refused."""
    state = GatewayFold.restore(fold.snapshot()).state
    state.controls, state.applied, state.breaks = {}, 0, []
    state.feeds = {}
    copy = GatewayFold(state.partitions)
    copy.state = state
    return copy.snapshot()


@pytest.mark.rule("ENT-1", "ENT-5")
@MANY
@given(events)
def test_nothing_that_is_told_breaks_the_fold(told: list[Json]) -> None:
    """Any control and any line is applied or refused; what comes of it can be written; a refusal changes no book."""
    house = Told()
    for event in told:
        before = books(house.fold)
        step = house.tell(event)
        if step is not None and step.rejection is not None:
            assert books(house.fold) == before, event


@MANY
@given(events, st.integers(0, 30))
def test_a_snapshot_anywhere_continues_with_the_same_bytes(told: list[Json], at: int) -> None:
    """A fold that is restored at any moment gives the same records, refusals and snapshot from there on."""
    plain, restored = Told(), Told()
    for number, event in enumerate(told):
        if number == at:
            restored.fold = GatewayFold.restore(restored.fold.snapshot())
        assert plain.tell(event) == restored.tell(event)
    assert plain.fold.snapshot() == restored.fold.snapshot()


@pytest.mark.rule("ENT-6")
@MANY
@given(events)
def test_a_repeated_control_changes_nothing(told: list[Json]) -> None:
    """Every control twice, at once or at the end, leaves the state of every control once."""
    once, twice = Told(), Told()
    seen = []
    for event in told:
        once.tell(event)
        twice.tell(event)
        if "control_id" in event:
            twice.tell(event)
            seen.append(event)
    before = twice.fold.snapshot()
    for event in seen:
        step = twice.tell(event)
        assert step is None or step.emissions == ()
    assert twice.fold.snapshot() == before == once.fold.snapshot()
