"""Reads the ledger: frozen values in a total order, the same for the same books.

Each function runs in a transaction of its own, or in the caller's (`session.as_member`, `as_auditor`, `as_poster`).
Filters that are None take everything.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import dict_row

from settlement.domain.account import FEE_ACCOUNT
from settlement.domain.dates import to_date, to_number
from settlement.domain.position_limit import Held
from settlement.ledger.model import (
    BankAnswer,
    CycleId,
    CyclePosting,
    CyclePrice,
    Fee,
    Generation,
    MarginLine,
    OutboxRow,
    PartitionMark,
    Payment,
)
from settlement.ledger.records import (
    Balance,
    Journal,
    Leg,
    PostedAnswer,
    PostedCycle,
    PostedOutboxRow,
    PostedPayment,
    PostedPrice,
)
from settlement.ledger.statements import statements

Row = dict[str, Any]
T = TypeVar("T")


def generation(conn: Connection[Any]) -> Generation | None:
    """Return the newest generation; None before the first."""
    rows = _read(conn, "newest_generation", {}, lambda row: Generation(**row), file="posting")
    return rows[0] if rows else None


def cycles(conn: Connection[Any], *, business_date: int | None = None) -> list[PostedCycle]:
    """Return the posted cycles in the order of the chain."""
    return _read(conn, "cycles", _filters(business_date=business_date), _cycle)


def find_cycle(conn: Connection[Any], cycle: CycleId) -> PostedCycle | None:
    """Return a cycle's header; None when it is not posted."""
    rows = _read(conn, "cycles", _filters(cycle), _cycle)
    return rows[0] if rows else None


def head(conn: Connection[Any]) -> PostedCycle | None:
    """Return the last posted cycle; None when there is none."""
    rows = _read(conn, "head", {}, _cycle)
    return rows[0] if rows else None


def lines(
    conn: Connection[Any],
    cycle: CycleId | None = None,
    *,
    business_date: int | None = None,
    member: str | None = None,
    contract: str | None = None,
) -> list[MarginLine]:
    """Return margin lines by cycle, account and contract."""
    filters = {**_filters(cycle, business_date), "member": member, "contract": contract}
    return _read(conn, "lines", filters, _line)


def held(conn: Connection[Any], *, until: int | None = None) -> list[Held]:
    """Return what each member's house and clients held of a contract at the end of every settled date, by date."""
    return _read(
        conn, "held", {"business_date": None if until is None else to_date(until)},
        lambda row: Held(**{**row, "business_date": to_number(row["business_date"])}),
    )  # fmt: skip


def payments(
    conn: Connection[Any], cycle: CycleId | None = None, *, business_date: int | None = None, member: str | None = None
) -> list[PostedPayment]:
    """Return payments by cycle, member, origin and currency, each with its newest state."""
    return _read(conn, "payments", {**_filters(cycle, business_date), "member": member}, _of_cycle(PostedPayment))


def bank_answers(
    conn: Connection[Any], cycle: CycleId | None = None, *, business_date: int | None = None, member: str | None = None
) -> list[PostedAnswer]:
    """Return the bank's answers in the order of the chain, those that moved nothing too, each with its entry."""
    return _read(conn, "bank_answers", {**_filters(cycle, business_date), "member": member}, _answer)


def payment_states(conn: Connection[Any]) -> dict[str, list[tuple[str, str]]]:
    """Return by payment its states in their order, each with the control that told it."""
    states: dict[str, list[tuple[str, str]]] = {}
    for row in _read(conn, "payment_states", {}, dict):
        states.setdefault(row["payment"], []).append((row["state"], row["control_id"]))
    return states


def prices(
    conn: Connection[Any],
    cycle: CycleId | None = None,
    *,
    business_date: int | None = None,
    contract: str | None = None,
) -> list[PostedPrice]:
    """Return settlement prices by cycle and contract; with a contract, its last one is its prior settlement price."""
    return _read(conn, "prices", {**_filters(cycle, business_date), "contract": contract}, _of_cycle(PostedPrice))


def balances(conn: Connection[Any], *, member: str | None = None) -> list[Balance]:
    """Return what all journals add up to, by account; per currency they sum to 0."""
    return _read(conn, "balances", {"member": member}, lambda row: Balance(**row))


def marks(conn: Connection[Any], cycle: CycleId | None = None) -> list[PartitionMark]:
    """Return a cycle's marks by partition; by default the last cycle's, none when nothing is posted.

    A log whose end lies behind them, or whose rolling hash there is another, is not this ledger's log (LEDGER_AHEAD).
    """
    found = head(conn) if cycle is None else find_cycle(conn, cycle)
    if found is None:
        return []
    return _read(conn, "marks", {"seq": found.seq}, lambda row: PartitionMark(**row))


