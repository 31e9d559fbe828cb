"""The platform in one process: the production gateway and folds over encoded records, without a broker.

What production sends through Kafka goes through lists here, as the same framed Avro bytes, and is read back by the same
columns under the same rule of continuity; so a scenario tests the code that pays, its wire format included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from settlement.domain.margin import CycleKey
from settlement.folds.continuity import Continuity
from settlement.folds.gateway import GatewayFold, Step
from settlement.folds.index import IndexFold
from settlement.folds.orders import OrdersFold
from settlement.folds.positions.fold import PositionsFold
from settlement.run.engine import Engine
from settlement.scenario.controls import Control, Report
from settlement.wire import codec
from settlement.wire.columns import Columns

FEED: Final = "scenario"
READER: Final = "reader"  # the second person: whoever settles a file stands behind what it asks for
Record: TypeAlias = dict[str, Any]
VALUES_BUFFERED: Final = 100_000  # values a partition holds before they are folded: bounds the memory of a long file


@dataclass(slots=True)
class Shard:
    """One partition of an input topic and the fold behind it."""

    fold: PositionsFold | OrdersFold | IndexFold
    arrived: list[bytes] = field(default_factory=list)
    continuity: Continuity = field(default_factory=Continuity)

    def flush(self) -> Iterator[tuple[str, Record]]:
        """Fold what arrived, and yield the records that the fold emits."""
        if self.arrived:
            values, self.arrived = self.arrived, []
            pieces = Columns(self.fold.columnar)(b"".join(values), [len(value) for value in values])
            for output in self.fold.apply(self.continuity.fresh(pieces)):
                yield codec.decode(output.value)

    def live(self) -> Iterator[tuple[str, Record]]:
        """Yield the fold's whole live view, which it gives in portions."""
        while portion := self.fold.live():
            for output in portion:
                yield codec.decode(output.value)


class Offline:
    """Gateway, folds and second engine over one log in memory.

    emitted: what the folds emitted, by record name, in the order in which it was folded.  cycles: the log's prices, in
    order.
    """

    def __init__(self, partitions: int) -> None:
        self.gateway = GatewayFold(partitions)
        each = range(partitions)
        self.shards: dict[str, list[Shard]] = {
            "fills": [Shard(PositionsFold(partition)) for partition in each],
            "orders": [Shard(OrdersFold(partition)) for partition in each],
            "index-ticks": [Shard(IndexFold(partition)) for partition in each],
        }
        self.fills: list[list[bytes]] = [[] for _ in each]
        self.emitted: dict[str, list[Record]] = {}
        self.cycles: list[Record] = []
        self._fixings_asked: dict[
            tuple[int, int], int
        ] = {}  # the order of fixes and prints, by partition and stream_seq

    def control(self, control: Control, control_id: str) -> Step:
        """Apply a control at its place in the order of controls."""
        payload = json.loads(json.dumps(control.payload))  # a control's payload is JSON
        people = {"requested_by": FEED, "approved_by": READER}
        who = {**people, "reason": payload.get("reason", ""), "exchange_reference": ""}
        fields = {"control_id": control_id, "kind": control.kind, "requested_at_us": 0, "payload": payload, **who}
        return self._written(self.gateway.control(fields))

    def report(self, report: Report) -> Step:
        """Apply a report of the exchange's feed."""
        return self._written(self.gateway.report(FEED, report))

    def _written(self, step: Step) -> Step:
        for emission in step.emissions:
            value = codec.encode(emission.name, emission.record)
            shard = self.shards[emission.topic][emission.partition]
            shard.arrived.append(value)
            if emission.name in {"fix", "print"}:
                place = emission.partition, emission.record["stream_seq"]
                self._fixings_asked[place] = len(self._fixings_asked)
            if emission.topic == "fills":
                self.fills[emission.partition].append(value)
                if emission.name == "prices" and emission.partition == 0:
                    self.cycles.append(emission.record)
            if len(shard.arrived) >= VALUES_BUFFERED:
                self.flush()
        return step

    def flush(self) -> None:
        """Bring every fold to the end of the log."""
        for shards in self.shards.values():
            for shard in shards:
                for name, record in shard.flush():
                    self.emitted.setdefault(name, []).append(record)

    def tier_prices(self, date: int) -> list[Record]:
        """Return what each tier of each contract says of a date: as it was cut, or else as it stands."""
        self.flush()
        cut = [record for record in self.emitted.get("tier_prices", []) if record["business_date"] == date]
        open_ = [
            tier
            for shard in self.shards["orders"]
            if isinstance(shard.fold, OrdersFold)
            for tier in shard.fold.tiers(date)
        ]
        return cut or open_

    def fixings(self) -> list[Record]:
        """Return the fixings in the order in which they were asked for, whatever partitions they came from."""
        self.flush()
        made = self.emitted.get("fixing", [])
        return sorted(made, key=lambda record: self._fixings_asked[record["partition"], record["stream_seq"]])

    def positions(self) -> list[Record]:
        """Return the live view of every account and contract that ever had a fill."""
        self.flush()
        return [record for shard in self.shards["fills"] for name, record in shard.live() if name == "position"]

    def engine(self) -> Engine:
        """Return the second engine over the whole log of fills."""
        engine = Engine(threads=1)
        for partition, values in enumerate(self.fills):
            continuity = Continuity()
            pieces = Columns(Engine.columnar)(b"".join(values), [len(value) for value in values])
            engine.load(partition, continuity.fresh(pieces))
        return engine


def cycle_key(prices: Record) -> CycleKey:
    """Return the cycle that a record `prices` or a margin line belongs to."""
    return CycleKey(prices["business_date"], prices["kind"], prices["number"])
