"""What events do and when they are refused, in the language's own words; in every case both engines must agree."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.scenario.run import Result
from tests.scenario.files import codes, settle

GROSS = "contracts: {GPUH: {size: 730, tick: 0.001}}\naccounts: {K: {member: M, origin: client, positions: gross}}\n"
T1 = "trade: {id: T1, contract: GPUH, buyer: A, seller: B, lots: 10, price: 2.350}"


def contract(terms: str) -> str:
    """Return the top of a file with GPUH's terms varied."""
    return f"contracts: {{GPUH: {{size: 730, tick: 0.001, {terms}}}}}\n"


def totals(result: Result) -> dict[str, str]:
    """Return what each account received and paid in USD."""
    return {account: amounts["USD"] for account, amounts in result.document["totals"].items()}


def cycles(result: Result) -> list[tuple[str, str]]:
    """Return each cycle's date and kind."""
    return [(cycle["date"], cycle["kind"]) for cycle in result.document["cycles"]]


def line(result: Result, cycle: int, account: str) -> dict[str, Any]:
    """Return one account's line in a cycle, by the cycle's place."""
    return next(one for one in result.document["cycles"][cycle]["lines"] if one["account"] == account)


REFUSED = [
    ("ENT-3", "trade: {contract: GPUX, buyer: A, seller: B, lots: 1, price: 2}", "UNKNOWN_CONTRACT"),
    ("ENT-3", "trade: {contract: GPUX, buyer: A, seller: B, lots: 1, price: 2.350000000001}", "UNKNOWN_CONTRACT"),
    ("ENT-3", "quote: {contract: GPUX, bid: 2.350000000001}", "UNKNOWN_CONTRACT"),
    ("ENT-3", "trade: {contract: GPUH, buyer: CCP/fees, seller: B, lots: 1, price: 2}", "UNKNOWN_ACCOUNT"),
    ("ENT-3", "trade: {id: T1, contract: GPUH, buyer: A, seller: B, lots: 1, price: 2}", "DUPLICATE_TRADE"),
    ("ENT-3", "trade: {contract: GPUH, buyer: A, seller: B, lots: 0, price: 2}", "BAD_LOTS"),
    ("ENT-3", "trade: {contract: GPUH, buyer: A, seller: B, lots: -1, price: 2}", "BAD_LOTS"),
    ("ENT-2", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 2.3501}", "OFF_TICK"),
    ("ENT-2", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 2.350000000001}", "OFF_TICK"),
    ("ENT-2", "settle: {date: 2026-11-23, prices: {GPUH: 2.3621}}", "OFF_TICK"),
    ("ENT-2", "settle: {date: 2026-11-23, prices: {GPUH: 2.362000000001}}", "OFF_TICK"),
    ("ENT-2", "intraday: {date: 2026-11-23, prices: {GPUH: 2.3621}}", "OFF_TICK"),
    ("ENT-2", "adjust: {trade: T1, price: 2.3501}", "OFF_TICK"),
    ("ENT-4", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 4.001}", "PRICE_LIMIT"),
    ("ENT-4", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 0.999}", "PRICE_LIMIT"),
    ("ENT-4", "settle: {date: 2026-11-23, prices: {GPUH: 4.001}}", "PRICE_LIMIT"),
    ("ENT-5", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1000000001, price: 2}", "LIMIT"),
    ("ENT-5", "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 9200000000}", "LIMIT"),
    ("VM-5", "settle: {date: 2026-11-23, prices: {}}", "MISSING_PRICE"),
    ("VM-5", "settle: {date: 2026-11-23, prices: auto}", "MISSING_PRICE"),
    ("ENT-3", "settle: {date: 2026-11-23, prices: {GPUH: 2, GPUX: 2}}", "UNKNOWN_CONTRACT"),
    ("ENT-8", "intraday: {date: 2026-11-24, prices: {GPUH: 2}}", "WRONG_DATE"),
    ("COR-1", "bust: {trade: T9}", "UNKNOWN_TRADE"),
    ("COR-1", "adjust: {trade: T9, price: 2}", "UNKNOWN_TRADE"),
    ("COR-1", "give_up: {trade: T1, side: buy, to: {Y: 11}}", "NOT_HELD"),
    ("COR-1", "give_up: {trade: T1, side: buy, to: {Y: 0}}", "BAD_LOTS"),
    ("COR-1", "average: {account: A, contract: GPUH, side: sell, trades: [T1]}", "NOT_HELD"),
    ("COR-1", "transfer: {contract: GPUH, from: A, to: C, lots: 11, price: 2}", "NOT_HELD"),
    ("COR-1", "transfer: {contract: GPUH, from: A, to: C, lots: 1}", "NO_PREVIOUS"),
    ("COR-1", "correct_settlement: {date: 2026-11-20, contract: GPUH, price: 2}", "WRONG_DATE"),
    ("ENT-1", "cash_adjustment: {from: A, to: B, contract: GPUH, amount: 0, reason: none}", "MALFORMED"),
    ("ENT-1", "cash_adjustment: {from: A, to: B, contract: GPUH, amount: 0.001, reason: fine}", "MALFORMED"),
    ("VM-4", "carry: {contract: GPUH, price: 2, positions: {A: 1}}", ("UNBALANCED", "ALREADY_CARRIED")),
    ("IDX-1", "fix: {series: S, date: 2026-11-23}", "UNKNOWN_SERIES"),
    ("IDX-1", "observe: {series: S, provider: p, price: 2, quantity: 1}", "UNKNOWN_SERIES"),
]


