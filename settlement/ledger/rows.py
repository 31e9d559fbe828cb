"""Turns a posting into rows: one insert a section, because the guards count whole statements.

unnest, not COPY: Postgres refuses COPY into tables with row level security, and unnest is as fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from psycopg import Connection

from settlement.domain.account import CLEARING_HOUSE, FEES
from settlement.domain.dates import to_date
from settlement.domain.payment_state import PaymentId
from settlement.ledger.errors import LedgerRefused
from settlement.ledger.journal import account_id, journals
from settlement.ledger.model import (
    BANK_ORIGIN,
    CyclePosting,
    CyclePrice,
    MarginLine,
    PartitionMark,
    Payment,
)
from settlement.ledger.records import Journal
from settlement.ledger.statements import statements

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CYCLE_COLUMNS: Final = 3  # business_date, kind and number of a line stand in its cycle's header


def insert_cycle(conn: Connection[Any], posting: CyclePosting, digest: bytes, *, seq: int, generation: int) -> None:
    """Insert the header and all rows of a cycle; the caller's transaction commits them.

    Raises:
        LedgerRefused: a line is of another cycle, or the payments of a currency do not balance.
    """
    for line in posting.lines:
        if line.cycle != posting.cycle:
            raise LedgerRefused(
                "NV008",
                f"Expected lines of {posting.cycle}, was one of {line.cycle} ({line.account}, {line.contract}).",
            )
    booked = journals(posting)
    _insert_header(conn, posting, digest, seq=seq, generation=generation, n_journals=len(booked))
    _insert_accounts(conn, posting)
    _insert(conn, "prices", seq, columns(posting.prices, names_of(CyclePrice)))
    _insert(conn, "lines", seq, columns(posting.lines, names_of(MarginLine)[_CYCLE_COLUMNS:]))
    _insert(conn, "payments", seq, columns(posting.payments, names_of(Payment)))
    _insert_bank(conn, posting, seq)
    _insert_journals(conn, seq, booked)
    _insert(conn, "marks", seq, columns(posting.marks, names_of(PartitionMark)))
    outbox = columns(posting.outbox, ["topic", "key", "value"])
    _insert(conn, "outbox", seq, {"line": array(range(1, len(posting.outbox) + 1)), **outbox})


def names_of(kind: type[DataclassInstance]) -> list[str]:
    """Return the names of a dataclass's fields, which are those of the table's columns."""
    return [field.name for field in fields(kind)]


def columns(rows: Sequence[object], names: Iterable[str]) -> dict[str, object]:
    """Return the rows column by column, ready for unnest; no columns when there are no rows."""
    return {name: array([getattr(row, name) for row in rows]) for name in names} if rows else {}


def array(values: Sequence[Any]) -> object:
    """Return integers as the text of a Postgres array, several times faster than a list; other values as they are."""
    if values and all(value is None or isinstance(value, int) for value in values):
        return "{" + ",".join("NULL" if value is None else format(value, "d") for value in values) + "}"
    return list(values)


def _insert(conn: Connection[Any], section: str, seq: int, values: dict[str, object]) -> None:
    if len(values) > 1:
        conn.execute(statements("posting")[section], {"seq": seq, **values})


def _insert_header(
    conn: Connection[Any], posting: CyclePosting, digest: bytes, *, seq: int, generation: int, n_journals: int
) -> None:
    values = {
        "seq": seq, "prev": seq - 1 or None, "business_date": to_date(posting.cycle.business_date),
        "kind": posting.cycle.kind, "number": posting.cycle.number, "effective_date": to_date(posting.effective_date),
        "control_id": posting.control_id, "generation": generation, "n_prices": len(posting.prices),
        "n_lines": len(posting.lines), "n_payments": len(posting.payments), "n_journals": n_journals,
        "n_marks": len(posting.marks), "n_outbox": len(posting.outbox), "sha256": digest,
    }  # fmt: skip
    conn.execute(statements("posting")["cycle"], values)


def _insert_accounts(conn: Connection[Any], posting: CyclePosting) -> None:
    """Open the accounts that the journals need and are not there; posters take turns, so none appears meanwhile."""
    owners = {(row.member, row.origin, row.currency) for row in posting.payments}
    owners |= {(CLEARING_HOUSE, FEES, row.currency) for row in posting.fees}
    if posting.bank is not None and posting.bank.moves_cash:
        bank = posting.bank
        owners |= {(bank.member, bank.origin, bank.currency), (CLEARING_HOUSE, BANK_ORIGIN, bank.currency)}
    wanted = [(account_id(*owner), *owner) for owner in sorted(owners)]
    if not wanted:
        return
    missing = conn.execute(statements("posting")["missing_accounts"], _account_columns(wanted)).fetchall()
    if missing:
        conn.execute(statements("posting")["accounts"], _account_columns(sorted(missing)))


def _account_columns(rows: Sequence[tuple[str, ...]]) -> dict[str, object]:
    return {
        name: list(column)
        for name, column in zip(("id", "member", "origin", "currency"), zip(*rows, strict=True), strict=True)
    }


def _insert_bank(conn: Connection[Any], posting: CyclePosting, seq: int) -> None:
    """Insert the bank's answer, and the payment's next state when it counts."""
    if posting.bank is None:
        return
    conn.execute(statements("posting")["bank_answer"], {"seq": seq, **asdict(posting.bank)})
    if not posting.bank.refused:
        payment = PaymentId.of(posting.bank.payment)
        values = {
            "business_date": to_date(payment.cycle.business_date), "kind": payment.cycle.kind,
            "number": payment.cycle.number, "member": payment.member, "origin": payment.origin,
            "currency": payment.currency, "state": posting.bank.state, "control_id": posting.control_id,
        }  # fmt: skip
        conn.execute(statements("posting")["next_payment_state"], values)


def _insert_journals(conn: Connection[Any], seq: int, booked: list[Journal]) -> None:
    header = columns(booked, ["id", "currency", "payload_sha256"])
    _insert(conn, "journals", seq, {**header, "n_legs": array([len(journal.legs) for journal in booked])})
    legs = [(journal, leg) for journal in booked for leg in journal.legs]
    _insert(conn, "postings", seq, {
        **columns([leg for _, leg in legs], ["leg", "account_id", "amount_minor"]),
        "journal_id": [journal.id for journal, _ in legs],
        "currency": [journal.currency for journal, _ in legs],
    } if legs else {})  # fmt: skip
