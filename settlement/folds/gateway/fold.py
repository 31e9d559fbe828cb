"""The gateway's fold: controls and feed reports in, records of the input topics out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract
from settlement.domain.document import canonical
from settlement.domain.rejection import Code, Refused, Rejection
from settlement.folds.gateway import (
    bank,
    checks,
    closed_dates,
    corrections,
    cycles,
    give_ups,
    reference,
    terms,
    trading,
    transfers,
)
from settlement.folds.gateway.state import Session, State, Sums
from settlement.folds.gateway.writing import FILLS, ORDERS, TICKS, Step, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from settlement.domain.feed import FeedRecord, Unreadable

VERSION: Final = 5

_KINDS: Final[dict[str, Callable[[Writer, dict[str, Any]], None]]] = {
    "open": terms.open_date,
    "generation": reference.generation,
    "calendar": reference.calendar,
    "account": reference.account,
    "listing": terms.listing,
    "series": reference.series,
    "fix": reference.fix,
    "fixing": reference.print_fixing,
    "carry": cycles.carry,
    "cut": cycles.cut,
    "prices": cycles.prices,
    "correct_settlement": closed_dates.correct_settlement,
    "final": closed_dates.final,
    "bust": corrections.bust,
    "adjust": corrections.adjust,
    "give_up": give_ups.give_up,
    "request_give_up": give_ups.request,
    "accept_give_up": give_ups.accept,
    "refuse_give_up": give_ups.refuse,
    "withdraw_give_up": give_ups.withdraw,
    "average": corrections.average,
    "transfer": transfers.transfer,
    "close_out": transfers.close_out,
    "cash_adjustment": transfers.cash_adjustment,
}
KINDS: Final = frozenset((*_KINDS, "advance", "bank", "waive"))
"""Every kind of control that the gateway knows."""


class GatewayFold:
    """State = fold(controls, and the feeds as far as the controls advanced them); the only writer of the input topics.

    Equal inputs give equal records, so any number of gateways, restarted anywhere, write the same bytes.
    """

    def __init__(self, partitions: int) -> None:
        topics = {topic: [0] * partitions for topic in (FILLS, ORDERS, TICKS)}
        self.state = State(partitions=partitions, next_seq=topics, sums=[Sums() for _ in range(partitions)])
        self.contracts: dict[str, Contract] = {}

    def control(self, control: dict[str, Any]) -> Step:
        """Apply one control at its place; a twin of an earlier one changes nothing.

        control: the fields of the record `control`, with `payload` as a mapping.  An `advance` is applied by
        `advance` and `report`.
        """
        kind, payload, control_id = control["kind"], control["payload"], control["control_id"]
        content = hashlib.sha256(f"{kind} {canonical(payload)}".encode()).hexdigest()
        known = self.state.controls.get(control_id)
        if known is not None:
            same = known == content
            return (
                Step()
                if same
                else Step(
                    rejection=Rejection(
                        code=Code.CONTROL_REUSED, message=f"Expected a new control id, was {control_id!r}, used."
                    )
                )
            )
        self.state.controls[control_id] = content
        self.state.applied += 1
        return self._step(control_id, lambda writer: _apply(writer, kind, payload, control))

    def advance(self, control: dict[str, Any]) -> range:
        """Return the source_seqs of its feed that an `advance` control releases; empty when it is not ahead.

        How many advances there are is a matter of timing, so they leave no trace but in how far the feed is released.
        """
        payload = control["payload"]
        first, last = int(payload["from"]), int(payload["to"])
        session = self.state.feeds.setdefault(payload["feed"], Session(first))
        return range(session.next_seq, max(session.next_seq, last + 1))

    def report(self, feed: str, record: FeedRecord | Unreadable) -> Step:
        """Apply one report of a feed, which must be the feed's next.

        Raises:
            ValueError: it is not the next one: a bug of the caller, never of the feed.
        """
        session = self.state.feeds.setdefault(feed, Session(record.source_seq))
        if record.source_seq != session.next_seq:
            message = f"Expected number {session.next_seq} of {feed}, was {record.source_seq}."
            raise ValueError(message)
        session.next_seq += 1
        return self._step("", lambda writer: trading.report(writer, feed, session, record))

    def _step(self, control_id: str, act: Callable[[Writer], None]) -> Step:
        writer = Writer(self.state, self.contracts, Calendar(frozenset(self.state.holidays)), control_id)
        try:
            act(writer)
        except Refused as refused:
            return Step(rejection=refused.rejection)
        return Step(emissions=tuple(writer.emissions))

    def snapshot(self) -> bytes:
        """Return the state as bytes that `restore` takes."""
        return msgspec.msgpack.encode((VERSION, self.state))

    @classmethod
    def restore(cls, snapshot: bytes) -> Self:
        """Return the fold of a snapshot.

        Raises:
            msgspec.DecodeError: the bytes are of another version or no snapshot.
        """
        version, state = msgspec.msgpack.decode(snapshot, type=tuple[int, State])
        if version != VERSION:
            message = f"Expected a snapshot of version {VERSION}, was {version}."
            raise msgspec.ValidationError(message)
        fold = cls(state.partitions)
        fold.state = state
        fold.contracts = {name: Contract.of(document) for name, document in state.terms.in_force().items()}
        return fold


def _apply(writer: Writer, kind: str, payload: dict[str, Any], control: dict[str, Any]) -> None:
    if kind == "waive":
        reference.waive(writer, payload, control["requested_by"], control["approved_by"], control["reason"])
    elif kind == "bank":
        bank.bank(writer, payload, control.get("exchange_reference", ""))
    elif kind in _KINDS:
        checks.approved_for_today(writer, payload)
        checks.people(writer, control)
        _KINDS[kind](writer, payload)
    else:
        raise Refused(Code.MALFORMED, f"kind: Expected one of {', '.join(sorted(KINDS))}, was {kind!r}.")
