"""What the simulated exchange reports: the same twice, consistent in itself, and on the real index."""

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from importlib.resources import files
from pathlib import Path
from statistics import median

import pytest

from infra.exchange import Exchange
from infra.exchange.rental_prices import index_value, offers_by_date
from infra.exchange.session import fair_ticks
from settlement.domain.feed import OrderReported, QuoteReported, SessionClosed, TradeReported, Unreadable
from streams.gateway.feeds import FeedLine, parse_line

MONDAY = date(2026, 8, 3)
REPOSITORY = Path(__file__).parents[2]


def records_of(exchange: Exchange, day: date) -> list[object]:
    """Return a session as the gateway's reader sees it."""
    start = next(iter(exchange.session(day)))["source_seq"]
    assert isinstance(start, int)
    return [
        parse_line(FeedLine(start + number, line[:-1], f"line {number}"))
        for number, line in enumerate(exchange.lines(day))
    ]


def test_same_bytes_in_any_process(tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same journal, and another seed writes another."""
    digests = []
    for number, (hash_seed, seed) in enumerate([("1", "7"), ("2", "7"), ("1", "8")]):
        feed = tmp_path / f"{number}.jsonl"
        command = [sys.executable, "-m", "infra.exchange", "--feed", str(feed), "--seed", seed, "--trades", "200"]
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        digests.append(hashlib.sha256(feed.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_the_bytes_are_pinned() -> None:
    """A change of the exchange's output is seen here: on another machine, another Python, or by an edit."""
    digest = hashlib.sha256(b"".join(Exchange(7, MONDAY, 1, 200).lines(MONDAY))).hexdigest()
    assert digest == "e42cab5bd480e4a7d6d0f186dab8946896c8221818ee0ce670cac7bc394a2720"


def test_a_session_does_not_depend_on_what_was_asked_before() -> None:
    """The third session alone equals the third after the first two."""
    alone = list(Exchange(7, MONDAY, 3, 300).session(date(2026, 8, 5)))
    exchange = Exchange(7, MONDAY, 3, 300)
    in_order = [list(exchange.session(day)) for day in exchange.dates]
    assert alone == in_order[2]
    assert list(exchange.session(MONDAY)) == in_order[0]


def test_numbers_are_contiguous_over_days() -> None:
    """source_seq counts from 1 over all sessions without a gap."""
    exchange = Exchange(3, MONDAY, 3, 200, mischief=5)
    numbers = [record["source_seq"] for day in exchange.dates for record in exchange.session(day)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_control_totals_are_those_of_the_trades() -> None:
    """session_close counts the session's trades and lots, blocks included."""
    exchange = Exchange(7, MONDAY, 2, 500)
    for day in exchange.dates:
        records = records_of(exchange, day)
        trades = [record for record in records if isinstance(record, TradeReported)]
        closed = records[-1]
        assert isinstance(closed, SessionClosed)
        assert (closed.trades, closed.lots) == (len(trades), sum(trade.lots for trade in trades))
        assert 480 <= closed.trades <= 520
        assert {trade.trade_type for trade in trades} == {"regular", "block"}


def test_everything_is_readable_listed_and_on_tick() -> None:
    """A clean session has nothing that a gateway must reject: known names, positive lots, prices on the tick."""
    exchange = Exchange(7, MONDAY, 1, 2_000)
    tick_nano = {str(each["contract"]): int(float(str(each["tick"])) * 1e9 + 0.5) for each in exchange.listings()}
    accounts = {str(each["account"]) for each in exchange.accounts()}
    for record in records_of(exchange, MONDAY):
        assert not isinstance(record, Unreadable)
        if isinstance(record, TradeReported):
            assert {record.buyer, record.seller} <= accounts
            assert record.buyer != record.seller
        if isinstance(record, TradeReported | OrderReported):
            assert record.lots > 0
            assert record.price_nano > 0
            assert record.price_nano % tick_nano[record.contract] == 0


def test_trade_ids_are_used_once() -> None:
    """No two trades of a run share an id, on whatever day."""
    exchange = Exchange(7, MONDAY, 3, 500)
    trades = [r for day in exchange.dates for r in records_of(exchange, day) if isinstance(r, TradeReported)]
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_orders_and_trades_agree() -> None:
    """Per order: new first, remaining falls by the trades' lots only, and every order ends at the close."""
    exchange = Exchange(7, MONDAY, 1, 1_000)
    alive: dict[str, int] = {}
    for record in records_of(exchange, MONDAY):
        if not isinstance(record, OrderReported):
            continue
        assert (record.order_id in alive) == (record.action != "new")
        assert 0 <= record.remaining <= record.lots
        if record.action == "filled":
            assert record.remaining < alive[record.order_id]
        if record.action == "cancelled" or (record.action == "filled" and not record.remaining):
            del alive[record.order_id]
        else:
            alive[record.order_id] = record.remaining
    assert alive == {}


def test_quotes_are_reported_on_change_and_never_crossed() -> None:
    """A contract's quote differs from the one before, and its bid is below its ask."""
    last: dict[str, tuple[int | None, int | None]] = {}
    for record in records_of(Exchange(7, MONDAY, 1, 1_000), MONDAY):
        if isinstance(record, QuoteReported):
            best = (record.bid_nano, record.ask_nano)
            assert last.get(record.contract) != best
            assert None in best or best[0] < best[1]  # type: ignore[operator]
            last[record.contract] = best
    assert len(last) == 8


@pytest.mark.rule("ACC-1")
def test_a_gross_account_never_closes_more_than_it_has() -> None:
    """Over days, each side of a gross account stays at zero or more, and both effects occur."""
    exchange = Exchange(7, MONDAY, 5, 1_500)
    long, short, effects = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[str]()
    for day in exchange.dates:
        for record in records_of(exchange, day):
            if isinstance(record, TradeReported) and record.contract.startswith("TOKEN"):
                effects.update((record.buyer_effect, record.seller_effect))
                buyer, seller = (record.buyer, record.contract), (record.seller, record.contract)
                if record.buyer_effect == "OPEN":
                    long[buyer] += record.lots
                else:
                    short[buyer] -= record.lots
                if record.seller_effect == "OPEN":
                    short[seller] += record.lots
                else:
                    long[seller] -= record.lots
                assert min(long[buyer], short[buyer], long[seller], short[seller]) >= 0
    assert min(effects["OPEN"], effects["CLOSE"]) > 100


def test_positions_of_yesterday_are_closed_today() -> None:
    """On the second day some account closes more than it opened that day: positions are carried."""
    opened, closed = Counter[str](), Counter[str]()
    exchange = Exchange(7, MONDAY, 2, 1_000)
    for record in records_of(exchange, exchange.dates[1]):
        if isinstance(record, TradeReported) and record.contract.startswith("TOKEN"):
            (opened if record.buyer_effect == "OPEN" else closed)[f"{record.buyer} {record.contract}"] += record.lots
            (opened if record.seller_effect == "OPEN" else closed)[f"{record.seller} {record.contract}"] += record.lots
    assert any(closed[key] > opened[key] for key in closed)


def test_every_tier_of_the_daily_settlement_occurs() -> None:
    """Near months trade in the window, some far months only outside it, and one not at all on the second day."""
    exchange = Exchange(7, MONDAY, 2, 2_000)
    in_window: dict[date, Counter[str]] = defaultdict(Counter)
    seen: dict[date, Counter[str]] = defaultdict(Counter)
    for day in exchange.dates:
        for record in exchange.session(day):
            if record["type"] == "trade" and record["trade_type"] == "regular":
                contract = str(record["contract"])
                seen[day][contract] += 1
                in_window[day][contract] += "19:28:00.000000Z" <= str(record["at"])[11:] <= "19:30:00.000000Z"
    tuesday = date(2026, 8, 4)
    assert min(in_window[MONDAY][f"{product}-2026-08"] for product in ("H100", "H200", "B200")) > 10
    assert in_window[MONDAY]["H200-2026-09"] == 0 < seen[MONDAY]["H200-2026-09"]
    assert seen[MONDAY]["B200-2026-09"] > 0 == seen[tuesday]["B200-2026-09"]


def test_the_ends_of_the_window_have_trades() -> None:
    """There is trading in the window's first and last microsecond, and in those just outside."""
    instants = {str(r["at"])[11:-1] for r in Exchange(7, MONDAY, 1).session(MONDAY) if r["type"] == "trade"}
    assert {"19:27:59.999999", "19:28:00.000000", "19:30:00.000000", "19:30:00.000001"} <= instants


def test_observations_are_the_real_offers() -> None:
    """Each firm offer of the date is observed once, as the data has it, and the index is the median over providers."""
    observed = [r for r in Exchange(7, MONDAY, 1, 100).session(MONDAY) if r["type"] == "observe"]
    assert len(observed) == 50
    runpod = [r for r in observed if r["provider"] == "runpod" and r["series"] == "H100"]
    assert [(r["price"], r["quantity"], r["at"]) for r in runpod] == [("2.99", "1", "2026-08-03T08:44:11.150000Z")]
    by_provider = defaultdict(list)
    for record in observed:
        if record["series"] == "H100":
            by_provider[record["provider"]].append(float(str(record["price"])))
    assert float(index_value("2026-08-03", "H100")) == pytest.approx(median(map(median, by_provider.values())))


def test_trade_prices_follow_the_index() -> None:
    """The day's last trades of a near month lie within 3 % of what that date's index says."""
    exchange = Exchange(7, date(2026, 7, 13), 5, 2_000)
    by_name = {contract.name: contract for contract in exchange._contracts}
    for day in exchange.dates:
        last = {str(r["contract"]): float(str(r["price"])) for r in exchange.session(day) if r["type"] == "trade"}
        for product in ("H100", "H200", "B200"):
            name = f"{product}-2026-07"
            assert last[name] * 1000 == pytest.approx(fair_ticks(by_name[name], day.isoformat()), rel=0.03)


def test_mischief_is_known_and_changes_nothing_else() -> None:
    """Bad records stand where mischief_of says; without them the session is the clean one, numbers apart."""
    clean = list(Exchange(7, MONDAY, 1, 300).session(MONDAY))
    exchange = Exchange(7, MONDAY, 1, 300, mischief=6)
    bad = dict(exchange.mischief_of(MONDAY))
    assert len(bad) == 6
    assert set(bad.values()) == {"off_tick", "unknown_account", "zero_lots", "undecodable"}
    records = list(exchange.session(MONDAY))
    good = [{**r, "source_seq": 0} for r in records if r["source_seq"] not in bad]
    assert good[:-1] == [{**r, "source_seq": 0} for r in clean][:-1]
    trades = [r for r in records if r["type"] == "trade"]
    assert records[-1]["trades"] == len(trades) == clean[-1]["trades"] + sum(k != "undecodable" for k in bad.values())  # type: ignore[operator]
    unreadable = {r.source_seq for r in records_of(exchange, MONDAY) if isinstance(r, Unreadable)}
    assert unreadable == {seq for seq, kind in bad.items() if kind == "undecodable"}


@pytest.mark.parametrize(
    ("first", "days", "expected"),
    [(date(2026, 8, 1), 1, "business day"), (date(2026, 7, 3), 1, "2026-07-06 to 2026-08-21"), (MONDAY, 30, "with 15")],
)
def test_dates_without_real_prices_are_refused(first: date, days: int, expected: str) -> None:
    """A weekend, a date before the data and a run beyond its end are refused with what there is."""
    with pytest.raises(ValueError, match=expected):
        Exchange(7, first, days)


def test_members_accounts_and_listings_are_complete() -> None:
    """At least 20 members with house and client accounts of both kinds, two months of four products, three series."""
    exchange = Exchange(7, MONDAY, 1)
    accounts = exchange.accounts()
    per_member = Counter(str(each["member"]) for each in accounts)
    assert len(per_member) >= 20
    assert set(per_member.values()) == {4}
    assert {(each["origin"], each["positions"]) for each in accounts} == {
        (origin, positions) for origin in ("house", "client") for positions in ("net", "gross")
    }
    assert [each["contract"] for each in exchange.listings()] == [
        f"{product}-2026-{month}" for product in ("H100", "H200", "B200", "TOKEN") for month in ("08", "09")
    ]
    assert [each["series"] for each in exchange.series()] == ["H100", "H200", "B200"]
    assert exchange.calendar() == {"holidays": []}


def test_the_data_is_whole_and_attributed() -> None:
    """The package carries all snapshots, and the licence's sentence stands beside them and in NOTICE."""
    assert len(offers_by_date()) == 49
    sentence = (
        "GPU rental price data by gpurentalprices.com (https://gpurentalprices.com), licensed under CC BY 4.0; "
        "the columns were reduced and written as CSV."
    )
    assert sentence in (files("infra.exchange") / "data" / "README.md").read_text("utf-8")
    assert sentence in (REPOSITORY / "NOTICE").read_text("utf-8")
