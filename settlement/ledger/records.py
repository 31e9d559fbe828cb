"""What the ledger gives back: one frozen value a row, in the words of the tables."""

from __future__ import annotations

from dataclasses import dataclass

from settlement.ledger.model import BankAnswer, CycleId


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCycle:
    """The header of a posted cycle: its place in the chain, its counts, the hashes of its content and of the chain."""

    seq: int
    cycle: CycleId
    previous: CycleId | None
    effective_date: int
    control_id: str
    generation: int
    n_prices: int
    n_lines: int
    n_payments: int
    n_journals: int
    n_marks: int
    n_outbox: int
    sha256: bytes
    chain_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPrice:
    """A settlement price with the cycle that used it."""

    cycle: CycleId
    contract: str
    price_nano: int
    value_minor: int
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPayment:
    """A payment with its cycle and its newest state: calculated, instructed, confirmed or failed."""

    cycle: CycleId
    member: str
    origin: str
    currency: str
    amount_minor: int
    value_date: int
    state: str

    @property
    def payment(self) -> str:
        """Its name, such as 2026-08-03/end_of_day/1/M01/HOUSE/USD."""
        return f"{self.cycle}/{self.member}/{self.origin}/{self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedAnswer:
    """An answer of the bank with its entry in the chain."""

    cycle: CycleId
    answer: BankAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What all journals add up to on one account: + the clearing house has owed the member so much in all."""

    account_id: str
    member: str
    origin: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One side of a journal."""

    leg: int
    account_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A balanced journal of one currency and its legs, in order."""

    id: str
    cycle: CycleId
    currency: str
    payload_sha256: bytes
    reverses: str | None
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedOutboxRow:
    """One message of the outbox with its place."""

    cycle_seq: int
    line: int
    topic: str
    key: str
    value: bytes
