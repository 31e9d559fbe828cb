"""Records of a feed that cannot be read, held against the exchange's own total of trades."""

from __future__ import annotations

import json
from typing import Any

import pytest

from settlement.folds.gateway import GatewayFold
from streams.gateway.feeds import FeedLine, parse_line
from tests.gateway.house import TERMS, account, trade

Json = dict[str, Any]


def _control(kind: str, payload: Json) -> Json:
    people = {"requested_by": "ann", "approved_by": "", "reason": ""}
    return {"control_id": f"{kind}/{payload}", "kind": kind, "payload": payload, **people}


def _cut_after(records: list[Json | None]) -> Json:
    """Return the cut of a date with these records of a feed; None is one that cannot be read."""
    fold = GatewayFold(1)
    fold.control(_control("listing", TERMS))
    for number in range(1, 7):
        named = {"account": account(number), "member": f"M{number:02}", "origin": "house", "positions": "net"}
        fold.control(_control("account", named))
    fold.control(_control("open", {"date": "2026-08-03"}))
    for number, record in enumerate(records, start=1):
        line = b"\xff" if record is None else json.dumps({"source_seq": number, **record}).encode()
        fold.report("exchange", parse_line(FeedLine(number, line, f"line {number}")))
    step = fold.control(_control("cut", {"date": "2026-08-03"}))
    return next(emission.record for emission in step.emissions if emission.topic == "fills")


@pytest.mark.rule("ENT-7")
@pytest.mark.parametrize(
    ("unreadable", "total", "refused"), [(1, 1, 0), (1, 2, 1), (3, 2, 1), (1, 4, 1), (1, 0, 0), (2, None, 2)]
)
def test_an_unreadable_record_was_a_trade_as_far_as_the_exchange_counted_more(
    unreadable: int, total: int | None, refused: int
) -> None:
    """Beside one accepted trade, so many unreadable records are refused trades as the exchange's total lacks; without a
    total all of them. Each is an open break in any case.
    """
    records: list[Json | None] = [trade(1), *[None] * unreadable]
    if total is not None:
        records.append({"type": "session_close", "business_date": "2026-08-03", "trades": total, "lots": total})
    cut = _cut_after(records)
    session = cut["sessions"][0]
    assert (session["accepted_trades"], session["rejected_trades"]) == (1, refused)
    assert len(cut["open_breaks"]) == unreadable