def journals(conn: Connection[Any], cycle: CycleId | None = None, *, business_date: int | None = None) -> list[Journal]:
    """Return journals with their legs; under `as_member` only that member's legs."""
    with conn.transaction():
        cursor = conn.cursor(row_factory=dict_row)
        found = cursor.execute(statements("reading")["legs"], _filters(cycle, business_date)).fetchall()
    return [_journal(list(rows)) for _, rows in groupby(found, key=lambda row: row["id"])]


def outbox(conn: Connection[Any], *, after: tuple[int, int] = (0, 0), limit: int = 1000) -> list[PostedOutboxRow]:
    """Return the rows after a place (cycle_seq, line), in order."""
    values = {"cycle_seq": after[0], "line": after[1], "limit": limit}
    return _read(conn, "outbox", values, lambda row: PostedOutboxRow(**row))


def outbox_topics(conn: Connection[Any]) -> list[str]:
    """Return every topic that the outbox has rows for."""
    return _read(conn, "outbox_topics", {}, lambda row: str(row["topic"]))


def posted(conn: Connection[Any], cycle: CycleId) -> CyclePosting:
    """Return a cycle as it was posted, rebuilt from the rows; its content hash is the stored one, or it was altered.

    Raises:
        KeyError: it is not posted.
    """
    with conn.transaction():
        header = find_cycle(conn, cycle)
        if header is None:
            raise KeyError(str(cycle))
        booked = journals(conn, cycle)
        return CyclePosting(
            cycle=cycle,
            previous=header.previous,
            effective_date=header.effective_date,
            control_id=header.control_id,
            prices=tuple(_price(row) for row in prices(conn, cycle)),
            lines=tuple(lines(conn, cycle)),
            payments=tuple(_payment(row) for row in payments(conn, cycle)),
            fees=tuple(
                _fee(journal, leg)
                for journal in booked
                for leg in journal.legs
                if leg.account_id.startswith(f"{FEE_ACCOUNT}/")
            ),
            marks=tuple(marks(conn, cycle)),
            bank=next((one.answer for one in bank_answers(conn, cycle)), None),
            outbox=tuple(_read(conn, "outbox_of_cycle", {"seq": header.seq}, lambda row: OutboxRow(**row))),
        )


def _read(
    conn: Connection[Any], name: str, values: Row, build: Callable[[Row], T], *, file: str = "reading"
) -> list[T]:
    with conn.transaction():
        cursor = conn.cursor(row_factory=dict_row)
        return [build(row) for row in cursor.execute(statements(file)[name], values).fetchall()]


def _filters(cycle: CycleId | None = None, business_date: int | None = None) -> Row:
    if cycle is not None:
        return {"business_date": to_date(cycle.business_date), "kind": cycle.kind, "number": cycle.number}
    return {
        "business_date": None if business_date is None else to_date(business_date),
        "kind": None,
        "number": None,
    }


def _take_cycle(row: Row, prefix: str = "") -> CycleId | None:
    date, kind, number = (row.pop(prefix + name) for name in ("business_date", "kind", "number"))
    return None if date is None else CycleId(to_number(date), kind, number)


def _cycle(row: Row) -> PostedCycle:
    row["effective_date"] = to_number(row["effective_date"])
    return PostedCycle(cycle=_take_cycle(row), previous=_take_cycle(row, "previous_"), **row)  # type: ignore[arg-type]


def _line(row: Row) -> MarginLine:
    row["business_date"] = to_number(row["business_date"])
    return MarginLine(**row)


def _of_cycle(kind: Callable[..., T]) -> Callable[[Row], T]:
    return lambda row: kind(cycle=_take_cycle(row), **row)


def _answer(row: Row) -> PostedAnswer:
    cycle = _take_cycle(row)
    assert cycle is not None  # noqa: S101  the columns are not null
    return PostedAnswer(cycle=cycle, answer=BankAnswer(**row))


def _journal(rows: list[Row]) -> Journal:
    legs = tuple(
        Leg(leg=row["leg"], account_id=row["account_id"], amount_minor=row["amount_minor"])
        for row in rows
        if row["leg"] is not None
    )
    header = {name: rows[0][name] for name in ("id", "currency", "payload_sha256", "reverses")}
    cycle = CycleId(to_number(rows[0]["business_date"]), rows[0]["kind"], rows[0]["number"])
    return Journal(cycle=cycle, legs=legs, **header)


def _price(row: PostedPrice) -> CyclePrice:
    return CyclePrice(contract=row.contract, price_nano=row.price_nano, value_minor=row.value_minor, tier=row.tier)


def _payment(row: PostedPayment) -> Payment:
    return Payment(
        member=row.member,
        origin=row.origin,
        currency=row.currency,
        amount_minor=row.amount_minor,
        value_date=row.value_date,
    )


def _fee(journal: Journal, leg: Leg) -> Fee:
    return Fee(currency=journal.currency, amount_minor=leg.amount_minor)
