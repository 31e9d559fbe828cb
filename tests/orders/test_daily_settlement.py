"""The tiers of daily settlement, as tables of worked figures."""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.domain.contract import TermsError
from settlement.domain.daily_settlement import DailySettlement, MarketTrade, Tier, choose, last_in_quote, vwap
from settlement.domain.dates import to_instant, to_number
from tests.orders.records import D1, TERMS, nano, us

ZONES = ("America/Chicago", "Asia/Shanghai", "Europe/London", "Australia/Lord_Howe", "UTC")
TICK = 10**6
CHICAGO = DailySettlement.of(TERMS)
DAY = DailySettlement.of({"window": "day", "zone": "America/Chicago", "tiers": ["vwap"]})


def at(*trades: tuple[int, str]) -> list[MarketTrade]:
    """Return trades of (lots, price) in the window."""
    return [MarketTrade(lots=n, price_nano=nano(p) or 0, at_us=us("2026-11-23T20:29:00Z")) for n, p in trades]


def test_terms_are_read() -> None:
    """A document gives window, zone and tiers in its order."""
    assert CHICAGO.tiers == (Tier.VWAP, Tier.LAST_IN_QUOTE, Tier.PREVIOUS)
    assert (str(CHICAGO.window.first), str(CHICAGO.window.last)) == ("14:28:00", "14:30:00")  # type: ignore[union-attr]
    assert DailySettlement.of({"tiers": ["previous"]}).zone == "UTC"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"windw": "day"}, "daily_settlement.windw"),
        ({"window": None}, "daily_settlement.window"),
        ({"window": ["14:28:00"]}, "daily_settlement.window"),
        ({"window": "14:28-14:30"}, "daily_settlement.window"),
        ({"window": ["14:28:00", "24:00:00"]}, "daily_settlement.window"),
        ({"window": ["14:30:00", "14:28:00"]}, "daily_settlement.window"),
        ({"window": [51480, 51600]}, "daily_settlement.window"),
        ({"zone": None}, "daily_settlement.zone"),
        ({"zone": "America/Chicagoo"}, "daily_settlement.zone"),
        ({"zone": "America"}, "daily_settlement.zone"),
        ({"zone": "../etc"}, "daily_settlement.zone"),
        ({"tiers": None}, "daily_settlement.tiers"),
        ({"tiers": []}, "daily_settlement.tiers"),
        ({"tiers": "vwap"}, "daily_settlement.tiers"),
        ({"tiers": ["wvap"]}, "daily_settlement.tiers"),
        ({"tiers": ["vwap", "vwap"]}, "daily_settlement.tiers"),
    ],
)
def test_terms_that_break_a_rule_are_refused(change: dict[str, object], key: str) -> None:
    """What is unknown, missing or out of form is an error that names its key, what was expected and what came."""
    with pytest.raises(TermsError, match=r"Expected .*, was ") as error:
        DailySettlement.of({**TERMS, **change})
    assert error.value.key == key


@pytest.mark.parametrize("document", [None, "day", [], 3])
def test_terms_are_a_mapping(document: object) -> None:
    """A daily settlement that is no mapping is refused."""
    with pytest.raises(TermsError):
        DailySettlement.of(document)


@pytest.mark.parametrize(
    ("instant", "date", "inside"),
    [
        ("2026-11-23T20:27:59.999999Z", D1, False),
        ("2026-11-23T20:28:00Z", D1, True),  # the first instant of the window
        ("2026-11-23T20:30:00Z", D1, True),  # the last
        ("2026-11-23T20:30:00.000001Z", D1, False),
        ("2026-11-24T20:29:00Z", D1, False),  # the same hour of the next day
        ("2026-03-06T20:29:00Z", 20260306, True),  # Friday before the clocks change: UTC-6
        ("2026-03-06T19:29:00Z", 20260306, False),
        ("2026-03-08T19:29:00Z", 20260308, True),  # the day of 23 hours: UTC-5 from 2 in the morning on
        ("2026-03-09T19:28:00Z", 20260309, True),
        ("2026-03-09T20:29:00Z", 20260309, False),
        ("2026-10-30T19:29:00Z", 20261030, True),  # Friday before they change back
        ("2026-11-01T20:29:00Z", 20261101, True),  # the day of 25 hours
        ("2026-11-02T20:29:00Z", 20261102, True),
        ("2026-11-02T19:29:00Z", 20261102, False),
        (None, D1, False),  # without an instant: only in a window of the whole day
    ],
)
def test_window_in_the_exchanges_zone(instant: str | None, date: int, inside: bool) -> None:  # noqa: FBT001
    """A trade is in the window by the clock of the zone, both ends included, whatever the season."""
    assert CHICAGO.counts(us(instant), date) is inside


