"""The audit of a log without its ledger: the same state however it is read, and every alteration named by its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from settlement.replay import Options, Report, replay
from settlement.run.collect import FILLS, RESULTS
from settlement.wire import codec
from tests.replay.memory import MemorySource, two_days

READERS = pytest.mark.parametrize("independent", [False, True], ids=["fast", "independent"])


def audit(source: MemorySource, *, independent: bool = False) -> Report:
    """Audit without a ledger."""
    return replay(source, None, Options(independent=independent))


def test_the_state_hash_depends_on_the_events_alone() -> None:
    """Any number of partitions, run sizes, interleavings and repetitions, and either reader, give one state hash."""
    hashes = set()
    for partitions, seed in ((1, 1), (2, 2), (4, 3)):
        source = MemorySource.of(two_days(partitions))
        source.seed = seed
        for place, values in source.values.items():
            source.values[place] = [*values, *values] if seed == 2 else values
        for independent in (False, True):
            report = audit(source, independent=independent)
            assert report.passed, report.differences
            assert (report.cycles, report.exit_code) == (3, 0)
            hashes.add(report.state_sha256)
    assert len(hashes) == 1


def test_the_state_hash_sees_one_cent() -> None:
    """One fill that differs by a tick gives another hash."""
    other = two_days()
    other.trade("C", "D", 1, "2.3600")
    other.settle({"GPUH": "2.3415", "TOKEN": "2.05"})
    assert audit(MemorySource.of(two_days())).state_sha256 != audit(MemorySource.of(other)).state_sha256


@READERS
def test_the_counts(*, independent: bool) -> None:
    """The report counts records, twins, fills, cycles, lines, payments and journal legs."""
    source = MemorySource.of(two_days())
    records = sum(len(values) for values in source.values.values())
    source.values[FILLS, 0].append(source.values[FILLS, 0][3])
    report = audit(source, independent=independent)
    assert (report.records, report.twins, report.fills, report.cycles) == (records + 1, 1, 10, 3)
    assert (report.lines, report.payments > 0, report.journal_legs > report.payments) == (4 + 6 + 6, True, True)
    assert list(report.text())[-1] == "PASS"


def fill_at(source: MemorySource, partition: int) -> int:
    """Return the place of the first fill of a partition."""
    return next(i for i, value in enumerate(source.values[FILLS, partition]) if codec.name_of(value) == "fill.v1")


def twin_of_a_fill(source: MemorySource) -> str:
    """Add a fill that claims the place of another; return what must be named."""
    at = fill_at(source, 1)
    name, record = codec.decode(source.values[FILLS, 1][at])
    source.values[FILLS, 1].append(codec.encode(name, {**record, "executed_at_us": 5}))
    return f"fills/1 stream_seq {at}: expected the record at fills-1@{len(source.values[FILLS, 1]) - 1}"


def twin_of_a_line(source: MemorySource) -> str:
    """Add a margin line that says another cent."""
    name, record = codec.decode(source.values[RESULTS, 0][0])
    source.values[RESULTS, 0].append(codec.encode(name, {**record, "imtm_minor": record["imtm_minor"] + 1}))
    return f"variation-margin-0@{len(source.values[RESULTS, 0]) - 1}"


def missing_fill(source: MemorySource) -> str:
    """Lose one record of the clearing log."""
    at = fill_at(source, 0)
    del source.values[FILLS, 0][at]
    return f"fills-0 stream_seq {at}: expected a record, was none"


def missing_line(source: MemorySource) -> str:
    """Lose one margin line."""
    del source.values[RESULTS, 1][0]
    return "variation-margin 2026-11-23/intraday/1 RESULT_DIFFERS"


def missing_result(source: MemorySource) -> str:
    """Lose the last partition result."""
    del source.values[RESULTS, 1][-1]
    return "variation-margin-1 2026-11-24/end_of_day/1: expected a partition result, was none"


def altered_amount(source: MemorySource) -> str:
    """Change V of a fill by one cent: it still decodes."""
    at = fill_at(source, 0)
    name, record = codec.decode(source.values[FILLS, 0][at])
    source.values[FILLS, 0][at] = codec.encode(name, {**record, "value_minor": record["value_minor"] + 1})
    return f"stream_seq {at}"


def broken_value(source: MemorySource) -> str:
    """Add a byte to a record."""
    source.values[FILLS, 1][2] += b"\0"
    return "fills-1@2"


@READERS
@pytest.mark.parametrize(
    "alter",
    [twin_of_a_fill, twin_of_a_line, missing_fill, missing_line, missing_result, altered_amount, broken_value],
)
def test_an_alteration_is_named_by_its_place(alter: Callable[[MemorySource], str], *, independent: bool) -> None:
    """A twin that differs, a missing record, an altered amount and broken bytes fail the audit, each with its place."""
    source = MemorySource.of(two_days())
    named = alter(source)
    report = audit(source, independent=independent)
    assert report.exit_code == 1
    assert any(named in str(found) for found in report.differences), (named, [str(d) for d in report.differences])
    assert list(report.text())[-1] == "FAIL"
