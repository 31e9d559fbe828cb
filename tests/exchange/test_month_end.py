"""A month that ends at the exchange: one contract expires while later months trade on, and what people ask for then."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from infra.exchange import Exchange
from infra.exchange.published import fixings, month_so_far
from infra.exchange.rental_prices import offers_by_date
from settlement.cli import demo_screen
from settlement.cli.demo import first_date
from settlement.cli.demo_events import MonthEnd
from settlement.domain.contract import Contract

LAST, AFTER, CLOSING = date(2026, 7, 31), date(2026, 8, 3), date(2026, 8, 4)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """Three sessions around the end of July."""
    return Exchange(7, LAST, 3, 400, mischief=4, expiring="2026-07")


def test_july_is_listed_with_its_hours_and_its_final_settlement(exchange: Exchange) -> None:
    """The shipped document of the month with its last trading day and 744 hours; the later months stand as ever."""
    july, *later = exchange.listings()
    contract = Contract.of(july)
    assert (contract.contract, contract.size_nano, contract.last_trade) == ("H100-2026-07", 744 * 10**9, 20260731)
    assert july["product"] == "gpu-hour-cme"
    assert july["final_settlement"] == {
        "method": "average", "series": "H100", "days": "calendar", "from": "2026-07-01", "to": "2026-07-31",
        "missing": "skip", "precision": 4, "quote": "average", "closing_lag": 2,
    }  # fmt: skip
    assert [one["contract"] for one in later] == [
        f"{product}-2026-{month}" for product in ("H100", "H200", "B200", "TOKEN") for month in ("08", "09")
    ]
    assert [one["last_trade"] for one in later] == [None] * 8


def test_the_month_is_observed_before_the_first_session(exchange: Exchange, tmp_path: Path) -> None:
    """Every July offer stands in the journal before the session, numbered without a gap; written twice, it is kept."""
    written = exchange.write_history(tmp_path / "feed.jsonl")
    records = [json.loads(line) for line in (tmp_path / "feed.jsonl").read_bytes().splitlines()]
    assert (exchange.history[0], exchange.history[-1], len(exchange.history)) == (
        date(2026, 7, 5),
        date(2026, 7, 30),
        26,
    )
    assert [one["source_seq"] for one in records] == list(range(1, written.last_seq + 1))
    assert {one["type"] for one in records} == {"observe"}
    assert next(exchange.session(LAST))["source_seq"] == written.last_seq + 1
    assert exchange.write_history(tmp_path / "feed.jsonl").appended == 0


def test_it_trades_at_the_month_so_far_until_its_last_day(exchange: Exchange) -> None:
    """July's last trades lie within 3 % of the average of its fixings, and no later session has an order of it."""
    last = [Decimal(str(one["price"])) for one in exchange.trades_of(LAST, "H100-2026-07")][-1]
    assert last == pytest.approx(month_so_far("H100", "2026-07", "2026-07-31"), rel=Decimal("0.03"))
    for day in (AFTER, CLOSING):
        orders = [one for one in exchange.session(day) if one["type"] in {"order", "quote"}]
        assert "H100-2026-07" not in {one["contract"] for one in orders}


def test_the_market_knows_the_fixings_of_the_past_only() -> None:
    """The month so far is the mean of the fixings up to the date; the first five days of July have none."""
    known = fixings("H100", "2026-07")
    assert (min(known), max(known), len(known)) == ("2026-07-06", "2026-07-31", 26)
    assert month_so_far("H100", "2026-07", "2026-07-07") == (known["2026-07-06"] + known["2026-07-07"]) / 2
    assert month_so_far("H100", "2026-07", "2026-07-01") == known["2026-07-06"]


def test_a_trade_is_reported_late(exchange: Exchange) -> None:
    """On the closing day, between two openings, stands a trade of the day before; the totals count it."""
    assert [exchange.late_trade(day) for day in exchange.dates] == [None, None, "L20260803-000001"]
    records = list(exchange.session(CLOSING))
    at = next(n for n, one in enumerate(records) if one.get("trade_id") == "L20260803-000001")
    assert [records[n]["type"] for n in (at - 1, at + 1)] == ["session_open"] * 2
    assert [records[n]["business_date"] for n in (at - 1, at + 1)] == ["2026-08-03", "2026-08-04"]
    assert str(records[at]["at"]).startswith("2026-08-03T19:28:00")
    assert records[-1]["trades"] == sum(one["type"] == "trade" for one in records)


def test_trades_to_correct_are_good_and_regular(exchange: Exchange) -> None:
    """Neither a block nor a record that the gateway must reject is among those that people may correct."""
    bad = {seq for seq, _ in exchange.mischief_of(LAST)}
    for contract in ("H100-2026-08", "TOKEN-2026-08"):
        trades = exchange.trades_of(LAST, contract)
        assert len(trades) > 5
        assert all(one["source_seq"] not in bad and one["trade_type"] == "regular" for one in trades)


@pytest.mark.parametrize(
    ("days", "first"), [(1, LAST), (3, LAST), (16, LAST), (17, date(2026, 7, 30)), (30, date(2026, 7, 13))]
)
def test_any_number_of_days_is_around_the_month_end(days: int, first: date) -> None:
    """A demo of up to 16 days begins at the last trading day; more begin earlier, as the data ends on 21 August."""
    assert first_date(days) == first
    assert len(Exchange(7, first, days, 50, expiring="2026-07").dates) == days


@pytest.mark.parametrize(("days", "left_out"), [(1, 6), (2, 2), (3, 0), (17, 0)])
def test_a_short_run_leaves_events_out_and_says_so(days: int, left_out: int) -> None:
    """What belongs to dates beyond the run is named."""
    run = Exchange(7, first_date(days), days, 50, expiring="2026-07")
    missing = MonthEnd(run, lambda _: []).left_out()
    assert len(missing) == left_out
    assert all(event in demo_screen.left_out(missing) for event in missing)


def test_the_final_price_is_the_average_of_the_days_with_a_fixing(exchange: Exchange) -> None:
    """26 days of July have one, and the screen says what they give."""
    known = fixings("H100", "2026-07")
    records = [
        {"series": "H100", "date": int(day.replace("-", "")), "value_nano": int(value.scaleb(9)), "tier": "primary"}
        for day, value in known.items()
    ]
    average = round(sum(known.values(), Decimal()) / 26, 4).normalize()
    told = f"final: H100-2026-07 settles at {average}, the average of 26 days (5 have no fixing)"
    assert MonthEnd(exchange, lambda _: []).final(records).what == told


def test_weekends_are_observed_too() -> None:
    """Monday's session reports Saturday's and Sunday's offers with its own, so a month of sessions lacks no date."""
    run = Exchange(7, first_date(30), 30, 50, expiring="2026-07")
    assert run.observed(AFTER) == (date(2026, 8, 1), date(2026, 8, 2), AFTER)
    dates = [*run.history, *(day for session in run.dates for day in run.observed(session))]
    assert dates == [date(2026, 7, 5) + timedelta(days=number) for number in range(48)]
    told = {(str(one["provider"]), str(one["at"])) for one in run.session(AFTER) if one["type"] == "observe"}
    assert {(one.provider, one.at) for one in offers_by_date()["2026-08-01"]} <= told
