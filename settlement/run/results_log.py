"""What the folds said: margin lines and partition results of `variation-margin`, twins compared and dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from settlement.domain.margin import CycleKey, MarginLine
from settlement.run.breach import Breach, BreachError
from settlement.run.fills_log import Decode, Run, broken
from settlement.wire.columns import BrokenValueError, Piece

LINE_FIELDS: Final = tuple(one.name for one in fields(MarginLine))
COLUMNAR: Final = {"margin_line": list(LINE_FIELDS)}
"""What `Columns` should decode to columns for `ResultsLog`."""


@dataclass(slots=True)
class PartitionResult:
    """One partition's word on one cycle, as far as it has come: its lines by number, and the result behind them."""

    lines: dict[int, tuple[bytes, MarginLine]] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    value: bytes = b""
    place: str = ""

    def in_order(self) -> Iterator[tuple[bytes, MarginLine]]:
        """Yield bytes and line by line number."""
        yield from (self.lines[number] for number in sorted(self.lines))

    def lines_sha256(self) -> str:
        """Return the hash over the lines' framed bytes in order, hex."""
        digest = hashlib.sha256()
        for value, _ in self.in_order():
            digest.update(value)
        return digest.hexdigest()


class ResultsLog:
    """All partitions of `variation-margin`, by cycle."""

    def __init__(self, decode: Decode) -> None:
        """Begin with nothing; decode as for `FillsLog`, with COLUMNAR."""
        self._decode = decode
        self._cycles: dict[CycleKey, dict[int, PartitionResult]] = {}
        self.twins = 0

    def take(self, run: Run) -> None:
        """Take a run of records.

        Raises:
            BreachError: a value cannot be read, or a twin differs from its original.
        """
        try:
            pieces = self._decode(run.values)
        except BrokenValueError as error:
            raise broken(run, error) from error
        for piece in pieces:
            if piece.name == "margin_line":
                for at, line in enumerate(_lines(piece), start=piece.first):
                    self._take_line(run, at, line)
            elif piece.name == "partition_result":
                for at, result in enumerate(piece.records, start=piece.first):
                    self._take_result(run, at, result)

    def of(self, cycle: CycleKey) -> dict[int, PartitionResult]:
        """Return what came of a cycle, by partition."""
        return self._cycles.get(cycle, {})

    def cycles(self) -> list[CycleKey]:
        """Return every cycle that some partition said something of."""
        return list(self._cycles)

    def missing(self, cycle: CycleKey, partitions: Iterable[int]) -> list[int]:
        """Return the partitions whose result is not there yet."""
        came = self.of(cycle)
        return [p for p in partitions if p not in came or came[p].result is None]

    def _take_line(self, run: Run, at: int, line: MarginLine) -> None:
        found = self._at(CycleKey(line.business_date, line.kind, line.number), run.partition)
        value = run.values[at]
        known = found.lines.setdefault(line.line, (value, line))
        self.twins += known[1] is not line
        if known[0] != value:
            raise _differs(run, at, f"line {line.line} of {line.account} in {line.contract}", line)
        found.place = found.place or run.place(at)

    def _take_result(self, run: Run, at: int, result: dict[str, Any]) -> None:
        found = self._at(CycleKey(result["business_date"], result["kind"], result["number"]), run.partition)
        value = run.values[at]
        if found.result is not None:
            self.twins += 1
            if found.value != value:
                raise _differs(run, at, "the partition result", None)
        found.result, found.value = result, value

    def _at(self, cycle: CycleKey, partition: int) -> PartitionResult:
        return self._cycles.setdefault(cycle, {}).setdefault(partition, PartitionResult())


def _lines(piece: Piece) -> Iterator[MarginLine]:
    if piece.frame is not None:
        for row in piece.frame.select(LINE_FIELDS).iter_rows():
            yield MarginLine(**dict(zip(LINE_FIELDS, row, strict=True)))
    else:
        for record in piece.records:
            yield MarginLine(**record)


def _differs(run: Run, at: int, what: str, line: MarginLine | None) -> BreachError:
    message = (
        f"Expected {what} at {run.place(at)} to repeat what was said before, byte for byte, was different. "
        "Two workers disagree: look at their versions, and replay."
    )
    named = {} if line is None else {"contract": line.contract, "accounts": (line.account,)}
    return BreachError([Breach(rule="TWIN_DIFFERS", message=message, **named)])  # type: ignore[arg-type]


def lines_of(results: dict[int, PartitionResult]) -> list[MarginLine]:
    """Return the folds' lines of a cycle, sorted by account and contract."""
    found: Sequence[MarginLine] = [line for one in results.values() for _, line in one.in_order()]
    return sorted(found, key=lambda line: (line.account.encode(), line.contract.encode()))