@pytest.mark.parametrize(
    ("event", "code"), [pytest.param(*case[1:], marks=pytest.mark.rule(case[0])) for case in REFUSED]
)
def test_a_refused_event_is_a_rejection_and_the_rest_goes_on(event: str, code: str | tuple[str, ...]) -> None:
    """The event gets its code, rule and message and its number; the day settles as if it had never been."""
    result = settle(
        f"{T1}\n{event}\nsettle: {{date: 2026-11-23, prices: {{GPUH: 2.362}}}}", contract("cap: 4, floor: 1")
    )
    [(number, was)] = codes(result)
    assert number == 2
    assert was in ((code,) if isinstance(code, str) else code)
    [rejection] = result.document["rejections"]
    assert rejection["rule"]
    assert "Expected" in rejection["message"]
    assert {name: amount for name, amount in totals(result).items() if amount != "0.00"} == {
        "A": "87.60",
        "B": "-87.60",
    }
    assert cycles(result) == [("2026-11-23", "end_of_day")]


@pytest.mark.rule("ENT-2")
def test_a_block_trades_on_its_own_tick() -> None:
    """A block at 2.3505 is settled to the cent, a regular trade at that price is refused."""
    trade = "trade: {contract: GPUH, buyer: A, seller: B, lots: 10, price: 2.3505, type: "
    result = settle(
        f"{trade}block}}\n{trade}regular}}\nsettle: {{date: 2026-11-23, prices: {{GPUH: 2.362}}}}",
        contract("ticks: {block: 0.0001}"),
    )
    assert codes(result) == [(2, "OFF_TICK")]
    assert totals(result)["A"] == "83.90"  # 10 x (V(2.362) 1724.26 - V(2.3505) 1715.865, rounded 1715.87) = 83.90


@pytest.mark.rule("CUT-1")
def test_events_belong_to_the_open_date() -> None:
    """After a cut trades belong to the next date of the file, whatever their instant says, at their own price."""
    result = settle(
        """
        trade: {contract: GPUH, buyer: A, seller: B, lots: 10, price: 2.350, at: 2026-11-23T15:00:00Z}
        cut: {date: 2026-11-23}
        trade: {contract: GPUH, buyer: A, seller: B, lots: 10, price: 2.350, at: 2026-11-23T15:00:00Z}
        settle: {date: 2026-11-23, prices: {GPUH: 2.362}}
        settle: {date: 2026-11-30, prices: {GPUH: 2.362}}
        """
    )
    assert codes(result) == []
    assert cycles(result) == [("2026-11-23", "end_of_day"), ("2026-11-30", "end_of_day")]
    assert [line(result, place, "A")["total"] for place in (0, 1)] == ["87.60", "87.60"]


