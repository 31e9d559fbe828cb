"""The orders fold: what the tiers say at a cut, what belongs to which date, and the live view."""

import json
from typing import Any

import pytest

from settlement.domain.daily_settlement import choose
from settlement.folds.orders import OrdersFold
from tests.orders.records import (
    D1,
    D2,
    D3,
    IN_WINDOW,
    TERMS,
    Named,
    cut,
    decoded,
    listing,
    nano,
    order,
    pieces,
    prices,
    quote,
    trade,
    values,
)

NOON = "2026-11-23T18:00:00Z"
DAY_TERMS = {"window": "day", "zone": "America/Chicago", "tiers": ["vwap", "last-in-quote"]}


def answers(*named: Named) -> list[dict[str, Any]]:
    """Return the tier prices that a log asks for."""
    return decoded(OrdersFold(2).apply(pieces(values(named))))


def said(record: dict[str, Any]) -> dict[str, int | None]:
    """Return the price of each tier."""
    return {tier["tier"]: tier["price_nano"] for tier in record["tiers"]}


def test_a_cut_is_answered_once_for_every_contract() -> None:
    """Each listed contract has one record, sorted, in the contract's order of tiers; the last one says so."""
    records = answers(listing("B", 1), listing("A", 2), trade("T1", 2, "2.350"), quote("2.349", "2.351"), cut())
    assert [(r["contract"], r["ordinal"], r["last"]) for r in records] == [("A", 2, False), ("B", 1, True)]
    assert {(r["stream_seq"], r["partition"], r["business_date"]) for r in records} == {(4, 2, D1)}
    assert [tier["tier"] for tier in records[0]["tiers"]] == TERMS["tiers"]
    assert said(records[0]) == {"vwap": nano("2.350"), "last-in-quote": nano("2.350"), "previous": None}
    assert said(records[1]) == {"vwap": None, "last-in-quote": None, "previous": None}


def test_a_partition_without_contracts_answers_too() -> None:
    """One record without a contract tells the reader that nothing is missing."""
    (record,) = answers(cut())
    assert (record["contract"], record["tiers"], record["last"]) == ("", [], True)


@pytest.mark.parametrize(
    ("events", "vwap", "last"),
    [
        ([trade("T1", 1, "2.350"), trade("T2", 3, "2.354")], "2.353", "2.354"),
        ([trade("T1", 1, "2.350", NOON), trade("T2", 3, "2.354")], "2.354", "2.354"),
        ([trade("T1", 1, "2.350"), trade("T2", 3, "2.354", None)], "2.350", "2.354"),  # no instant, no window
        ([trade("T1", 1, "2.350"), trade("T2", 3, "2.354", kind="block")], "2.350", "2.350"),
        ([trade("T1", 1, "2.350"), trade("T2", 3, "2.354", kind="efrp")], "2.350", "2.350"),
        ([trade("T1", 1, "2.350", kind="spread_leg")], None, None),
        ([trade("T1", 1, "2.350"), trade("T2", 3, "2.354"), trade("T2", -3, "2.354")], "2.350", "2.350"),  # busted
        ([trade("T1", 1, "2.350"), trade("T1", -1, "2.350")], None, None),
        (  # adjusted: at the price that stands, in its own place
            [trade("T1", 1, "2.350"), trade("T2", 3, "2.354"), trade("T1", -1, "2.350"), trade("T1", 1, "2.346")],
            "2.352",
            "2.354",
        ),
        (  # adjusted and then busted
            [trade("T1", 1, "2.350"), trade("T1", -1, "2.350"), trade("T1", 1, "2.346"), trade("T1", -1, "2.346")],
            None,
            None,
        ),
    ],
)
def test_what_stands_makes_the_price(events: list[Named], vwap: str | None, last: str | None) -> None:
    """Regular trades count at the price that stands; what was busted does not count at all."""
    (record,) = answers(listing("A"), *events, cut())
    assert said(record) == {"vwap": nano(vwap), "last-in-quote": nano(last), "previous": None}


