"""The audit: the log through the second engine, compared with its twins, the folds' results and the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Protocol

from psycopg import Connection

from settlement.domain.margin import CycleKey
from settlement.domain.payment_state import BANK
from settlement.ledger import queries
from settlement.ledger.audit import check_books
from settlement.ledger.content import first_difference
from settlement.ledger.errors import LedgerRefused
from settlement.ledger.journal import journals
from settlement.ledger.model import CycleId, CyclePosting, Generation
from settlement.ledger.records import PostedCycle
from settlement.ledger.session import as_auditor
from settlement.replay import independent as plain
from settlement.replay.report import Difference, Report
from settlement.replay.source import Source
from settlement.run.breach import Breach, BreachError
from settlement.run.check import check_results
from settlement.run.collect import FILLS, columns
from settlement.run.engine import Engine
from settlement.run.fills_log import Decode, FillsLog, Run
from settlement.run.posting import Announce, posting_of
from settlement.run.results_log import COLUMNAR, LINE_FIELDS, ResultsLog
from settlement.wire.columns import Piece

_STATE: Final = sorted(set(LINE_FIELDS) - {"partition", "line"})  # the same for any number of partitions
_state: Final = attrgetter(*_STATE)


class Fills(Protocol):
    """The clearing log as it is read, by either reader."""

    @property
    def twins(self) -> int:
        """How many records came again."""
        ...

    def take(self, run: Run) -> list[Piece]:
        """Return what continues the log."""
        ...

    def next_seq(self, partition: int) -> int:
        """Return the stream_seq that comes next."""
        ...

    def hash_at(self, partition: int, stream_seq: int) -> bytes:
        """Return the rolling hash after a record."""
        ...

    def holes(self) -> dict[int, int]:
        """Return what is missing, by partition."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to audit.

    independent: record by record, with a decoder and a reading of its own.
    announce, prefix: as the settlement run had them.
    """

    independent: bool = False
    announce: Announce | None = None
    prefix: str = ""


def replay(source: Source, ledger: Connection[Any] | None, options: Options | None = None) -> Report:
    """Audit a log, and the ledger when one is given; nothing is changed.

    ledger: an idle connection that may act as novate_auditor.
    """
    audit = _Audit(Generation(partitions=source.partitions(), cluster_id=source.cluster_id()), options or Options())
    try:
        audit.read(source)
        audit.recompute()
    except BreachError as error:
        audit.add(*(_of_breach(breach) for breach in error.breaches))
    if ledger is not None:
        with as_auditor(ledger):
            audit.compare_ledger(ledger)
    return audit.finished()


class _Audit:
    """One audit under way."""

    def __init__(self, generation: Generation, options: Options) -> None:
        self._generation, self._options = generation, options
        partitions = generation.partitions
        self._partitions = range(partitions)
        self._engine = Engine(partitions=partitions)
        self._fills: Fills = (
            plain.PlainFills(partitions) if options.independent else FillsLog(partitions, columns(Engine.columnar))
        )
        decode: Decode = plain.decode if options.independent else columns(COLUMNAR)
        self._results = ResultsLog(decode)
        self._state = hashlib.sha256()
        self._postings: dict[CycleKey, CyclePosting] = {}
        self._report = Report()
        self._whole = False

    def add(self, *differences: Difference) -> None:
        """Note what is not as it must be."""
        self._report.differences += differences

    def read(self, source: Source) -> None:
        """Read the log; a record that is broken or differs from its twin ends the reading."""
        report = self._report
        for run in source.runs():
            report.records += len(run.values)
            if run.topic != FILLS:
                self._results.take(run)
                continue
            pieces = self._fills.take(run)
            report.fills += sum(piece.count for piece in pieces if piece.name == "fill")
            self._engine.load(run.partition, pieces)
        self._whole = not self._fills.holes()
        for partition, stream_seq in self._fills.holes().items():
            place = f"fills-{partition} stream_seq {stream_seq}"
            self.add(Difference(place, "a record", "none, although later ones are there"))

    def recompute(self) -> None:
        """Recompute every cycle, and compare it with what the folds said."""
        for cycle in self._engine.entries():
            self._recompute(cycle)
        for cycle in self._results.cycles():
            if cycle not in self._postings and self._whole:
                self.add(
                    Difference(f"variation-margin {cycle}", "no lines, since its prices are not in the log", "lines")
                )

    def compare_ledger(self, conn: Connection[Any]) -> None:
        """Compare the ledger with what was recomputed, then with its own hashes."""
        posted = queries.cycles(conn)
        self._compare_generation(conn, posted)
        recomputed = {CycleId(*cycle): posting for cycle, posting in self._postings.items()}
        for header in posted:
            if header.cycle in recomputed:
                self._compare(conn, recomputed.pop(header.cycle))
            elif self._whole:  # otherwise the log's own damage is told, and what lies behind it is not known
                self.add(Difference(f"ledger.cycle {header.cycle}", "no cycle, since the log has none", "posted"))
        if self._whole:
            self._compare_states(conn, [header.cycle for header in posted])
        self._report.unposted = [str(cycle) for cycle in recomputed]
        self.add(*(Difference(f"ledger {found.place}", found.expected, found.was) for found in check_books(conn)))

    def finished(self) -> Report:
        """Return the report."""
        self._report.twins = self._fills.twins + self._results.twins
        self._report.state_sha256 = self._state.hexdigest()
        self._engine.close()
        return self._report

    def _recompute(self, cycle: CycleKey) -> None:
        engine, report = self._engine, self._report
        if cycle.kind == BANK:
            self._recompute_answer(cycle)
            return
        self.add(*(_of_breach(breach) for breach in engine.breaches(cycle)))
        lines = engine.margin_lines(cycle)
        for line in lines:
            values = dict(zip(_STATE, _state(line), strict=True))
            self._state.update(json.dumps(values, separators=(",", ":")).encode() + b"\n")
        posting = posting_of(engine, self._fills, cycle, announce=self._options.announce, prefix=self._options.prefix)
        self._postings[cycle] = posting
        report.cycles += 1
        report.lines += len(lines)
        report.payments += len(posting.payments)
        try:
            report.journal_legs += sum(len(journal.legs) for journal in journals(posting))
        except LedgerRefused as error:
            self.add(Difference(f"journals of {cycle}", "balanced legs", str(error)))
        self.add(*self._result_differences(cycle))

    def _recompute_answer(self, entry: CycleKey) -> None:
        posting = posting_of(self._engine, self._fills, entry)
        self._postings[entry] = posting
        self._report.bank_answers += 1
        self._report.journal_legs += sum(len(journal.legs) for journal in journals(posting))

    def _result_differences(self, cycle: CycleKey) -> Iterator[Difference]:
        missing = self._results.missing(cycle, self._partitions)
        for partition in missing:
            yield Difference(f"variation-margin-{partition} {cycle}", "a partition result", "none")
        if not missing:
            found = check_results(self._engine, cycle, self._results.of(cycle))
            yield from (_of_breach(breach, f"variation-margin {cycle}") for breach in found)

    def _compare_generation(self, conn: Connection[Any], posted: Sequence[PostedCycle]) -> None:
        expected, was = self._generation, queries.generation(conn)
        if was is not None and was != expected:
            self.add(Difference("ledger generation of the log", str(expected), str(was)))
        for header in posted:
            if header.generation != expected.generation:
                of = (str(expected.generation), str(header.generation))
                self.add(Difference(f"ledger generation of {header.cycle}", *of))

    def _compare_states(self, conn: Connection[Any], posted: Sequence[CycleId]) -> None:
        """Compare what became of each payment with the bank's answers that count (rule PAY-1)."""
        expected: dict[str, list[tuple[str, str]]] = {}
        for posting in self._postings.values():
            if posting.bank is not None and not posting.bank.refused and posting.cycle in posted:
                expected.setdefault(posting.bank.payment, []).append((posting.bank.state, posting.control_id))
        was = queries.payment_states(conn)
        for payment in sorted(expected.keys() | was.keys()):
            if expected.get(payment, []) != was.get(payment, []):
                told = [", ".join(f"{s} ({c})" for s, c in of.get(payment, [])) or "none" for of in (expected, was)]
                self.add(Difference(f"ledger states of {payment}", *told))

    def _compare(self, conn: Connection[Any], posting: CyclePosting) -> None:
        posted = queries.posted(conn, posting.cycle)
        found = first_difference(posting, posted)
        if found is not None:
            place = f"ledger {found.section} of {posting.cycle}"
            self.add(Difference(place, found.expected or "no line", found.was or "no line"))
        try:
            expected = journals(posting)
        except LedgerRefused:  # told when it was recomputed
            return
        booked = queries.journals(conn, posting.cycle)
        if expected != booked:
            legs = {(one.id, leg) for one in expected for leg in one.legs}
            was = {(one.id, leg) for one in booked for leg in one.legs}
            named = (
                sorted(f"{name} {leg}" for name, leg in legs - was)[:1],
                sorted(f"{name} {leg}" for name, leg in was - legs)[:1],
            )
            self.add(Difference(f"ledger journals of {posting.cycle}", *("".join(one) or "no leg" for one in named)))


def _of_breach(breach: Breach, place: str = "") -> Difference:
    """Return a breach as a difference: its sentence has both sides already."""
    places = "; ".join(map(str, breach.stream_seqs))
    named = (place, breach.rule, breach.contract, ", ".join(breach.accounts), places)
    return Difference.told(" ".join(part for part in named if part), breach.message)
