"""The order that the ledger keeps is the log's: dates close in order, the next one may have cycles before they do."""

from typing import Any

import pytest
from psycopg import Connection

from settlement.ledger import queries
from settlement.ledger.errors import CycleOutOfOrder, LedgerRefused
from settlement.ledger.model import CycleId, CyclePosting
from settlement.ledger.poster import post
from tests.ledger.books import a_cycle

FRIDAY = 20260731
MONDAY, TUESDAY, WEDNESDAY = 20260803, 20260804, 20260805


def chained(*cycles: CycleId) -> list[CyclePosting]:
    """Return cycles in the order of their log."""
    before: list[CycleId | None] = [None, *cycles]
    return [a_cycle(cycle, before[place], place=place) for place, cycle in enumerate(cycles)]


@pytest.mark.rule("ENT-8")
def test_cycles_of_the_open_date_stand_before_the_end_of_day_of_the_one_before(conn: Connection[Any]) -> None:
    """Monday is cut and waits for its prices: Tuesday's intraday, correction and final are posted, then both ends."""
    cycles = [
        CycleId(MONDAY, "intraday", 1),
        CycleId(TUESDAY, "intraday", 1),
        CycleId(TUESDAY, "correction", 1),
        CycleId(WEDNESDAY, "final", 1),
        CycleId(MONDAY, "end_of_day", 1),
        CycleId(WEDNESDAY, "intraday", 1),
        CycleId(TUESDAY, "end_of_day", 1),
        CycleId(WEDNESDAY, "end_of_day", 1),
    ]
    for posting in chained(*cycles):
        post(conn, posting)
    assert [posted.cycle for posted in queries.cycles(conn)] == cycles


REFUSED = [
    (CycleId(MONDAY, "intraday", 2), "Expected the intraday cycle of a date from 2026-08-04 on"),
    (CycleId(MONDAY, "correction", 1), "Expected the correction cycle of a date from 2026-08-04 on"),
    (CycleId(TUESDAY, "intraday", 3), "Expected intraday cycle number 2"),
    (CycleId(MONDAY, "end_of_day", 2), "Expected end_of_day cycle number 1"),
]


@pytest.mark.rule("ENT-8")
@pytest.mark.parametrize(("cycle", "expected"), REFUSED, ids=str)
def test_only_an_end_of_day_is_of_a_date_before_the_open_one(
    conn: Connection[Any], cycle: CycleId, expected: str
) -> None:
    """Once Tuesday had a cycle, no other kind of Monday's may follow, and numbers run on within date and kind."""
    first, second, refused = chained(CycleId(MONDAY, "intraday", 1), CycleId(TUESDAY, "intraday", 1), cycle)
    post(conn, first)
    post(conn, second)
    with pytest.raises(CycleOutOfOrder, match=expected):
        post(conn, refused)


@pytest.mark.rule("ENT-8")
@pytest.mark.parametrize(
    "closed",
    [CycleId(MONDAY, "end_of_day", 2), CycleId(FRIDAY, "end_of_day", 1)]
    + [CycleId(date, kind, 1) for date in (FRIDAY, MONDAY) for kind in ("intraday", "correction", "final")],
    ids=str,
)
def test_nothing_is_booked_on_a_closed_date(conn: Connection[Any], closed: CycleId) -> None:
    """After an end of day no other cycle of its date or of an earlier one is posted, of whatever kind."""
    first, refused = chained(CycleId(MONDAY, "end_of_day", 1), closed)
    post(conn, first)
    with pytest.raises(CycleOutOfOrder, match="Expected a cycle of a date after 2026-08-03"):
        post(conn, refused)


def test_marks_are_ahead_in_every_partition(conn: Connection[Any]) -> None:
    """A cycle whose prices would stand where the cycle before's stand, in one partition, is of no log."""
    first, second = chained(CycleId(MONDAY, "intraday", 1), CycleId(MONDAY, "end_of_day", 1))
    post(conn, first)
    marks = (*second.marks[:2], first.marks[2], second.marks[3])
    with pytest.raises(LedgerRefused, match="mark of partition 2 in cycle 2 after 2, was 2") as refused:
        post(conn, CyclePosting(**{name: getattr(second, name) for name in second.__slots__} | {"marks": marks}))
    assert refused.value.code == "NV011"
