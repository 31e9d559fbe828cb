"""How the gateway writes: planned fills checked together, then emitted with the next stream_seq of their partition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from settlement.domain.account import Positions
from settlement.domain.contract import BOOK_LIMIT_MINOR, FILL_LIMIT_MINOR, LOTS_LIMIT, Contract
from settlement.domain.dates import format_date
from settlement.domain.rejection import Code, Refused, Rejection
from settlement.folds.gateway.state import Date, Day, Holding, State
from settlement.wire.partition import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from settlement.domain.calendar import Calendar

FILLS, ORDERS, TICKS = "fills", "orders", "index-ticks"


@dataclass(frozen=True, slots=True)
class Emission:
    """A record for an input topic, complete with its stream_seq; `name` is its schema's."""

    topic: str
    partition: int
    name: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What one report or control led to: records in their order, and the refusal if there was one."""

    emissions: tuple[Emission, ...] = ()
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A fill that is planned; signs and units are those of the record `fill`."""

    kind: str
    account: str
    side: str
    effect: str = "OPEN"
    lots: int = 0
    price_nano: int = 0
    value_minor: int = 0
    fee_minor: int = 0
    cres_minor: int = 0
    adj_minor: int = 0
    corrects: str = ""

    @property
    def signed_lots(self) -> int:
        """Lots that the account's position gains."""
        return self.lots if self.side == "BUY" else -self.lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why fills are written: the trade they belong to and where the instruction came from."""

    trade_id: str
    trade_date: int
    trade_type: str = "regular"
    at_us: int = -1
    feed: str = ""
    source_seq: int = -1
    control_id: str = ""


CHECKSUM_LIMIT_MINOR: Final = 2**63 - 1
"""The cut's checksum runs over all contracts and currencies, so no contract's own limit bounds it."""

CASH_KINDS: Final = frozenset(("cash", "correction"))
"""Fills without lots that need no settlement price."""


@dataclass(slots=True)
class Writer:
    """Emits records against a state; one lives for the length of one report or control."""

    state: State
    contracts: dict[str, Contract]
    calendar: Calendar
    control_id: str = ""
    emissions: list[Emission] = field(default_factory=list)

    def contract(self, name: str) -> Contract:
        """Return a listed contract, or refuse."""
        found = self.contracts.get(name)
        if found is None:
            raise Refused(
                Code.UNKNOWN_CONTRACT, f"Expected a listed contract, was {name!r}. List it first (novate contract add)."
            )
        return found

    def contract_on(self, name: str, date: int) -> Contract:
        """Return a listed contract by the terms in force on a date up to the open one, or refuse (rule TRM-1)."""
        contract, versions = self.contract(name), self.state.terms.of(name)
        version = versions.on(date)
        if version is None:
            since = format_date(versions.reached[0].since)
            raise Refused(
                Code.UNKNOWN_CONTRACT,
                f"Expected a contract that was listed on {format_date(date)}, was {name!r}, listed from {since} on.",
            )
        return contract if version is versions.current else Contract.of(version.document)

    def open_date(self) -> Date:
        """Return the open date, or refuse before the first."""
        if self.state.open is None:
            raise Refused(
                Code.WRONG_DATE, "Expected an open business date, was none. Open the first one (novate day open DATE)."
            )
        return self.state.open

    def holding(self, contract: str, account: str) -> Holding:
        """Return what an account holds; a new one when it holds nothing."""
        return self.state.holdings.setdefault(contract, {}).setdefault(account, Holding())

    def emit(self, topic: str, partition: int, name: str, record: dict[str, Any]) -> None:
        """Emit one record with the partition's next stream_seq."""
        next_seq = self.state.next_seq[topic]
        self.emissions.append(Emission(topic, partition, name, {"stream_seq": next_seq[partition], **record}))
        next_seq[partition] += 1

    def emit_keyed(self, topic: str, key: str, name: str, record: dict[str, Any]) -> None:
        """Emit one record to the partition of its key."""
        self.emit(topic, partition_of(key, self.state.partitions), name, record)

    def emit_everywhere(self, topic: str, name: str, record: dict[str, Any]) -> None:
        """Emit one record to every partition of a topic."""
        for partition in range(self.state.partitions):
            self.emit(topic, partition, name, record)

    def fills(self, contract: Contract, legs: Iterable[Leg], cause: Cause, first_number: int) -> list[str]:
        """Check planned fills together, then write them; return their fill ids.

        Refuses (LIMIT, GROSS_CLOSED) before anything has changed.
        """
        planned = list(legs)
        self._check_limits(contract, planned)
        self._check_sides(contract, planned)
        return [
            self._fill(contract, leg, cause, f"{cause.trade_id}/{first_number + i}") for i, leg in enumerate(planned)
        ]

    def _check_limits(self, contract: Contract, legs: list[Leg]) -> None:
        day = self.open_date().days.get(contract.contract, Day())
        gross = day.gross_minor
        checksums: dict[int, int] = {}
        for leg in legs:
            worth = abs(leg.lots * leg.value_minor)
            gross += worth
            if abs(leg.lots) > LOTS_LIMIT:
                raise Refused(Code.LIMIT, f"Expected at most {LOTS_LIMIT} lots, was {abs(leg.lots)}. Split the trade.")
            if max(worth, abs(leg.fee_minor), abs(leg.cres_minor), abs(leg.adj_minor)) >= FILL_LIMIT_MINOR:
                most = max(worth, abs(leg.fee_minor), abs(leg.cres_minor), abs(leg.adj_minor))
                raise Refused(
                    Code.LIMIT,
                    f"Expected |lots x V| and every amount below {FILL_LIMIT_MINOR} minor units, was {most}. Split "
                    "the trade.",
                )
            partition = partition_of(leg.account, self.state.partitions)
            before = checksums.get(partition, self.state.sums[partition].lots_value_minor)
            checksums[partition] = before + leg.signed_lots * leg.value_minor
            if abs(checksums[partition]) > CHECKSUM_LIMIT_MINOR:
                raise Refused(
                    Code.LIMIT,
                    f"Expected a date's sum of lots x V in a partition up to {CHECKSUM_LIMIT_MINOR}, was "
                    f"{checksums[partition]}.",
                )
        if gross > BOOK_LIMIT_MINOR:
            raise Refused(
                Code.LIMIT,
                f"Expected at most {BOOK_LIMIT_MINOR} minor units of fills in {contract.contract} and one date, "
                f"was {gross}.",
            )

    def _check_sides(self, contract: Contract, legs: list[Leg]) -> None:
        after: dict[str, Holding] = {}
        for leg in legs:
            if self._is_gross(leg.account):
                held = self.state.holdings.get(contract.contract, {}).get(leg.account, Holding())
                _move(after.setdefault(leg.account, Holding(held.net, held.long, held.short)), leg, gross=True)
        for account, holding in after.items():
            if min(holding.long, holding.short) < 0:
                message = (
                    f"Expected at least zero lots on both sides of {account} in {contract.contract}, was long "
                    f"{holding.long}, short {holding.short}."
                )
                raise Refused(Code.GROSS_CLOSED, message + " Lower the lots, or bust the close first.")

    def _is_gross(self, account: str) -> bool:
        return self.state.accounts[account].positions == Positions.GROSS

    def _fill(self, contract: Contract, leg: Leg, cause: Cause, fill_id: str) -> str:
        date = self.open_date()
        partition = partition_of(leg.account, self.state.partitions)
        record = {
            "business_date": date.date,
            "trade_date": cause.trade_date,
            "kind": leg.kind,
            "fill_id": fill_id,
            "trade_id": cause.trade_id,
            "account": leg.account,
            "contract": contract.contract,
            "side": leg.side,
            "position_effect": leg.effect,
            "lots": leg.lots,
            "price_nano": leg.price_nano,
            "value_minor": leg.value_minor,
            "fee_minor": leg.fee_minor,
            "cres_minor": leg.cres_minor,
            "adj_minor": leg.adj_minor,
            "trade_type": cause.trade_type,
            "executed_at_us": cause.at_us,
            "feed": cause.feed,
            "source_seq": cause.source_seq,
            "corrects": leg.corrects,
            "control_id": cause.control_id,
        }
        self.emit(FILLS, partition, "fill", record)
        self._count(date, contract, leg, partition)
        _move(self.holding(contract.contract, leg.account), leg, gross=self._is_gross(leg.account))
        return fill_id

    def _count(self, date: Date, contract: Contract, leg: Leg, partition: int) -> None:
        sums = self.state.sums[partition]
        sums.fills += 1
        sums.lots += leg.lots
        sums.absolute_lots += abs(leg.lots)
        sums.lots_value_minor += leg.signed_lots * leg.value_minor
        day = date.days.setdefault(contract.contract, Day())
        day.lots += abs(leg.lots)
        day.gross_minor += abs(leg.lots * leg.value_minor)
        if leg.kind not in CASH_KINDS:
            day.priced = True
        if leg.kind not in CASH_KINDS and leg.kind != "carry":  # what is brought forward is no fill of the date
            day.net[leg.account] = day.net.get(leg.account, 0) + leg.signed_lots


def _move(holding: Holding, leg: Leg, *, gross: bool) -> None:
    holding.net += leg.signed_lots
    if gross:
        if (leg.side == "BUY") == (leg.effect == "OPEN"):
            holding.long += leg.signed_lots
        else:
            holding.short -= leg.signed_lots
