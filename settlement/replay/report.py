"""What the audit says: counts, one hash over everything that was recomputed, PASS or FAIL, and the first difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the log says.

    place: topic, partition and stream_seq, or the ledger's section and key.
    expected: by the log and the rules.  was: what is there.
    """

    place: str
    expected: str
    was: str

    @classmethod
    def told(cls, place: str, sentence: str) -> Difference:
        """Return what a sentence such as `lots: Expected 5, was 6.` tells; what stands before it joins the place."""
        what, _, both = sentence.rpartition("Expected ")
        expected, _, was = both.rpartition(", was ")
        named = " ".join(part for part in (place, what.strip(" :")) if part)
        return cls(named, expected or both, was.rstrip(".") or "otherwise")

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.place}: expected {self.expected}, was {self.was}"


@dataclass(slots=True, kw_only=True)
class Report:
    """The audit's result.

    records: of both topics, twins included.
    state_sha256: over all recomputed lines in the log's order, the same for any number of partitions.
    prices, fixings: how many were held against the market and the observations; None where a copy has neither.
    unposted: cycles of the log that the ledger does not have yet.
    differences: the first one first, at most some of each kind.
    """

    records: int = 0
    fills: int = 0
    twins: int = 0
    cycles: int = 0
    lines: int = 0
    payments: int = 0
    bank_answers: int = 0
    journal_legs: int = 0
    prices: int | None = None
    fixings: int | None = None
    state_sha256: str = ""
    unposted: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything was as the log says."""
        return not self.differences

    @property
    def exit_code(self) -> int:
        """0 for PASS, 1 for FAIL."""
        return 0 if self.passed else 1

    def text(self) -> Iterator[str]:
        """Yield the report's lines for people."""
        yield f"{self.records:,} records, {self.fills:,} fills, {self.twins:,} twins equal to their originals"
        yield f"{self.cycles:,} cycles, {self.lines:,} margin lines"
        yield f"{self.payments:,} payments, {self.journal_legs:,} journal legs, {self.bank_answers:,} bank answers"
        if self.prices is None:
            yield "prices and fixings were not audited: a copy of the log has no market and no observations"
        else:
            yield f"{self.prices:,} prices held against the market, {self.fixings:,} fixings against their observations"
        yield f"state {self.state_sha256}"
        if self.unposted:
            yield f"not posted yet: {', '.join(self.unposted)}"
        for difference in self.differences:
            yield str(difference)
        yield "PASS" if self.passed else "FAIL"
