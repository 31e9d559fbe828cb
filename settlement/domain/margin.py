"""Margin lines and what follows from them: payments and fees (rules VM-4, PAY-1 and PAY-2).

Lots are signed, + long. Amounts are in minor units of the contract's currency, + receives, - pays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from settlement.domain.account import Account, Origin
from settlement.domain.calendar import Calendar
from settlement.domain.dates import format_date, parse_date
from settlement.domain.value_date import value_date

KINDS: Final = ("intraday", "end_of_day", "final", "correction")
"""The kinds of cycle; `opening` prices bring a book forward and print none."""


class CycleKey(NamedTuple):
    """Identity of a cycle; as text `2026-08-03/end_of_day/1`.

    business_date: the booked date, yyyymmdd.  kind: one of KINDS.  number: from 1 within date and kind.
    """

    business_date: int
    kind: str
    number: int

    def __str__(self) -> str:
        """Return the cycle's id."""
        return f"{format_date(self.business_date)}/{self.kind}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cycle of an id such as `2026-08-03/end_of_day/1`.

        Raises:
            ValueError: the text is no such id.
        """
        parts = text.split("/")
        if len(parts) != 3 or parts[1] not in KINDS or not parts[2].isdecimal() or int(parts[2]) < 1:
            raise ValueError(f"Expected a cycle such as 2026-08-03/end_of_day/1, was {text!r}.")
        return cls(parse_date(parts[0]), parts[1], int(parts[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLine:
    """What one account receives or pays for one contract in one cycle; field by field the record `margin_line`."""

    business_date: int
    kind: str
    number: int
    partition: int
    line: int
    account: str
    contract: str
    start: int
    bought: int
    sold: int
    transferred: int
    expired: int
    end: int
    start_long: int
    start_short: int
    end_long: int
    end_short: int
    previous_nano: int | None
    previous_value_minor: int | None
    price_nano: int | None
    value_minor: int | None
    tvar_minor: int
    smtm_minor: int
    imtm_minor: int
    fmtm_minor: int
    cres_minor: int
    adj_minor: int
    fee_minor: int

    @property
    def margin_minor(self) -> int:
        """All amounts but the fee: what balances among the accounts (rule VM-4)."""
        return self.tvar_minor + self.smtm_minor + self.imtm_minor + self.fmtm_minor + self.cres_minor + self.adj_minor

    @property
    def total_minor(self) -> int:
        """All amounts, the fee included."""
        return self.margin_minor + self.fee_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a member's house or its clients receive (+) or pay (-) in one currency; never zero (rule PAY-1).

    value_date: when it is due, yyyymmdd (rule PAY-2).
    """

    member: str
    origin: Origin
    currency: str
    amount_minor: int
    value_date: int


def payments(
    cycle: CycleKey,
    lines: Iterable[MarginLine],
    accounts: Mapping[str, Account],
    currencies: Mapping[str, str],
    banks: Mapping[str, Calendar],
) -> list[Payment]:
    """Return one payment per member, origin and currency, sorted so; fees of client accounts are the house's (PAY-1).

    lines: of the cycle.  accounts: by account id.  currencies: ISO code by contract.  banks: by currency its banking
    days where they were accepted; Mondays to Fridays otherwise (PAY-2).
    """
    amounts: defaultdict[tuple[str, Origin, str], int] = defaultdict(int)
    for line in lines:
        account, currency = accounts[line.account], currencies[line.contract]
        amounts[account.member, account.origin, currency] += line.margin_minor
        amounts[account.member, Origin.HOUSE, currency] += line.fee_minor
    return [
        Payment(
            member=member,
            origin=origin,
            currency=currency,
            amount_minor=amount,
            value_date=value_date(cycle.kind, cycle.business_date, banks.get(currency, Calendar())),
        )
        for (member, origin, currency), amount in sorted(amounts.items())
        if amount
    ]


def fees(lines: Iterable[MarginLine], currencies: Mapping[str, str]) -> dict[str, int]:
    """Return what the clearing house's fee account receives, by currency; with all payments it sums to 0 (VM-4)."""
    received: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        received[currencies[line.contract]] -= line.fee_minor
    return {currency: amount for currency, amount in sorted(received.items()) if amount}
