"""What people do with the demo's money: two override a daily price, and the bank answers (rules DSP-1, PAY-1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from settlement.cli import books
from settlement.cli.demo_events import APPROVED_BY, ASKED_BY, Event
from settlement.domain.money import NANO, format_price, parse_decimal
from settlement.folds.gateway.overrides import OVERRIDE, WOULD_HAVE_BEEN
from settlement.ledger.records import PostedPayment

OVERRIDDEN: Final = "H200-2026-09"
LOWER_NANO: Final = 5_000_000  # five ticks, 0.005 USD an hour
Json = dict[str, Any]


def override(day: date, tiers: dict[str, dict[str, str]]) -> Event:
    """Return a date's prices: those that the tiers give, but for one that two people set lower, with both on record."""
    would_be = tiers[OVERRIDDEN]
    price = format_price(parse_decimal(would_be["price"], NANO) - LOWER_NANO)
    by_hand = {"price": price, "tier": OVERRIDE, WOULD_HAVE_BEEN: would_be}
    return Event(
        kind="prices",
        control_id=f"prices/{day}/by-hand/1",
        payload={"date": day.isoformat(), "kind": "end_of_day", "prices": {**tiers, OVERRIDDEN: by_hand}},
        what=f"override: {ASKED_BY} and {APPROVED_BY} set {OVERRIDDEN} at {price}; {would_be['tier']} would have been "
        f"{would_be['price']}",
        reason="the last trades in the window were one member's own",
    )


def bank_answers(payments: Sequence[PostedPayment]) -> list[Event]:
    """Return what the bank is asked and answers of the first two payments: one is confirmed, the other fails."""
    paid, failed = payments[:2]
    return [
        _answer(1, paid, "instructed"),
        _answer(2, paid, "confirmed"),
        _answer(3, failed, "instructed"),
        _answer(4, failed, "failed", reason="the account is blocked"),
    ]


def _answer(number: int, payment: PostedPayment, state: str, **more: str) -> Event:
    name = f"{payment.cycle}/{payment.member}/{payment.origin}/{payment.currency}"
    amount = books.money(payment.amount_minor, payment.currency)
    return Event(
        kind="bank",
        control_id=f"bank/{number}",
        payload={"payment": name, "state": state, "amount": amount, **more},
        what=f"{name} {state}",
        reason="the bank's file",
    )
