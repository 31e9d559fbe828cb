"""A small fold for the runner's tests, and a worker process that hosts it: sums by account, one result a cut.

It shares nothing with the production folds but the protocol, so a failure here is the runner's. A fill of 666 lots is a
bug of the fold on purpose.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from settlement.folds.fold import Output
from settlement.wire import codec, registry
from settlement.wire.columns import Piece
from streams.worker import FoldPlace, main

BUG_LOTS = 666


class TallyFold:
    """Lots and money by account; every cut gives one partition_result that names all of it."""

    name = "tally"
    version = 1
    columnar: dict[str, list[str]] = {"fill": ["stream_seq", "account", "side", "lots", "value_minor"]}  # noqa: RUF012

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.fills = 0
        self.next_seq = 0
        self.sums: dict[str, list[int]] = {}
        self.changed: set[str] = set()

    def apply(self, pieces: Sequence[Piece]) -> list[Output]:
        """Add the fills, answer the cuts."""
        outputs = []
        for piece in pieces:
            if piece.frame is not None:
                self._add(piece)
            for record in piece.records:
                self.next_seq = record["stream_seq"] + 1
                if piece.name == "cut":
                    outputs.append(self._result(record))
        return outputs

    def _add(self, piece: Piece) -> None:
        assert piece.frame is not None
        for seq, account, side, lots, value in piece.frame.iter_rows():
            if lots == BUG_LOTS:
                raise ZeroDivisionError("a bug on purpose")
            assert seq >= self.next_seq, "the runner let a twin through"
            sign = 1 if side == "BUY" else -1
            of_account = self.sums.setdefault(account, [0, 0])
            of_account[0] += sign * lots
            of_account[1] += sign * lots * value
            self.fills += 1
            self.next_seq = seq + 1
            self.changed.add(account)

    def _result(self, cut: codec.Record) -> Output:
        lines = json.dumps(sorted(self.sums.items())).encode()
        value = codec.encode(
            "partition_result",
            {
                "business_date": cut["business_date"],
                "kind": "end_of_day",
                "number": 1,
                "partition": self.partition,
                "stream_seq": cut["stream_seq"],
                "lines": len(self.sums),
                "lines_sha256": hashlib.sha256(lines).hexdigest(),
                "fills": self.fills,
                "lots": sum(lots for lots, _ in self.sums.values()),
                "total_minor": sum(money for _, money in self.sums.values()),
                "fee_minor": 0,
            },
        )
        return Output(topic="variation-margin", key=f"{self.partition}/{cut['stream_seq']}", value=value)

    def live(self) -> list[Output]:
        """Return the changed accounts' lots."""
        changed, self.changed = sorted(self.changed), set()
        return [
            Output(
                topic="positions",
                key=account,
                value=codec.encode(
                    "position",
                    {
                        "stream_seq": self.next_seq,
                        "account": account,
                        "contract": "ALL",
                        "lots": self.sums[account][0],
                        "long": 0,
                        "short": 0,
                    },
                ),
            )
            for account in changed
        ]

    def snapshot(self) -> bytes:
        """Return the state as JSON."""
        return json.dumps([self.fills, self.next_seq, sorted(self.sums.items())]).encode()

    @classmethod
    def restore(cls, partition: int, state: bytes) -> Self:
        """Return the fold of that JSON."""
        fold = cls(partition)
        fold.fills, fold.next_seq, sums = json.loads(state)
        fold.sums = dict(sums)
        return fold


FOLDS = {"tally": FoldPlace("tests.streams.tally", "TallyFold", "fills", "variation-margin")}

if __name__ == "__main__":
    if sys.argv[1] == "--schemas":  # other schemas than the released ones, to see a version that does not exist yet
        folder = Path(sys.argv[2])
        registry.schema_folder = lambda: folder
        del sys.argv[1:3]
    main(folds=FOLDS)