def test_a_window_of_the_day_takes_trades_without_an_instant() -> None:
    """In a window of the whole day a trade counts whose instant the exchange did not give."""
    (record,) = answers(listing("A", settlement=DAY_TERMS), trade("T1", 2, "2.350", None), cut())
    assert said(record)["vwap"] == nano("2.350")


@pytest.mark.parametrize("date", [D1, D2])  # the gateway names the trade's own date
def test_a_bust_after_the_cut_takes_nothing_from_the_next_date(date: int) -> None:
    """A trade of a closed date that is busted or adjusted later makes no price of the open date and takes none away."""
    terms = listing("A", settlement=DAY_TERMS)
    late = [trade("T1", -2, "2.350", None, date=date), trade("T1", 2, "2.340", None, date=date)]
    today = [trade("T2", 1, "2.360", None, date=D2)]
    log = [terms, trade("T1", 2, "2.350", None), cut(), prices(D1, {"A": "2.350"}), *late, *today, cut(D2, D3)]
    first, second = answers(*log)
    assert said(first)["vwap"] == nano("2.350")
    assert said(second) == {"vwap": nano("2.360"), "last-in-quote": nano("2.360")}


@pytest.mark.parametrize(
    ("at", "last"),
    [
        ("2026-11-23T16:00:00Z", "2.360"),
        ("2026-11-24T05:59:59Z", "2.360"),  # still the 23rd in Chicago
        ("2026-11-24T06:00:00Z", "2.350"),
        ("2026-11-21T16:00:00Z", "2.350"),  # late: the 21st's, reported today
        (None, "2.360"),
    ],
)
def test_the_last_trade_of_the_day_is_one_of_its_date(at: str | None, last: str) -> None:
    """A trade whose instant falls on another date of the zone is not the day's last; one without an instant is."""
    log = [listing("A"), trade("T1", 1, "2.350", "2026-11-23T15:00:00Z"), trade("T2", 1, "2.360", at), cut()]
    assert said(answers(*log)[0])["last-in-quote"] == nano(last)


def test_the_last_quote_of_the_day_counts() -> None:
    """An earlier quote is forgotten, a withdrawn one bounds nothing, and yesterday's does not count today."""
    settled = prices(D1, {"A": "2.350"})
    log = [listing("A"), trade("T1", 1, "2.350"), quote("2.351", None), quote(None, "2.348"), cut(), settled]
    assert said(answers(*log)[0])["last-in-quote"] == nano("2.348")
    assert said(answers(*log[:4], quote(None, None), cut())[0])["last-in-quote"] == nano("2.350")
    assert said(answers(*log, cut(D2, D3))[1]) == {"vwap": None, "last-in-quote": None, "previous": nano("2.350")}


def test_what_comes_after_the_cut_belongs_to_the_next_date() -> None:
    """A date that was cut takes nothing more, even if a record still names it."""
    log = [listing("A", settlement=DAY_TERMS), cut(), trade("T1", 1, "2.350", None), prices(D1, {}), cut(D2, D3)]
    first, second = answers(*log)
    assert (said(first)["vwap"], said(second)["vwap"]) == (None, nano("2.350"))


def test_the_prior_settlement_breaks_a_tie() -> None:
    """A prior price from the log decides between two ticks that are equally near."""
    tie = [
        trade("T1", 1, "2.350", date=D2, at="2026-11-24T20:29:00Z"),
        trade("T2", 1, "2.351", date=D2, at="2026-11-24T20:29:00Z"),
    ]
    for prior, expected in (("2.340", "2.350"), ("2.360", "2.351")):
        (record,) = answers(listing("A"), prices(D1, {"A": prior}, kind="opening"), *tie, cut(D2, D3))
        assert said(record)["vwap"] == nano(expected)
        assert record["previous_nano"] == nano(prior)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([], "2.350"),
        ([prices(D2, {"A": "9.000"}, kind="intraday")], "2.350"),
        ([prices(D2, {"A": "2.340"}, kind="correction", effective=D1)], "2.340"),
        ([prices(D2, {"A": "2.340"}, kind="correction", effective=20261120)], "2.350"),  # not the date settled last
        ([prices(D2, {"B": "2.340"})], "2.350"),  # a contract of another partition
    ],
)
def test_which_price_is_the_prior_one(later: list[Named], expected: str) -> None:
    """The end of the day and a corrected price of the date that settled last are prior prices; others are not."""
    records = answers(listing("A"), cut(), prices(D1, {"A": "2.350"}), *later, cut(D3, 20261126))
    assert records[-1]["previous_nano"] == nano(expected)


