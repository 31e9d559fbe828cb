"""The order book against a plain model of price-time priority, and its properties under any sequence of orders."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.exchange.book import Order, OrderBook, Side

ACCOUNTS = ("A", "B", "C", "D")
orders = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(("BUY", "SELL")), st.integers(1, 9), st.integers(95, 105))
commands = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), orders, st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("replace"), st.integers(0, 40), st.integers(1, 9), st.integers(95, 105)),
    ),
    max_size=60,
)


@dataclass
class Plain:
    """An order of the model, with the moment from which it waits."""

    order_id: str
    account: str
    side: Side
    remaining: int
    price: int
    since: int


class PlainBook:
    """Price-time priority as it is written in a rulebook: a list, searched anew for every match."""

    def __init__(self) -> None:
        self.resting: list[Plain] = []
        self.moment = 0

    def submit(self, order: Plain, *, rests: bool) -> list[tuple[str, int, int]]:
        """Return the matches as (resting order, lots, price)."""
        self.moment += 1
        order.since = self.moment
        matches = []
        while order.remaining:
            sign = 1 if order.side == "BUY" else -1
            others = [
                each for each in self.resting if each.side != order.side and sign * (order.price - each.price) >= 0
            ]
            if not others:
                break
            best = min(others, key=lambda each: (sign * each.price, each.since))
            if best.account == order.account:
                self.resting.remove(best)
                continue
            lots = min(order.remaining, best.remaining)
            order.remaining -= lots
            best.remaining -= lots
            matches.append((best.order_id, lots, best.price))
            if not best.remaining:
                self.resting.remove(best)
        if order.remaining and rests:
            self.resting.append(order)
        return matches

    def find(self, order_id: str) -> Plain | None:
        """Return a resting order."""
        return next((each for each in self.resting if each.order_id == order_id), None)


def play(steps: list[tuple[object, ...]]) -> tuple[OrderBook, PlainBook]:
    """Run the same commands through both books and compare every match."""
    book, plain = OrderBook(), PlainBook()
    for number, step in enumerate(steps):
        match step:
            case ("submit", (str(account), side, int(lots), int(price)), bool(rests)):
                order = Order(f"O{number}", account, side, lots, price)  # type: ignore[arg-type]
                execution = book.submit(order, rests=rests)
                model = plain.submit(Plain(order.order_id, account, order.side, lots, price, 0), rests=rests)
            case ("cancel", int(target)):
                found = plain.find(f"O{target}")
                if found is not None:
                    plain.resting.remove(found)
                    assert book.cancel(found.order_id).remaining == found.remaining
                continue
            case ("replace", int(target), int(lots), int(price)):
                found = plain.find(f"O{target}")
                if found is None:
                    continue
                execution = book.replace(found.order_id, remaining=lots, price_ticks=price)
                if price == found.price and lots <= found.remaining:
                    found.remaining = lots
                    model = []
                else:
                    plain.resting.remove(found)
                    found.remaining, found.price = lots, price
                    model = plain.submit(found, rests=True)
            case _:
                raise AssertionError(step)
        assert [(each.resting.order_id, each.lots, each.price_ticks) for each in execution.matches] == model
    return book, plain


@given(commands)
def test_matches_like_the_plain_model(steps: list[tuple[object, ...]]) -> None:
    """Every match is with the best price and, within it, with the order that waited longest; the same rests."""
    book, plain = play(steps)
    key = {"BUY": 0, "SELL": 1}
    expected = sorted(plain.resting, key=lambda each: (key[each.side], each.price, each.since))
    assert [(each.order_id, each.remaining) for each in book.orders()] == [
        (each.order_id, each.remaining) for each in expected
    ]


@given(commands)
def test_is_never_crossed(steps: list[tuple[object, ...]]) -> None:
    """After every command the best bid stands below the best ask."""
    for end in range(len(steps) + 1):
        book, _ = play(steps[:end])
        if book.bid_ticks is not None and book.ask_ticks is not None:
            assert book.bid_ticks < book.ask_ticks


@given(st.lists(orders, max_size=60))
def test_conserves_lots(entered: list[tuple[str, Side, int, int]]) -> None:
    """Lots that came in are matched (on both sides), resting, or were taken out to prevent a trade with oneself."""
    book = OrderBook()
    matched = prevented = 0
    for number, (account, side, lots, price) in enumerate(entered):
        execution = book.submit(Order(f"O{number}", account, side, lots, price))
        matched += sum(each.lots for each in execution.matches)
        prevented += sum(each.remaining for each in execution.prevented)
        assert all(each.arriving.account != each.resting.account for each in execution.matches)
    assert sum(lots for _, _, lots, _ in entered) == 2 * matched + prevented + sum(o.remaining for o in book.orders())


def test_first_come_first_served_within_a_price() -> None:
    """Two offers at one price are matched in the order in which they came, at their price and not the taker's."""
    book = OrderBook()
    book.submit(Order("first", "A", "SELL", 3, 100))
    book.submit(Order("second", "B", "SELL", 3, 100))
    matches = book.submit(Order("taker", "C", "BUY", 4, 101)).matches
    assert [(each.resting.order_id, each.lots, each.price_ticks) for each in matches] == [
        ("first", 3, 100),
        ("second", 1, 100),
    ]


@pytest.mark.parametrize(("lots", "price", "first"), [(2, 100, "first"), (4, 100, "second"), (3, 101, "second")])
def test_only_fewer_lots_keep_the_place(lots: int, price: int, first: str) -> None:
    """A replaced order keeps its place with fewer lots, and goes behind with more lots or another price."""
    book = OrderBook()
    book.submit(Order("first", "A", "BUY", 3, 100))
    book.submit(Order("second", "B", "BUY", 3, 100))
    book.replace("first", remaining=lots, price_ticks=price)
    book.replace("first", remaining=min(lots, 3), price_ticks=100)
    assert book.submit(Order("taker", "C", "SELL", 1, 100)).matches[0].resting.order_id == first


def test_refuses_an_order_without_lots() -> None:
    """An order of zero lots and a replacement by zero are errors of the caller."""
    book = OrderBook()
    with pytest.raises(ValueError, match="lots"):
        book.submit(Order("O1", "A", "BUY", 0, 100))
    book.submit(Order("O2", "A", "BUY", 1, 100))
    with pytest.raises(ValueError, match="cancel the order"):
        book.replace("O2", remaining=0, price_ticks=100)
