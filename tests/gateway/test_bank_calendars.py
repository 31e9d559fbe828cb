"""Bank calendars in the gateway's fold: the whole of one in every partition, apart from the venue's."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.domain.rejection import Code
from tests.gateway.test_fold_rejections import House

PARTITIONS = 2


def told(house: House, **payload: Any) -> list[tuple[int, str, str, list[int]]]:
    """Send a calendar and return what was written: partition, record, currency, holidays."""
    step = house.tell("calendar", **payload)
    return [(one.partition, one.name, one.record["currency"], one.record["holidays"]) for one in step.emissions]


@pytest.mark.rule("PAY-2")
def test_every_partition_gets_all_holidays_of_the_bank() -> None:
    """Holidays add up by currency, a wrong one is withdrawn, and each record says all that holds from there on."""
    house = House()
    first = told(house, currency="USD", holidays=["2026-11-26", "2026-12-25"])
    assert first == [(p, "bank_calendar", "USD", [20261126, 20261225]) for p in range(PARTITIONS)]
    told(house, currency="CNY", holidays=["2026-10-01"])
    later = told(house, currency="USD", holidays=["2026-09-07", "2026-11-26"], withdrawn=["2026-12-25"])
    assert later == [(p, "bank_calendar", "USD", [20260907, 20261126]) for p in range(PARTITIONS)]


@pytest.mark.rule("PAY-2")
def test_a_banks_holiday_is_no_holiday_of_the_venue() -> None:
    """The venue's next business day follows the venue's calendar, whatever a bank does; its calendar writes nothing."""
    house = House()
    told(house, currency="USD", holidays=["2026-08-04"])
    house.settle("2026-08-03", GPUH="2.35")
    assert house.fold.state.open is not None
    assert house.fold.state.open.date == 20260804
    assert told(house, holidays=["2026-08-05"]) == []
    house.settle("2026-08-04", GPUH="2.35")
    assert house.fold.state.open.date == 20260806


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"currency": "USX", "holidays": []}, "currency"),
        ({"currency": "", "holidays": []}, "currency"),
        ({"currency": "USD"}, "holidays"),
        ({"currency": "USD", "holidays": ["2026-11-31"]}, "holidays"),
        ({"currency": "USD", "holidays": [], "withdrawn": "2026-11-26"}, "withdrawn"),
        ({"currency": "USD", "holidays": [], "withdrawn": ["26.11.2026"]}, "withdrawn"),
    ],
)
def test_a_calendar_that_is_not_as_agreed_is_refused(payload: dict[str, Any], field: str) -> None:
    """An unknown currency or a date that is none is refused by its field, and changes nothing."""
    house = House()
    step = house.control("calendar", **payload)
    assert step.rejection is not None
    assert step.rejection.code is Code.MALFORMED
    assert step.rejection.message.startswith(f"{field}: ")
    assert house.fold.state.banks == {}