def test_a_cut_waits_for_the_prices_of_the_one_before() -> None:
    """A second cut is answered when the first date's prices came, with them, on what stood at that cut."""
    terms = {"window": "day", "zone": "UTC", "tiers": ["vwap", "previous"]}
    log = [listing("A", settlement=terms), cut(D1, D2), trade("T1", 1, "2.350", None, date=D2)]
    log += [trade("T2", 1, "2.351", None, date=D2), cut(D2, D3), trade("T3", 1, "2.400", None, date=D3)]
    fold = OrdersFold(2)
    assert [r["business_date"] for r in decoded(fold.apply(pieces(values(log))))] == [D1]
    fold = OrdersFold.restore(2, fold.snapshot())
    assert [said(one) for one in fold.tiers(D2)] == [{"vwap": nano("2.351"), "previous": None}]
    (record,) = decoded(fold.apply(pieces(values([prices(D1, {"A": "2.300"})], len(log)))))
    assert (record["stream_seq"], record["business_date"]) == (4, D2)
    assert said(record) == {"vwap": nano("2.350"), "previous": nano("2.300")}


def test_a_final_price_ends_a_contract() -> None:
    """A contract that is finally settled has no tiers any more, and what still comes for it changes nothing."""
    end = prices(D2, {"A": "2.3333"}, kind="final")
    records = answers(listing("A"), listing("B", 2), cut(), prices(D1, {}), end, trade("T9", 1, "2.350"), cut(D2, D3))
    assert [r["contract"] for r in records if r["business_date"] == D2] == ["B"]


def test_terms_count_from_their_date() -> None:
    """A new version of the terms makes prices from its effective date on, not before."""
    new = listing("A", settlement=DAY_TERMS, version=2, effective=D2)
    records = answers(listing("A"), new, trade("T1", 1, "2.350", NOON), cut(), prices(D1, {}), cut(D2, D3))
    assert [list(said(r)) for r in records] == [TERMS["tiers"], DAY_TERMS["tiers"]]
    assert said(records[0])["vwap"] is None


@pytest.mark.parametrize("settlement", [None, {"tiers": ["nonsense"]}])
def test_terms_without_a_daily_settlement_give_no_tiers(settlement: object) -> None:
    """A contract without tiers, or with ones that should have been refused, answers with none; nothing stops."""
    (record,) = answers(listing("A", settlement=settlement), trade("T1", 1, "2.350"), cut())
    assert (record["contract"], record["tiers"], record["last"]) == ("A", [], True)


def test_records_of_unlisted_contracts_change_nothing() -> None:
    """What comes for a contract that is not listed here leaves no trace but its number."""
    strange = [
        trade("T1", 1, "2.350", contract="Z"),
        quote("1", "2", contract="Z"),
        order("O", "BUY", "1", 1, contract="Z"),
    ]
    fold, empty = OrdersFold(0), OrdersFold(0)
    fold.apply(pieces(values(strange)))
    expected = json.loads(empty.snapshot()) | {"next_seq": 3}
    assert json.loads(fold.snapshot()) == expected


def test_tiers_without_a_cut_are_those_of_the_cut() -> None:
    """`tiers` says what a cut at the same place would say, and changes nothing."""
    log = [listing("A"), listing("B", 2), trade("T1", 2, "2.350"), quote("2.349", "2.351")]
    fold = OrdersFold(2)
    fold.apply(pieces(values(log)))
    before = fold.snapshot()
    said_before = fold.tiers(D1)
    assert fold.snapshot() == before
    assert said_before == decoded(fold.apply(pieces(values([cut()], len(log)))))
    assert choose(said_before) == {"A": (nano("2.350"), "vwap")}