@pytest.mark.rule("CUT-1", "ENT-8")
def test_dates_settle_once_and_in_the_order_of_their_cuts() -> None:
    """A second settle, a second cut and a settle before an earlier date's are refused; the right order goes through."""
    result = settle(
        f"""
        {T1}
        cut: {{date: 2026-11-23}}
        cut: {{date: 2026-11-23}}
        cut: {{date: 2026-11-24}}
        settle: {{date: 2026-11-24, prices: {{GPUH: 2.362}}}}
        settle: {{date: 2026-11-23, prices: {{GPUH: 2.362}}}}
        settle: {{date: 2026-11-23, prices: {{GPUH: 2.363}}}}
        settle: {{date: 2026-11-24, prices: {{GPUH: 2.362}}}}
        """
    )
    assert codes(result) == [(3, "WRONG_DATE"), (5, "WRONG_DATE"), (7, "ALREADY_SETTLED")]
    assert cycles(result) == [("2026-11-23", "end_of_day"), ("2026-11-24", "end_of_day")]


@pytest.mark.rule("VM-5", "CUT-1")
def test_a_refused_settle_does_not_cut() -> None:
    """After a settle without its prices the date is still open, takes events, and settles with the next one."""
    result = settle(
        f"""
        {T1}
        settle: {{date: 2026-11-23, prices: {{}}}}
        bust: {{trade: T1}}
        settle: {{date: 2026-11-23, prices: {{GPUH: 2.362}}}}
        """
    )
    assert codes(result) == [(2, "MISSING_PRICE")]
    assert line(result, 0, "A")["bought"] == 0


@pytest.mark.rule("CUT-1")
def test_between_cut_and_settle_nothing_is_marked_at_an_unknown_price() -> None:
    """While a cut date waits, an intraday cycle and a default-price transfer are refused; one with a price is not."""
    result = settle(
        f"""
        {T1}
        cut: {{date: 2026-11-23}}
        intraday: {{date: 2026-11-24, prices: {{GPUH: 2.362}}}}
        transfer: {{contract: GPUH, from: A, to: C, lots: 1}}
        transfer: {{contract: GPUH, from: A, to: C, lots: 1, price: 2.362}}
        settle: {{date: 2026-11-23, prices: {{GPUH: 2.362}}}}
        settle: {{date: 2026-11-24, prices: {{GPUH: 2.362}}}}
        """
    )
    assert codes(result) == [(3, "NO_PREVIOUS"), (4, "NO_PREVIOUS")]
    assert result.document["positions"]["C"] == {"GPUH": 1}


@pytest.mark.rule("COR-1")
def test_corrections_end_with_the_correction_days() -> None:
    """On the fifth business day after it a trade can be busted, on the sixth no more; holidays do not count."""
    days = "\n".join(f"settle: {{date: 2026-11-{day}, prices: {{GPUH: 2.350}}}}" for day in (23, 24, 25, 27, 30))
    head = f"{contract('fee: 0')}calendar: {{holidays: [2026-11-26]}}\n"
    assert (
        codes(settle(f"{T1}\n{days}\nbust: {{trade: T1}}\nsettle: {{date: 2026-12-01, prices: {{GPUH: 2.350}}}}", head))
        == []
    )
    late = settle(f"{T1}\n{days}\nbust: {{trade: T1}}\nsettle: {{date: 2026-12-02, prices: {{GPUH: 2.350}}}}", head)
    assert codes(late) == [(7, "TOO_LATE")]


@pytest.mark.rule("COR-1")
def test_corrections_act_on_where_the_trade_stands() -> None:
    """A bust finds the lots where give-ups and adjustments have put them, fee included; later sales do not matter."""
    result = settle(
        f"""
        {T1}
        adjust: {{trade: T1, price: 2.340}}
        give_up: {{trade: T1, side: buy, to: {{Y: 4, Z: 6}}}}
        trade: {{contract: GPUH, buyer: C, seller: Z, lots: 6, price: 2.350}}
        bust: {{trade: T1}}
        settle: {{date: 2026-11-23, prices: {{GPUH: 2.350}}}}
        """,
        contract("fee: 0.35"),
    )
    assert codes(result) == []
    assert result.document["positions"] == {
        name: {"GPUH": lots} for name, lots in (("A", 0), ("B", 0), ("C", 6), ("Y", 0), ("Z", -6))
    }
    assert totals(result) == {"A": "0.00", "B": "0.00", "C": "-2.10", "Y": "0.00", "Z": "-2.10", "CCP/fees": "4.20"}


