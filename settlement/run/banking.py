"""From an answer of the bank in the log to its entry in the ledger's chain (rule PAY-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from settlement.domain import margin
from settlement.domain.margin import CycleKey
from settlement.domain.payment_state import BANK, Answer, PaymentId, State, refusal
from settlement.ledger.model import BankAnswer, CycleId, CyclePosting, PartitionMark
from settlement.run.breach import Breach, BreachError
from settlement.run.engine import Engine


def bank_posting(
    engine: Engine, entry: CycleKey, before: Sequence[CycleKey], marks: tuple[PartitionMark, ...]
) -> CyclePosting:
    """Return the entry of an answer: its state when it counts, and the reason when it does not.

    before: what the chain holds before it, in order.

    Raises:
        BreachError: the answer is not the same in every partition.
    """
    answers = engine.answers()
    at = next((n for n, record in enumerate(answers) if _key(record) == entry), None)
    if at is None:
        message = f"Expected {entry} to say the same in every partition, was otherwise. Find out who wrote it."
        raise BreachError([Breach(rule="PAY-1", message=message)])
    record, answer = answers[at], _answer(answers[at])
    earlier = [_answer(one) for one in answers[:at] if one["payment"] == record["payment"]]
    told = BankAnswer(
        payment=record["payment"],
        member=answer.payment.member,
        origin=answer.payment.origin,
        currency=answer.payment.currency,
        state=record["state"],
        amount_minor=record["amount_minor"],
        reason=record["reason"],
        reference=record["reference"],
        refused=refusal(_amount_minor(engine, answer.payment, before), earlier, answer),
    )
    return CyclePosting(
        cycle=CycleId(*entry), previous=CycleId(*before[-1]) if before else None, effective_date=entry.business_date,
        control_id=record["control_id"], prices=(), lines=(), payments=(), fees=(), marks=marks, outbox=(), bank=told,
    )  # fmt: skip


def _key(record: dict[str, Any]) -> CycleKey:
    return CycleKey(record["business_date"], BANK, record["number"])


def _answer(record: dict[str, Any]) -> Answer:
    return Answer(
        payment=PaymentId.of(record["payment"]), state=State(record["state"]), amount_minor=record["amount_minor"]
    )


def _amount_minor(engine: Engine, payment: PaymentId, before: Sequence[CycleKey]) -> int | None:
    """Return what the payment's cycle makes it, None when no cycle before has it."""
    if payment.cycle not in before:
        return None
    lines, banks = engine.margin_lines(payment.cycle), engine.banks(payment.cycle)
    paid = margin.payments(payment.cycle, lines, engine.accounts(), engine.currencies(), banks)
    named = (payment.member, payment.origin, payment.currency)
    return next((one.amount_minor for one in paid if (one.member, one.origin, one.currency) == named), None)
