"""Who is over a position limit: summed by member, house and clients apart, and since which settled date."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from settlement.domain.position_limit import Held, excesses
from settlement.scenario.limits import over_limits
from settlement.scenario.show import show
from tests.scenario.files import settle

pytestmark = pytest.mark.rule("POS-1")

LIMITED = "contracts: {GPUH: {size: 730, tick: 0.001, position_limit: 10}}\n"
ACCOUNTS = """accounts:
  H1: {member: M, origin: house, positions: net}
  H2: {member: M, origin: house, positions: net}
  C1: {member: M, origin: client, positions: net}
  G: {member: N, origin: client, positions: gross}
"""


def trade(name: str, buyer: str, seller: str, lots: int, **more: str) -> str:
    """Return a trade of GPUH."""
    told = "".join(f", {key}: {value}" for key, value in more.items())
    return f"trade: {{id: {name}, contract: GPUH, buyer: {buyer}, seller: {seller}, lots: {lots}, price: 2.350{told}}}"


def settled(date: str) -> str:
    """Return the end of a date."""
    return f"settle: {{date: {date}, prices: {{GPUH: 2.350}}}}"


def told(*events: str, head: str = LIMITED + ACCOUNTS) -> list[str]:
    """Return what is over its limit after some events, a sentence each."""
    result = settle("\n".join(events), head)
    assert result.document["rejections"] == []
    return [str(one) for one in over_limits(result.scenario, result.document)]


def test_a_members_house_accounts_are_summed() -> None:
    """6 lots in one house account and 5 in another are 11; the 10 of the other side are at the limit, not over it."""
    bought = (trade("T1", "H1", "X", 6), trade("T2", "H2", "X", 4), settled("2026-11-23"))
    assert told(*bought) == []
    assert told(*bought, trade("T3", "H2", "C1", 1), settled("2026-11-24")) == [
        "M house is long 11 lots of GPUH, 1 over the position limit of 10, since 2026-11-24."
    ]


def test_lots_of_two_accounts_never_net() -> None:
    """A long and a short house account are over on both sides, and clients do not count for the house."""
    events = (trade("T1", "H1", "H2", 12), trade("T2", "C1", "X", 9), settled("2026-11-23"))
    assert told(*events) == [
        "M house is long 12 lots of GPUH, 2 over the position limit of 10, since 2026-11-23.",
        "M house is short 12 lots of GPUH, 2 over the position limit of 10, since 2026-11-23.",
    ]


def test_a_gross_account_counts_on_both_sides() -> None:
    """Long 11 and short 3 of a gross account are 11 and 3, not 8."""
    short = trade("T2", "C1", "G", 3, open_close="{seller: open}")
    assert told(trade("T1", "G", "X", 11), short, settled("2026-11-23"))[:1] == [
        "N client is long 11 lots of GPUH, 1 over the position limit of 10, since 2026-11-23."
    ]


def test_it_is_told_since_the_last_time_that_it_began() -> None:
    """Over, back at the limit, and over again for two dates: since the first of those two."""
    days = ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")
    buys = (("X", "Y", 12), ("Y", "X", 2), ("X", "Y", 1), ("X", "Y", 1))
    events = [
        event
        for number, (day, (buyer, seller, lots)) in enumerate(zip(days, buys, strict=True))
        for event in (trade(f"T{number}", buyer, seller, lots), settled(day))
    ]
    assert told(*events)[0] == "X house is long 12 lots of GPUH, 2 over the position limit of 10, since 2026-11-25."


def test_nothing_is_told_without_a_limit_or_after_the_final_settlement() -> None:
    """Terms without a limit have none, and what has expired is not held."""
    assert (
        told(trade("T1", "X", "Y", 99), settled("2026-11-23"), head="contracts: {GPUH: {size: 730, tick: 0.001}}\n")
        == []
    )
    final = "final: {contract: GPUH, date: 2026-11-24, price: 2.4, status: final}"
    assert told(trade("T1", "X", "Y", 99), settled("2026-11-23"), final) == []


def test_the_limit_of_the_date_counts() -> None:
    """A limit that comes later, or is lifted, counts from its date on."""
    held = [
        Held(business_date=date, member="M", origin="HOUSE", contract="F", long=12, short=0)
        for date in (20261123, 20261124, 20261125)
    ]
    found: list[Any] = [(0, None), (20261124, 10)]
    assert [(one.since, one.over_lots) for one in excesses(held, {"F": found})] == [(20261124, 2)]
    assert excesses(held, {"F": [*found, (20261125, 12)]}) == []


def test_calc_prints_it_below_the_positions() -> None:
    """The tables end with it; the document that --json prints has the keys that it had."""
    result = settle("\n".join((trade("T1", "X", "H1", 11), settled("2026-11-23"))), LIMITED + ACCOUNTS)
    out = io.StringIO()
    show(result, Console(file=out, width=140))
    assert "OVER THE LIMIT M house is short 11 lots of GPUH, 1 over the position limit of 10" in out.getvalue()
    assert "over" not in "".join(result.document)
