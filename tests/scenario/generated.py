"""Generated scenarios: random days of a small clearing house, refused events among them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from settlement.scenario.parse import Scenario, parse_scenario

HEAD = """\
contracts:
  G: {size: 730, tick: 0.0005, fee: 0.35, daily_settlement: {window: day, tiers: [vwap, last-in-quote, previous]}}
  J: {size: 7.3, tick: 0.01, currency: JPY, rounding: down, daily_settlement: {window: day, tiers: [vwap, curve]}}
accounts:
  A: {member: A, origin: house, positions: net}
  B: {member: B, origin: house, positions: net}
  C: {member: M, origin: house, positions: net}
  K: {member: M, origin: client, positions: gross}
  M-C: {member: M, origin: client, positions: net}
series:
  S: {value_per_provider: last, across_providers: median, precision: 4}
  Q: {value_per_provider: last, across_providers: mean, precision: 4}
"""
DAYS = ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")
Line = str

_accounts = st.sampled_from(["A", "B", "C", "K", "M-C"])
_contracts = st.sampled_from(["G", "G", "J"])
_lots = st.integers(-1, 12)
_prices = {
    "G": st.sampled_from(["2.35", "2.3505", "2.362", "-0.5", "0", "2.36201"]),
    "J": st.sampled_from(["352.37", "352.3", "360"]),
}


@st.composite
def prices(draw: st.DrawFn, contracts: tuple[str, ...] = ("G", "J")) -> str:
    """Return prices of some contracts, mostly of all."""
    return "{" + ", ".join(f"{name}: {draw(_prices[name])}" for name in contracts if draw(st.integers(0, 9))) + "}"


@st.composite
def trade(draw: st.DrawFn, number: int) -> Line:
    """Return a trade, at times with an id, lots or a price that is refused."""
    name = draw(_contracts)
    effects = draw(st.sampled_from(["", "", ", open_close: {seller: close}", ", open_close: {buyer: close}"]))
    fields = f"contract: {name}, buyer: {draw(_accounts)}, seller: {draw(_accounts)}, lots: {draw(_lots)}"
    return f"trade: {{id: T{number}, {fields}, price: {draw(_prices[name])}{effects}}}"


@st.composite
def correction(draw: st.DrawFn, trades: int) -> Line:
    """Return a correction or a move of some trade or position."""
    name, account, other = draw(_contracts), draw(_accounts), draw(_accounts)
    (trade_id, second), lots, price = (
        (f"T{draw(st.integers(0, trades))}" for _ in "12"),
        draw(_lots),
        draw(_prices[name]),
    )
    move = f"contract: {name}, from: {account}, to: {other}"
    return draw(
        st.sampled_from(
            [
                f"bust: {{trade: {trade_id}}}",
                f"adjust: {{trade: {trade_id}, price: {price}}}",
                f"give_up: {{trade: {trade_id}, side: buy, to: {{{other}: {lots}}}}}",
                f"give_up: {{trade: {trade_id}, side: sell, to: {{{other}: {lots}}}, open_close: close}}",
                f"average: {{account: {account}, contract: {name}, side: buy, trades: [{trade_id}, {second}]}}",
                f"transfer: {{{move}, lots: {lots}, position: long}}",
                f"transfer: {{{move}, lots: {lots}, price: {price}}}",
                f"close_out: {{account: K, contract: {name}, lots: {lots}}}",
                f"cash_adjustment: {{{move}, amount: 12, reason: because}}",
                f"quote: {{contract: {name}, bid: {price}}}",
                f"fixing: {{series: {draw(st.sampled_from('SQ'))}, date: 2026-11-20, value: 2.5}}",
            ]
        )
    )


@st.composite
def day(draw: st.DrawFn, date: str, before: str | None, trades: int) -> list[Line]:
    """Return a date's events, closed by a settle, an auto settle, or a cut whose settle comes behind it."""
    some: list[Line] = []
    for _ in range(draw(st.integers(0, 7))):
        if draw(st.integers(0, 2)):
            trades += draw(st.integers(0, 9)) > 0
            some.append(draw(trade(trades)))
        else:
            some.append(draw(correction(trades)))
    if draw(st.booleans()):
        some.insert(draw(st.integers(0, len(some))), f"intraday: {{date: {date}, prices: {draw(prices())}}}")
    if before is not None and draw(st.booleans()):
        some.append(f"correct_settlement: {{date: {before}, contract: G, price: {draw(_prices['G'])}}}")
    settle = f"settle: {{date: {date}, prices: {draw(st.sampled_from(['auto', draw(prices()), draw(prices())]))}}}"
    surely = f"settle: {{date: {date}, prices: {{G: 2.36, J: 355}}}}"
    return [*some, settle, surely] if draw(st.booleans()) else [*some, f"cut: {{date: {date}}}", settle, surely]


@st.composite
def scenario_lines(draw: st.DrawFn) -> list[Line]:
    """Return the events of up to four days, and at times of a final and what comes after it."""
    lines: list[Line] = []
    before: str | None = None
    for date in DAYS[: draw(st.integers(1, 4))]:
        lines += draw(day(date, before, len([line for line in lines if line.startswith("trade")])))
        before = date
    if draw(st.booleans()):
        lines.append(f"final: {{contract: G, date: 2026-11-27, price: {draw(_prices['G'])}, status: final}}")
        lines.append(draw(correction(3)))
    return lines


def read(lines: list[Line], head: str = HEAD) -> Scenario:
    """Return the scenario of some events."""
    listed = "".join(f"  - {line}\n" for line in lines)
    return parse_scenario(f"{head}events:\n{listed}" if lines else f"{head}events: []\n")


def without_numbers(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without its rejections, whose numbers depend on the events around them."""
    return {part: content for part, content in document.items() if part != "rejections"}
