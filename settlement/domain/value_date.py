"""When a payment is due: on a banking day of its currency (rule PAY-2)."""

from __future__ import annotations

from settlement.domain.calendar import Calendar

SAME_DAY = frozenset({"intraday"})
"""Cycles that are computed while the banks of the date are still open; the others follow its close."""


def value_date(kind: str, business_date: int, bank: Calendar) -> int:
    """Return the date on which a cycle's payments in a currency are due (rule PAY-2), as yyyymmdd.

    kind, business_date: the cycle's, as booked.  bank: the currency's banking days.
    """
    if kind in SAME_DAY and bank.is_business_day(business_date):
        return business_date
    return bank.next_business_day(business_date)