@pytest.mark.parametrize(
    ("instant", "date", "inside"),
    [
        ("2026-11-23T05:59:59.999999Z", D1, False),  # 23:59:59 in Chicago the day before
        ("2026-11-23T06:00:00Z", D1, True),
        ("2026-11-24T05:59:59.999999Z", D1, True),
        ("2026-11-24T06:00:00Z", D1, False),
        ("2026-11-02T05:30:00Z", 20261101, True),  # the 25th hour
        (None, D1, True),
    ],
)
def test_whole_day_in_the_exchanges_zone(instant: str | None, date: int, inside: bool) -> None:  # noqa: FBT001
    """A window of the day takes the local date, and the trades without an instant."""
    assert DAY.counts(us(instant), date) is inside


@given(st.integers(us("2026-01-01T00:00:00Z"), us("2027-01-01T00:00:00Z")), st.sampled_from(ZONES), st.booleans())
def test_the_quick_window_is_the_clocks(at_us: int, zone: str, whole_day: bool) -> None:  # noqa: FBT001
    """On every date of a year, near every end of the window, the precomputed span says what the zone's clock says."""
    settlement = DailySettlement.of({**TERMS, "zone": zone, "window": "day" if whole_day else ["00:00:00", "02:30:00"]})
    local = to_instant(at_us).astimezone(ZoneInfo(zone))
    midnight_us = us(f"{local.date()}T00:00:00Z") - (local.utcoffset() or timedelta()) // timedelta(microseconds=1)
    for instant in (at_us, midnight_us, midnight_us - 1, midnight_us + 2 * 3_600_000_000 + 1_800_000_000):
        for date in {to_number(local.date()), to_number(local.date() - timedelta(days=1))}:
            shown = to_instant(instant).astimezone(ZoneInfo(zone))
            inside = whole_day or shown.time() <= time(2, 30)
            assert settlement.counts(instant, date) is (to_number(shown.date()) == date and inside)


@pytest.mark.parametrize("at_us", [2**63 - 1, -(2**63), 10**18])
def test_instants_beyond_the_calendar_are_outside(at_us: int) -> None:
    """An instant that no calendar has is on no business date, and is no crash."""
    assert not CHICAGO.counts(at_us, D1)
    assert not DAY.counts(at_us, D1)


@pytest.mark.parametrize(
    ("trades", "previous", "expected"),
    [
        (at((10, "2.350")), None, "2.350"),
        (at((1, "2.350"), (3, "2.354")), None, "2.353"),  # by lots, not by trades
        (at((2, "2.350"), (1, "2.351")), None, "2.350"),  # 2.350333
        (at((1, "2.350"), (2, "2.351")), None, "2.351"),  # 2.350667
        (at((1, "2.350"), (1, "2.351")), None, "2.351"),  # a tie without a previous price goes up
        (at((1, "2.350"), (1, "2.351")), "2.340", "2.350"),
        (at((1, "2.350"), (1, "2.351")), "2.350", "2.350"),
        (at((1, "2.350"), (1, "2.351")), "2.351", "2.351"),
        (at((1, "2.350"), (1, "2.351")), "2.400", "2.351"),
        (at((1, "2.350"), (1, "2.351")), "2.3505", "2.351"),  # a final print off the tick, as near to both: up
        (at((1, "-0.001"), (1, "0.000")), None, "0.000"),
        (at((1, "-0.001"), (1, "-0.002")), None, "-0.001"),
        (at((1, "-0.001"), (1, "-0.002")), "-5", "-0.002"),
        (at((999_999_999, "9199999999.999"), (1, "9199999999.998")), None, "9199999999.999"),
        ([], "2.350", None),
    ],
)
def test_vwap_to_the_nearest_tick(trades: list[MarketTrade], previous: str | None, expected: str | None) -> None:
    """The average by lots is exact and then rounded once; a tie goes to the tick nearer to the previous settlement."""
    assert vwap(CHICAGO, trades, D1, TICK, nano(previous)) == nano(expected)


def test_vwap_of_a_tick_above_one() -> None:
    """The tick may be larger than the price's unit."""
    trades = [MarketTrade(lots=1, price_nano=p * 10**9, at_us=-1) for p in (5, 10)]
    assert vwap(DAY, trades, D1, 5 * 10**9, None) == 10 * 10**9


