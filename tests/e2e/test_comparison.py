"""The comparison of books can fail: whatever is taken away, added or changed is found, by its place."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from settlement.wire import codec
from tests.e2e.baseline import Baseline
from tests.e2e.books import Books, compare

Change = Callable[[Books], str]


def _lose_a_fill(books: Books) -> str:
    return "lost fills-2 100" if books.rows.pop("fills-2 100") else ""


def _post_a_payment_twice(books: Books) -> str:
    place = next(place for place in books.rows if place.startswith("ledger.payment 3,"))
    books.rows[place.replace(" 3,", " 7,")] = books.rows[place]
    return "doubled " + place.replace(" 3,", " 7,")


def _alter_a_line(books: Books) -> str:
    place = next(place for place in books.rows if place.startswith("variation-margin-1 ") and "result" not in place)
    name, record = codec.decode(books.rows[place])
    books.rows[place] = codec.encode(name, {**record, "tvar_minor": record["tvar_minor"] + 1})
    return f"conflicting {place}"


def _say_something_else_again(books: Books) -> str:
    books.add("fills", "fills-0 5", books.rows["fills-0 6"])
    return "conflicting fills-0 5"


def _alter_a_statement(books: Books) -> str:
    books.rows["statements/2026-08-04/M07.csv"] += b"\n"
    return "conflicting statements/2026-08-04/M07.csv"


def _move_a_live_position(books: Books) -> str:
    place = next(place for place in books.rows if place.startswith("positions "))
    books.rows[place] = b"[1000, 0, 0]"
    return f"conflicting {place}"


@pytest.mark.parametrize(
    "change",
    [
        _lose_a_fill, _post_a_payment_twice, _alter_a_line, _say_something_else_again, _alter_a_statement,
        _move_a_live_position,
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_found(baseline: Baseline, change: Change) -> None:
    """One fault in the books is that fault and no other."""
    altered = deepcopy(baseline.books)
    kind, _, place = change(altered).partition(" ")
    faults = compare(baseline.books, altered)
    assert not faults.none
    found = {name: getattr(faults, name) for name in ("lost", "doubled", "conflicting")}
    assert found == {**{name: [] for name in found}, kind: [place]}


def test_equal_twins_are_no_fault(baseline: Baseline) -> None:
    """A record that came again with the same bytes is counted, and the books stay equal."""
    again = deepcopy(baseline.books)
    again.add("fills", "fills-0 5", bytes(again.rows["fills-0 5"]) + b"")
    again.add("fills", "fills-0 6", bytes(bytearray(again.rows["fills-0 6"])))
    assert compare(baseline.books, again).none
    assert again.twins["fills"] == baseline.books.twins["fills"] + 1


def test_the_undisturbed_run_has_everything_in_it(baseline: Baseline) -> None:
    """What is compared has every kind of place, and the undisturbed run passes its audit without a twin of money."""
    places = {place.split("/")[0].split(" ")[0].rstrip("-0123456789") for place in baseline.books.rows}
    assert places >= {
        "fills", "orders", "index-ticks", "variation-margin", "market", "positions", "fixing", "controls", "outcomes",
        "rejections", "settlements", "statements", "replay", "ledger.cycle", "ledger.margin_line", "ledger.payment",
        "ledger.posting", "ledger.journal", "ledger.outbox", "ledger.partition_mark", "ledger.account",
    }  # fmt: skip
    assert baseline.books.rows["replay"] == b"PASS"
    assert baseline.books.conflicts == []
    assert len(baseline.books.rows) > 8_000
