"""Long and short lots kept apart: what resting orders claim cannot be claimed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.exchange.book import Order, Side
from infra.exchange.gross import GrossPositions

pytestmark = pytest.mark.rule("ACC-1")


def closing(order_id: str, side: Side, lots: int) -> Order:
    """Return an order of account A that closes."""
    return Order(order_id, "A", side, lots, 100, closes=True)


@given(st.lists(st.tuples(st.sampled_from(("open", "claim", "match", "cancel")), st.integers(1, 9)), max_size=50))
def test_claims_never_exceed_the_position(steps: list[tuple[str, int]]) -> None:
    """Whatever opens, rests, matches or is cancelled: free is what is held less what rests to close."""
    gross = GrossPositions()
    held, resting = 0, list[Order]()
    for number, (step, lots) in enumerate(steps):
        if step == "open":
            gross.match("A", "BUY", lots, closes=False)
            held += lots
        elif step == "claim":
            order = closing(f"O{number}", "SELL", lots)
            if lots <= held - sum(each.remaining for each in resting):
                gross.claim(order)
                resting.append(order)
            else:
                with pytest.raises(ValueError, match="to close"):
                    gross.claim(order)
        elif step == "match" and resting:
            order = resting[0]
            part = min(lots, order.remaining)
            order.remaining -= part
            held -= part
            gross.match("A", "SELL", part, closes=True)
            resting = [each for each in resting if each.remaining]
        elif step == "cancel" and resting:
            gross.release(resting.pop())
        assert gross.free("A", "SELL") == held - sum(each.remaining for each in resting) >= 0
        assert gross.free("A", "BUY") == 0


def test_lots_stay_overnight_and_claims_do_not() -> None:
    """The next session finds the positions, and nothing set aside."""
    gross = GrossPositions()
    gross.match("A", "SELL", 5, closes=False)
    gross.claim(closing("O1", "BUY", 3))
    assert (gross.free("A", "BUY"), gross.overnight().free("A", "BUY"), gross.overnight().free("A", "SELL")) == (
        2,
        5,
        0,
    )