def live(fold: OrdersFold) -> list[dict[str, Any]]:
    """Return the live view."""
    return decoded(fold.live())


def test_live_quotes_come_from_orders_where_there_are_any() -> None:
    """Best bid and offer are those of the resting orders; without orders, those of the last quote."""
    fold = OrdersFold(0)
    fold.apply(pieces(values([listing("A"), quote("2.340", "2.360"), trade("T1", 2, "2.350")])))
    (first,) = live(fold)
    assert first == {
        "stream_seq": 3, "contract": "A", "bid_nano": nano("2.340"), "ask_nano": nano("2.360"),
        "last_nano": nano("2.350"), "open_orders": 0, "day_lots": 2,
    }  # fmt: skip
    orders = [order("1", "BUY", "2.348", 10), order("2", "BUY", "2.349", 10), order("3", "SELL", "2.352", 5)]
    fold.apply(pieces(values(orders, 3)))
    assert [(r["bid_nano"], r["ask_nano"], r["open_orders"]) for r in live(fold)] == [(nano("2.349"), nano("2.352"), 3)]
    orders = [
        order("2", "BUY", "2.349", 0, "filled"),
        order("3", "SELL", "2.351", 5, "replaced"),
        order("1", "BUY", "2.348", 4, "filled"),
    ]
    fold.apply(pieces(values(orders, 6)))
    assert [(r["bid_nano"], r["ask_nano"], r["open_orders"]) for r in live(fold)] == [(nano("2.348"), nano("2.351"), 2)]
    fold.apply(
        pieces(values([order("1", "BUY", "2.348", 4, "cancelled"), order("3", "SELL", "2.351", 0, "cancelled")], 9))
    )
    assert [(r["bid_nano"], r["ask_nano"], r["open_orders"]) for r in live(fold)] == [(nano("2.340"), nano("2.360"), 0)]


def test_live_view_is_conflated() -> None:
    """Only what changed since the last look is shown, once, sorted by contract."""
    fold = OrdersFold(0)
    fold.apply(pieces(values([listing("B"), listing("A", 2)])))
    assert [r["contract"] for r in live(fold)] == ["A", "B"]
    assert live(fold) == []
    fold.apply(pieces(values([trade("T1", 2, "2.350", contract="B"), trade("T2", 3, "2.351", contract="B")], 2)))
    assert [(r["contract"], r["last_nano"], r["day_lots"]) for r in live(fold)] == [("B", nano("2.351"), 5)]


def test_live_view_over_a_cut() -> None:
    """The day's lots begin again at a cut, the last price stays; a bust takes back lots and last price."""
    fold = OrdersFold(0)
    fold.apply(
        pieces(values([listing("A"), trade("T1", 2, "2.350"), trade("T2", 3, "2.351"), trade("T2", -3, "2.351")]))
    )
    assert [(r["last_nano"], r["day_lots"]) for r in live(fold)] == [(nano("2.350"), 2)]
    fold.apply(pieces(values([cut(), trade("T1", -2, "2.350", date=D2)], 4)))
    assert [(r["last_nano"], r["day_lots"]) for r in live(fold)] == [(nano("2.350"), 0)]


def test_closed_dates_leave_the_state() -> None:
    """After its prices a date's trades and quotes are gone: what a fold holds does not grow with the days."""
    fold = OrdersFold(0)
    fold.apply(pieces(values([listing("A"), trade("T1", 2, "2.350", IN_WINDOW), quote("1", "2")])))
    fold.apply(pieces(values([cut(), prices(D1, {"A": "2.350"})], 3)))
    state = json.loads(fold.snapshot())
    assert (state["unsettled"], state["contracts"]["A"]["days"]) == ([], {})
