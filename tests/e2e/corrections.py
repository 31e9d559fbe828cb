"""What the script asks for beside the month's end of the demo: averages, a transfer whose price is corrected, and such.

Everything follows from the exchange's sessions and from what the ledger settled, so it is the same in every run.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any, Final

from settlement.cli.demo_events import TRANSFERRED, Event, MonthEnd
from settlement.domain.money import format_price
from settlement.ledger.model import MarginLine

Json = dict[str, Any]
FAR, TOKEN = "H100-2026-09", "TOKEN-2026-08"
TICK_NANO: Final = 1_000_000


def average(trades: list[Json]) -> Json:
    """Return the payload that averages the first trades at different prices of an account, contract and side."""
    groups: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for trade in trades:
        for account, side in ((trade["buyer"], "buy"), (trade["seller"], "sell")):
            group = groups[account, trade["contract"], side]
            group.append(trade)
            if len(group) > 2 and len({one["price"] for one in group}) > 1:
                named = [one["trade_id"] for one in group]
                return {"account": account, "contract": trade["contract"], "side": side, "trades": named}
    raise AssertionError(f"Expected three trades of an account to average, was none in {len(trades)}.")


def before_session(month_end: MonthEnd, day: date) -> list[Event]:
    """Return what is asked for before a date's session."""
    settled = month_end.last_trade
    if settled is None or day not in {month_end.day_after, month_end.closing}:
        return []
    lines = month_end.lines_of(settled)
    if day == month_end.closing:  # the transfer of the day before was booked at it: it is paid between its two members
        return [_correction(lines, TRANSFERRED, settled, 7)]
    held = max((one for one in lines if one.contract == FAR), key=lambda line: (line.end, line.account))
    transferred = {
        "contract": FAR,
        "from": held.account,
        "to": _other(held, "M07-H", "M06-H"),
        "lots": str(held.end // 3),
    }
    given = {"to": _other(held, "M08-C", "M09-C"), "lots": "1", "price": _price(lines, FAR, 11)}
    return [
        _event("transfer", "prior", transferred),
        _correction(lines, FAR, settled, -3),  # the transfer at it is entered anew
        _event("transfer", "given", {**transferred, **given}),
        _event("final", "provisional", {**_final(month_end, day), "price": "2.9", "status": "provisional"}),
    ]


def after_session(month_end: MonthEnd, day: date) -> list[Event]:
    """Return what is asked for between a date's session and its cut; of gross accounts only after the last session.

    An exchange would report closing trades of the lots that these move.
    """
    if month_end.day_after is None or day != month_end.closing:
        return []
    lines = [one for one in month_end.lines_of(month_end.day_after) if one.contract == TOKEN]
    long = max(lines, key=lambda line: (line.end_long, line.account))
    both = max(lines, key=lambda line: (min(line.end_long, line.end_short), line.account))
    moved = {
        "contract": TOKEN,
        "from": long.account,
        "to": _other(long, "M09-CG", "M10-CG"),
        "lots": "2",
        "position": "long",
    }
    cash = {"from": "M01-H", "to": "M02-C", "contract": FAR, "amount": "12.34", "reason": "agreed"}
    return [
        _event("transfer", "gross", moved),
        _event("close_out", "1", {"account": both.account, "contract": TOKEN, "lots": "1"}),
        _event("cash_adjustment", "1", cash),
    ]


def after_final(month_end: MonthEnd) -> Event:
    """Return what is asked for when the month is finally settled: cash is all that is left of it."""
    cash = {
        "from": "M03-H",
        "to": "M04-H",
        "contract": month_end.terms["contract"],
        "amount": "0.07",
        "reason": "agreed",
    }
    return _event("cash_adjustment", "closed", cash)


def _final(month_end: MonthEnd, day: date) -> Json:
    return {"contract": month_end.terms["contract"], "date": day.isoformat(), "tier": "given"}


def _other(held: MarginLine, *accounts: str) -> str:
    """Return the first account that is not the holder's."""
    return next(account for account in accounts if account != held.account)


def _correction(lines: list[MarginLine], contract: str, day: date, ticks: int) -> Event:
    payload = {"date": day.isoformat(), "contract": contract, "price": _price(lines, contract, ticks)}
    return _event("correct_settlement", contract, payload)


def _price(lines: list[MarginLine], contract: str, ticks: int) -> str:
    """Return a contract's settlement price, some ticks away."""
    return format_price(next(one.price_nano or 0 for one in lines if one.contract == contract) + ticks * TICK_NANO)


def _event(kind: str, name: str, payload: Json) -> Event:
    return Event(kind=kind, control_id=f"{kind}/script/{name}", payload=payload, what=kind, reason="a test")
