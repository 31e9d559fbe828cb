"""What becomes of a payment: calculated, instructed, then confirmed or failed by the bank (rule PAY-1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from settlement.domain.account import Origin
from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date, parse_date
from settlement.domain.margin import KINDS, CycleKey

BANK: Final = "bank"
"""The kind of the entry that an answer of the bank is in the ledger's chain; its cash account is CCP/bank."""
PARTS: Final = 6


class State(StrEnum):
    """A payment's states."""

    CALCULATED = "calculated"
    INSTRUCTED = "instructed"
    CONFIRMED = "confirmed"
    FAILED = "failed"


NEXT: Final = {
    State.CALCULATED: frozenset({State.INSTRUCTED}),
    State.INSTRUCTED: frozenset({State.CONFIRMED, State.FAILED}),
    State.FAILED: frozenset({State.INSTRUCTED}),
    State.CONFIRMED: frozenset[State](),
}
"""Which states may follow each: a failed payment may be instructed again, a confirmed one is final."""


@dataclass(frozen=True, slots=True)
class PaymentId:
    """A payment's name: its cycle, member, origin and currency. Its text: 2026-08-03/end_of_day/1/M01/HOUSE/USD."""

    cycle: CycleKey
    member: str
    origin: str
    currency: str

    def __str__(self) -> str:
        """Return the name as text."""
        return f"{format_date(self.cycle.business_date)}/{self.cycle.kind}/{self.cycle.number}/{self.account}"

    @property
    def account(self) -> str:
        """The payment account that it closes, M01/HOUSE/USD."""
        return f"{self.member}/{self.origin}/{self.currency}"

    @classmethod
    def of(cls, text: str) -> PaymentId:
        """Return the payment of a name.

        Raises:
            ValueError: the text is not of that form.
        """
        parts = text.split("/")
        if len(parts) == PARTS:
            date, kind, number, member, origin, currency = parts
            named = cls(CycleKey(parse_date(date), kind, int(number)), member, origin, currency)
            known = kind in KINDS and origin in set(Origin) and currency in DECIMALS
            if known and member and str(named) == text:
                return named
        message = f"Expected a payment such as 2026-08-03/end_of_day/1/M01/HOUSE/USD, was {text!r}."
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was told of a payment. amount_minor: as the payment's, + the member receives, - pays."""

    payment: PaymentId
    state: State
    amount_minor: int


def refusal(amount_minor: int | None, earlier: Iterable[Answer], answer: Answer) -> str:
    """Return why an answer moves nothing, or nothing when it counts (rule PAY-1).

    amount_minor: the payment's, None when no cycle before the answer has it.  earlier: all answers before it on the
    same payment, in the log's order; those that did not count change nothing here either.
    """
    if amount_minor is None:
        return f"Expected a payment of a cycle before it, was {answer.payment}."
    state = State.CALCULATED
    for one in earlier:
        if not _against(amount_minor, state, one):
            state = one.state
    return _against(amount_minor, state, answer)


def _against(amount_minor: int, state: State, answer: Answer) -> str:
    if answer.amount_minor != amount_minor:
        return f"Expected the amount {amount_minor} in minor units, was {answer.amount_minor}."
    if answer.state not in NEXT[state]:
        expected = " or ".join(sorted(NEXT[state])) or "nothing more"
        return f"Expected {expected} after {state}, was {answer.state}."
    return ""