@pytest.mark.parametrize(
    ("last", "bid", "ask", "previous", "expected"),
    [
        ("2.350", "2.349", "2.351", "2.000", "2.350"),
        ("2.350", "2.350", "2.350", "2.000", "2.350"),
        ("2.340", "2.349", "2.351", "2.000", "2.349"),  # below the bid
        ("2.360", "2.349", "2.351", "2.000", "2.351"),  # above the offer
        (None, "2.349", "2.351", "2.000", "2.349"),  # no trade: the previous settlement, moved in
        (None, "2.349", "2.351", "2.350", "2.350"),
        ("2.350", None, None, "2.000", "2.350"),  # a trade and no quote
        ("2.350", "2.352", None, "2.000", "2.352"),
        ("2.350", "2.349", None, "2.000", "2.350"),
        ("2.350", None, "2.349", "2.000", "2.349"),
        ("2.350", None, "2.351", "2.000", "2.350"),
        (None, None, "2.351", "2.360", "2.351"),
        (None, None, None, "2.350", None),  # a day with neither
        (None, "2.349", "2.351", None, None),  # nothing to start from
        ("2.350", "2.352", "2.349", None, "2.349"),  # crossed: the nearer
        ("2.351", "2.353", "2.349", None, "2.353"),  # crossed and as near to both: the higher
        ("-1.000", "-0.500", "-0.400", None, "-0.500"),
    ],
)
def test_last_in_quote(
    last: str | None, bid: str | None, ask: str | None, previous: str | None, expected: str | None
) -> None:
    """The last trade, or the previous settlement, is moved to the nearer side of the quote when it is outside."""
    assert last_in_quote(nano(last), nano(bid), nano(ask), nano(previous)) == nano(expected)


def said(contract: str, ordinal: int, previous: str | None, *tiers: tuple[str, str | None]) -> dict[str, Any]:
    """Return a record tier_prices."""
    listed = [{"tier": tier, "price_nano": nano(price)} for tier, price in tiers]
    return {"contract": contract, "ordinal": ordinal, "previous_nano": nano(previous), "tiers": listed}


def chosen(*records: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    """Return what is chosen."""
    return dict(choose(records))


def test_the_first_tier_that_gives_a_price_is_taken() -> None:
    """Tiers count in the contract's order; without any price the contract is left out."""
    assert chosen(
        said("A", 1, "2.0", ("vwap", None), ("last-in-quote", "2.1"), ("previous", "2.0")),
        said("B", 2, None, ("vwap", None), ("previous", None)),
        said("C", 3, "3.0", ("previous", "3.0"), ("vwap", "3.3")),
        said("", 0, None),
    ) == {"A": (nano("2.1"), "last-in-quote"), "C": (nano("3.0"), "previous")}


def test_the_curve_follows_the_contract_listed_before() -> None:
    """The net change of the contract listed before, however it was priced, moves this one's previous settlement."""
    assert chosen(  # in any order of partitions; the order of listing counts
        said("C", 3, "2.50", ("vwap", None), ("curve", None)),
        said("A", 1, "2.30", ("vwap", "2.35")),
        said("B", 2, "2.40", ("vwap", None), ("curve", None), ("previous", "2.40")),
    ) == {"A": (nano("2.35"), "vwap"), "B": (nano("2.45"), "curve"), "C": (nano("2.55"), "curve")}


@pytest.mark.parametrize(
    "before",
    [
        [],  # the first contract
        [said("A", 1, None, ("vwap", "2.35"))],  # without a previous price there is no net change
        [said("A", 1, "2.30", ("vwap", None))],  # no price today
        [said("0", 1, "2.30", ("vwap", "2.35")), said("A", 2, None, ("vwap", None))],  # not the one two before
    ],
)
def test_no_curve_without_a_net_change(before: list[dict[str, Any]]) -> None:
    """Where the contract listed before has no net change, the curve gives no price and the next tier does."""
    later = said("B", 9, "2.40", ("curve", None), ("previous", "2.40"))
    assert chosen(*before, later)["B"] == (nano("2.40"), "previous")


def test_no_curve_without_a_previous_price() -> None:
    """A contract without a previous settlement has nothing that the curve could move."""
    assert "B" not in chosen(said("A", 1, "2.30", ("vwap", "2.35")), said("B", 2, None, ("curve", None)))
