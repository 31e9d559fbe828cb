"""The bank's answers: checked for form, then written into every partition at their place in the log (rule PAY-1)."""

from __future__ import annotations

from typing import Any, Final

from settlement.domain.currency import DECIMALS
from settlement.domain.payment_state import BANK, PaymentId, State
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import fields
from settlement.folds.gateway.cycles import next_number
from settlement.folds.gateway.writing import FILLS, Writer

BYTES_MAX: Final = 200
"""The ledger's longest word; a longer one would halt the settlement run, and nothing of a bank's answer may."""
AMOUNT_LIMIT_MINOR: Final = 2**63
"""The first amount that the log's and the ledger's 64 bits cannot hold."""
_STATES: Final = (State.INSTRUCTED, State.CONFIRMED, State.FAILED)


def bank(writer: Writer, payload: fields.Payload, reference: str) -> None:
    """Write what the bank said of a payment; whether it counts, the ledger's run decides from the log."""
    payment = _payment(payload)
    state = _state(payload)
    amount_minor = fields.decimal(payload.get("amount"), "amount", DECIMALS[payment.currency])
    if abs(amount_minor) >= AMOUNT_LIMIT_MINOR:
        raise Refused(Code.LIMIT, f"Expected an amount below {AMOUNT_LIMIT_MINOR} minor units, was {amount_minor}.")
    reason = _short(payload, "reason") if state is State.FAILED else ""
    today, number = writer.open_date(), next_number(writer, BANK)
    _fits("reference", reference)
    today.numbers[BANK] = number
    record: dict[str, Any] = {
        "business_date": today.date,
        "number": number,
        "payment": str(payment),
        "state": state.value,
        "amount_minor": amount_minor,
        "reason": reason,
        "reference": reference,
        "control_id": writer.control_id,
    }
    writer.emit_everywhere(FILLS, "payment_state", record)


def _payment(payload: fields.Payload) -> PaymentId:
    text = _short(payload, "payment")
    try:
        return PaymentId.of(text)
    except ValueError as error:
        raise fields.malformed("payment", "one such as 2026-08-03/end_of_day/1/M01/HOUSE/USD", text) from error


def _state(payload: fields.Payload) -> State:
    told = payload.get("state")
    found = next((state for state in _STATES if state.value == told), None)
    if found is None:
        raise fields.malformed("state", ", ".join(_STATES), told)
    return found


def _short(payload: fields.Payload, key: str) -> str:
    return _fits(key, fields.text(payload, key))


def _fits(key: str, text: str) -> str:
    if not text.isprintable() or len(text.encode(errors="replace")) > BYTES_MAX:
        raise fields.malformed(key, f"a printable text of at most {BYTES_MAX} bytes", text[:BYTES_MAX])
    return text