@pytest.mark.rule("ACC-1")
def test_a_gross_account_closes_only_what_it_has() -> None:
    """A close beyond its side and the bust of an opening that was closed are refused; busting the close first works."""
    result = settle(
        """
        trade: {id: T1, contract: GPUH, buyer: K, seller: B, lots: 10, price: 2.350}
        trade: {id: T2, contract: GPUH, buyer: B, seller: K, lots: 10, price: 2.360, open_close: {seller: close}}
        trade: {id: T3, contract: GPUH, buyer: B, seller: K, lots: 1, price: 2.360, open_close: {seller: close}}
        bust: {trade: T1}
        bust: {trade: T2}
        bust: {trade: T1}
        settle: {date: 2026-11-23, prices: {GPUH: 2.350}}
        """,
        GROSS,
    )
    assert codes(result) == [(3, "GROSS_CLOSED"), (4, "GROSS_CLOSED")]
    assert result.document["positions"]["K"] == {"GPUH": {"long": 0, "short": 0}}


@pytest.mark.rule("PAY-1", "FEE-1")
def test_fees_of_clients_are_paid_by_their_house() -> None:
    """A client account's fee stands in its line and its total, and in the payment of its member's house."""
    head = f"{contract('fee: 0.35')}accounts: {{M-C: {{member: M, origin: client, positions: net}}}}\n"
    result = settle(
        """
        trade: {contract: GPUH, buyer: M-C, seller: B, lots: 10, price: 2.350}
        settle: {date: 2026-11-23, prices: {GPUH: 2.362}}
        """,
        head,
    )
    assert codes(result) == []
    payments = {(p["member"], p["origin"]): p["amount"] for p in result.document["cycles"][0]["payments"]}
    assert payments == {("B", "house"): "-91.10", ("M", "client"): "87.60", ("M", "house"): "-3.50"}
    assert totals(result) == {"B": "-91.10", "M-C": "84.10", "CCP/fees": "7.00"}


def test_a_missing_trade_id_is_no_name_that_an_event_could_take() -> None:
    """Trades without an id are all accepted, also beside one that is named like an event's number."""
    trade = "trade: {contract: GPUH, buyer: A, seller: B, lots: 1, price: 2.350}"
    named = "trade: {id: '2', contract: GPUH, buyer: A, seller: B, lots: 1, price: 2.350}"
    result = settle(f"{trade}\n{trade}\n{named}\nsettle: {{date: 2026-11-23, prices: {{GPUH: 2.350}}}}")
    assert codes(result) == []
    assert result.document["positions"]["A"] == {"GPUH": 3}


def test_a_file_that_closes_nothing_opens_on_its_first_intraday_date() -> None:
    """Without cut and settle the intraday cycle's date is open, and positions are shown as they stand."""
    result = settle(
        f"""
        fixing: {{series: S, date: 2026-11-02, value: 2}}
        {T1}
        intraday: {{date: 2026-11-23, prices: {{GPUH: 2.355}}}}
        """
    )
    assert codes(result) == []
    assert cycles(result) == [("2026-11-23", "intraday")]
    assert totals(result) == {"A": "36.50", "B": "-36.50"}


def test_behind_the_last_settle_the_next_business_day_is_open() -> None:
    """An intraday cycle after the last settle names the business day that follows, holidays skipped."""
    day = f"{T1}\nsettle: {{date: 2026-11-25, prices: {{GPUH: 2.350}}}}"
    head = f"{contract('fee: 0')}calendar: {{holidays: [2026-11-26]}}\n"
    result = settle(f"{day}\nintraday: {{date: 2026-11-27, prices: {{GPUH: 2.355}}}}", head)
    assert codes(result) == []
    assert cycles(result)[-1] == ("2026-11-27", "intraday")


def test_observations_without_an_instant_are_those_of_the_fix_that_uses_them() -> None:
    """Neither observation nor fix needs an instant: a fix is at the end of its date, and what has none is fresh."""
    series = "series: {S: {value_per_provider: last, across_providers: mean, precision: 4, max_age_hours: 1}}\n"
    result = settle(
        "observe: {series: S, provider: p, price: 2, quantity: 1}\n"
        "observe: {series: S, provider: q, price: 3, quantity: 1, at: 2026-08-03T22:00:00Z}\n"
        "fix: {series: S, date: 2026-08-03}",
        series,
    )
    [fixing] = result.document["fixings"]
    assert (fixing["value"], fixing["included"], fixing["excluded"]) == (
        "2",
        ["p"],
        [{"provider": "q", "reason": "STALE"}],
    )
