"""From a checked cycle to what the ledger posts: the same log gives the same posting, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from operator import attrgetter
from typing import Final, Protocol

from settlement.domain import margin
from settlement.domain.account import Account
from settlement.domain.margin import CycleKey
from settlement.domain.payment_state import BANK
from settlement.ledger.content import content_sha256
from settlement.ledger.model import (
    CycleId,
    CyclePosting,
    CyclePrice,
    Fee,
    MarginLine,
    OutboxRow,
    PartitionMark,
    Payment,
)
from settlement.run.banking import bank_posting
from settlement.run.engine import Engine
from settlement.wire import codec

SETTLEMENTS: Final = "settlements"
_LINE: Final = [one.name for one in fields(margin.MarginLine) if one.name not in {"partition", "line"}]
_values: Final = attrgetter(*_LINE)

Announce = Callable[[Engine, CycleKey, int], Sequence[OutboxRow]]
"""Gives further announcements of a cycle (statements); the number is the cycle's in the ledger."""


class Hashes(Protocol):
    """A log that knows its rolling hashes."""

    def hash_at(self, partition: int, stream_seq: int) -> bytes:
        """Return the rolling hash of a partition after a record."""
        ...


def posting_of(
    engine: Engine, log: Hashes, cycle: CycleKey, *, announce: Announce | None = None, prefix: str = ""
) -> CyclePosting:
    """Return what is posted for a cycle or an answer of the bank; nothing is checked here.

    announce: further rows of the outbox.  prefix: before the topics' names.
    """
    cycles = engine.entries()
    at = cycles.index(cycle)
    if cycle.kind == BANK:
        return bank_posting(engine, cycle, cycles[:at], marks_of(engine, log, cycle))
    effective_date, control_id = engine.header(cycle)
    lines = engine.margin_lines(cycle)
    accounts, currencies = engine.accounts(), engine.currencies()
    posting = CyclePosting(
        cycle=CycleId(*cycle),
        previous=CycleId(*cycles[at - 1]) if at else None,
        effective_date=effective_date,
        control_id=control_id,
        prices=tuple(CyclePrice(**price) for price in engine.prices(cycle)),
        lines=tuple(_line(line, accounts, currencies) for line in lines),
        payments=tuple(
            Payment(**asdict(one)) for one in margin.payments(cycle, lines, accounts, currencies, engine.banks(cycle))
        ),
        fees=tuple(Fee(currency=c, amount_minor=amount) for c, amount in margin.fees(lines, currencies).items()),
        marks=marks_of(engine, log, cycle),
        outbox=(),
    )
    seq = at + 1
    rows = [_settled(posting, seq, prefix), *_payments(posting, seq, prefix)]
    return replace(posting, outbox=(*rows, *(() if announce is None else announce(engine, cycle, seq))))


def marks_of(engine: Engine, log: Hashes, entry: CycleKey) -> tuple[PartitionMark, ...]:
    """Return how far every partition is read at a cycle or an answer of the bank."""
    return tuple(
        PartitionMark(partition=partition, stream_seq=seq, rolling_sha256=log.hash_at(partition, seq))
        for partition, seq in sorted(engine.places(entry).items())
    )


def _line(line: margin.MarginLine, accounts: Mapping[str, Account], currencies: Mapping[str, str]) -> MarginLine:
    values = dict(zip(_LINE, _values(line), strict=True))
    account = accounts[line.account]
    return MarginLine(
        **values,
        member=account.member,
        origin=account.origin.value,
        positions=account.positions.value,
        currency=currencies[line.contract],
    )


def _settled(posting: CyclePosting, seq: int, prefix: str) -> OutboxRow:
    """Return the notice of the cycle; its hash is of the content without the outbox, which cannot hold its own."""
    record = {
        "cycle_seq": seq,
        "business_date": posting.cycle.business_date,
        "kind": posting.cycle.kind,
        "number": posting.cycle.number,
        "lines": len(posting.lines),
        "payments": len(posting.payments),
        "sha256": content_sha256(posting).hex(),
    }
    return OutboxRow(
        topic=prefix + SETTLEMENTS, key=str(posting.cycle), value=codec.encode("settlement_notice", record)
    )


def _payments(posting: CyclePosting, seq: int, prefix: str) -> list[OutboxRow]:
    return [
        OutboxRow(
            topic=prefix + SETTLEMENTS,
            key=payment.member,
            value=codec.encode(
                "payment_notice",
                {
                    "cycle_seq": seq,
                    "business_date": posting.cycle.business_date,
                    "kind": posting.cycle.kind,
                    "number": posting.cycle.number,
                    "member": payment.member,
                    "origin": payment.origin,
                    "currency": payment.currency,
                    "amount_minor": payment.amount_minor,
                    "value_date": payment.value_date,
                },
            ),
        )
        for payment in posting.payments
    ]
