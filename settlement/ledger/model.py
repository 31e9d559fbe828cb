"""What is posted and what is read back: frozen values, integers with their unit in the name.

Dates are integers yyyymmdd. Amounts are minor units of the currency, + receives, - pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from settlement.domain.dates import format_date

BANK_ORIGIN: Final = "bank"


class Outcome(StrEnum):
    """What posting did."""

    POSTED = "posted"
    """It was not there and is now."""
    UNCHANGED = "unchanged"
    """It was there with the same content."""


@dataclass(frozen=True, slots=True, order=True)
class CycleId:
    """A cycle's identity: its booked business date, kind and number within both.

    kind: intraday, end_of_day, final, correction, or bank (an answer of the bank).
    Example of its text: 2026-08-03/end_of_day/1.
    """

    business_date: int
    kind: str
    number: int

    def __str__(self) -> str:
        """Return the id as text."""
        return f"{format_date(self.business_date)}/{self.kind}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclePrice:
    """The settlement price of a contract in a cycle.

    price_nano: 1e-9 of the currency unit per unit of the contract; value_minor: V(price) of ONE contract.
    tier: where it came from, such as vwap, last-in-quote, previous or override.
    """

    contract: str
    price_nano: int
    value_minor: int
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLine:
    """The variation margin of an account in a contract in a cycle, as the folds compute it (field by field)."""

    business_date: int
    kind: str
    number: int
    account: str
    member: str
    origin: str
    contract: str
    currency: str
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
    positions: str
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
    def cycle(self) -> CycleId:
        """The cycle it belongs to."""
        return CycleId(self.business_date, self.kind, self.number)

    @property
    def total_minor(self) -> int:
        """The sum of its seven amounts."""
        marked = self.tvar_minor + self.smtm_minor + self.imtm_minor + self.fmtm_minor
        return marked + self.cres_minor + self.adj_minor + self.fee_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a member's house or clients pay or receive in one currency (PAY-1); never zero.

    value_date: when it is due (PAY-2).
    """

    member: str
    origin: str
    currency: str
    amount_minor: int
    value_date: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What the clearing house's fee account collects (+) in one currency: minus all fees of the lines; never zero."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAnswer:
    """What the bank said of a payment (PAY-1); refused: why it moves nothing, empty when it counts."""

    payment: str
    member: str
    origin: str
    currency: str
    state: str
    amount_minor: int
    reason: str
    reference: str
    refused: str

    @property
    def moves_cash(self) -> bool:
        """Whether it closes the payment: only a confirmation that counts does."""
        return self.state == "confirmed" and not self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionMark:
    """How far a partition's log had been read, and the rolling hash of it up to there."""

    partition: int
    stream_seq: int
    rolling_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One message to announce; its place among the cycle's rows is its line, from 1."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclePosting:
    """Everything that one transaction posts for one cycle.

    previous: the cycle before it in the log; None for the first. effective_date: the date it corrects, or its own.
    bank: of an entry of kind `bank`, which has no prices, lines, payments and fees.
    All rows but the outbox's may come in any order.
    """

    cycle: CycleId
    previous: CycleId | None
    effective_date: int
    control_id: str
    prices: tuple[CyclePrice, ...]
    lines: tuple[MarginLine, ...]
    payments: tuple[Payment, ...]
    fees: tuple[Fee, ...]
    marks: tuple[PartitionMark, ...]
    outbox: tuple[OutboxRow, ...]
    bank: BankAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A generation of the topics: the Kafka cluster and the number of partitions that marks are counted in.

    generation: 1, the only one until there is a way to move a log to other topics.
    """

    partitions: int
    cluster_id: str
    generation: int = 1
