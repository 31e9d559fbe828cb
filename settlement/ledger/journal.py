"""From payments and fees to balanced journals: one per currency, a leg per payment account and one for the fees.

A member's leg is the payment itself: + what the clearing house owes it. The fee account's leg is what it collects (+).
Variation margin is zero-sum and every fee lies in a payment, so the legs of a currency sum to 0 (VM-4).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from settlement.domain.account import CLEARING_HOUSE, FEES
from settlement.ledger.errors import LedgerRefused
from settlement.ledger.model import BANK_ORIGIN, BankAnswer, CycleId, CyclePosting
from settlement.ledger.records import Journal, Leg

BIGINT: Final = 2**63  # the ledger's amounts are Postgres bigints


def account_id(member: str, origin: str, currency: str) -> str:
    """Return the id of a payment account, such as M01/HOUSE/USD or CCP/fees/USD."""
    return f"{member}/{origin}/{currency}"


def journals(posting: CyclePosting) -> list[Journal]:
    """Return the cycle's journals by currency; a currency with nothing to pay has none.

    Raises:
        LedgerRefused: the payments and fees of a currency do not sum to 0 (NV002), or an amount is beyond 64 bits.
    """
    if posting.bank is not None:
        return [_closing(posting.cycle, posting.bank)] if posting.bank.moves_cash else []
    currencies = sorted({row.currency for row in posting.payments} | {row.currency for row in posting.fees})
    return [_journal(posting, currency) for currency in currencies]


def payload_sha256(legs: Iterable[Leg]) -> bytes:
    """Return the hash of a journal's legs; the database computes the same (ledger.leg_bytes)."""
    digest = hashlib.sha256()
    for leg in legs:
        name = leg.account_id.encode()
        digest.update(struct.pack(">ii", leg.leg, len(name)) + name + struct.pack(">q", leg.amount_minor))
    return digest.digest()


def _closing(cycle: CycleId, bank: BankAnswer) -> Journal:
    """Return what a confirmation closes: the payment account against the clearing house's cash (rule PAY-1).

    A payment account's balance is what is open of it; CCP/bank is + what was paid out, - what came in.
    """
    account = account_id(bank.member, bank.origin, bank.currency)
    cash = account_id(CLEARING_HOUSE, BANK_ORIGIN, bank.currency)
    return _booked(cycle, bank.currency, [(account, -bank.amount_minor), (cash, bank.amount_minor)])


def _booked(cycle: CycleId, currency: str, amounts: list[tuple[str, int]]) -> Journal:
    legs = tuple(
        Leg(leg=number, account_id=account, amount_minor=amount)
        for number, (account, amount) in enumerate(amounts, start=1)
    )
    return Journal(
        id=f"{cycle}/{currency}",
        cycle=cycle,
        currency=currency,
        payload_sha256=payload_sha256(legs),
        reverses=None,
        legs=legs,
    )


def _journal(posting: CyclePosting, currency: str) -> Journal:
    amounts = [
        (account_id(row.member, row.origin, currency), row.amount_minor)
        for row in sorted(posting.payments, key=lambda row: (row.member, row.origin))
        if row.currency == currency
    ]
    fee_account = account_id(CLEARING_HOUSE, FEES, currency)
    amounts += [(fee_account, row.amount_minor) for row in posting.fees if row.currency == currency]
    total = sum(amount for _, amount in amounts)
    if total != 0:
        raise LedgerRefused(
            "NV002", f"Expected the payments and fees of {posting.cycle} in {currency} to sum to 0 (VM-4), was {total}."
        )
    beyond = [f"{account} {amount}" for account, amount in amounts if not -BIGINT <= amount < BIGINT]
    if beyond:
        raise LedgerRefused("22003", f"Expected amounts below 2^63 {currency} minor units, was {beyond[0]}.")
    return _booked(posting.cycle, currency, amounts)
