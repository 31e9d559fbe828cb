"""A clearing house in memory, out of the production folds and the second engine, for generated events."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import Any

from settlement.domain.feed import TradeReported
from settlement.domain.margin import CycleKey, MarginLine
from settlement.folds.continuity import Continuity
from settlement.folds.gateway import GatewayFold, Step
from settlement.folds.positions import PositionsFold
from settlement.run.engine import Engine
from settlement.wire import codec
from settlement.wire.columns import Columns

LINE_FIELDS = [field.name for field in fields(MarginLine)]


class Clearing:
    """Feeds controls and trades to the gateway's fold, its records to both engines, and compares every cycle."""

    def __init__(self, partitions: int = 3) -> None:
        """Start with nothing listed and no date open."""
        self.gateway = GatewayFold(partitions)
        self.folds = [PositionsFold(partition) for partition in range(partitions)]
        self.engine = Engine(threads=1)
        self._fold_columns = Columns(PositionsFold.columnar)
        self._engine_columns = Columns(Engine.columnar)
        self._continuity = [Continuity() for _ in range(partitions)]
        self.controls = 0
        self.source_seq = 0
        self.cycles: dict[CycleKey, list[MarginLine]] = {}

    def control(self, kind: str, /, **payload: Any) -> Step:
        """Apply one control; `from_` stands for `from`."""
        self.controls += 1
        payload = {key.rstrip("_"): value for key, value in payload.items()}
        control = {
            "control_id": f"C{self.controls}",
            "kind": kind,
            "requested_by": "ann",
            "approved_by": "bob",
            "reason": "",
            "payload": payload,
        }
        return self._taken(self.gateway.control(control))

    def trade(
        self, trade_id: str, contract: str, buyer: str, seller: str, lots: int, price_nano: int, **more: Any
    ) -> Step:
        """Report one matched trade."""
        self.source_seq += 1
        reported = TradeReported(
            source_seq=self.source_seq,
            trade_id=trade_id,
            contract=contract,
            buyer=buyer,
            seller=seller,
            lots=lots,
            price_nano=price_nano,
            at_us=more.pop("at_us", -1),
            **more,
        )
        return self._taken(self.gateway.report("feed", reported))

    def _taken(self, step: Step) -> Step:
        values: dict[int, list[bytes]] = defaultdict(list)
        for emission in step.emissions:
            value = codec.encode(emission.name, emission.record)
            if emission.topic == "fills":
                values[emission.partition].append(value)
        lines: list[MarginLine] = []
        cycle: CycleKey | None = None
        for partition, run in values.items():
            body, lengths = b"".join(run), [len(value) for value in run]
            self.engine.load(partition, self._engine_columns(body, lengths))
            for output in self.folds[partition].apply(
                self._continuity[partition].fresh(self._fold_columns(body, lengths))
            ):
                name, record = codec.decode(output.value)
                cycle = CycleKey(record["business_date"], record["kind"], record["number"])
                if name == "margin_line":
                    lines.append(MarginLine(**{field: record[field] for field in LINE_FIELDS}))
        if cycle is not None:
            self.cycles[cycle] = sorted(lines, key=lambda line: (line.account, line.contract))
            self._compare(cycle)
        return step

    def _compare(self, cycle: CycleKey) -> None:
        ours, theirs = self.cycles[cycle], self.engine.margin_lines(cycle)
        for line, other in zip(ours, theirs, strict=False):
            assert line == other, f"{cycle}:\n fold   {line}\n engine {other}"
        assert len(ours) == len(theirs), (
            f"{cycle}: {[(x.account, x.contract) for x in ours]} {[(x.account, x.contract) for x in theirs]}"
        )
        breaches = [
            breach for breach in self.engine.breaches(cycle) if breach.rule != "ENT-7"
        ]  # refused trades are the point here
        assert not breaches, [str(breach) for breach in breaches]
