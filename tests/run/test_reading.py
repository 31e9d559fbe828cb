"""How the logs are read and checked: twins, holes, broken values, results that are not what they say."""

from __future__ import annotations

import hashlib

import pytest

from settlement.run.breach import BreachError, Place
from settlement.run.chain import GENESIS, Chain
from settlement.run.check import check
from settlement.run.collect import FILLS, RESULTS, columns
from settlement.run.engine import Engine
from settlement.run.fills_log import FillsLog
from settlement.wire import codec
from tests.run.folded import folded, result_values, results_log, run_of
from tests.run.logbook import TUESDAY, Logbook


def book() -> Logbook:
    """Return one settled date."""
    log = Logbook(partitions=1)
    log.listing()
    log.accounts("A", "B", "C")
    for _ in range(10):
        log.trade("A", "B", 1, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    return log


def reading() -> FillsLog:
    """Return the reading of one partition."""
    return FillsLog(1, columns(Engine.columnar))


def count(log: FillsLog, values: list[bytes], offset: int = 0) -> int:
    """Read values and return how many continued the log."""
    return sum(piece.count for piece in log.take(run_of(FILLS, 0, values, offset)))


def test_the_rolling_hash_is_a_chain() -> None:
    """Each hash covers the one before and the value; a twin is told from its original at any place."""
    chain = Chain()
    chain.extend([b"a", b"b"])
    first = hashlib.sha256(GENESIS + b"a").digest()
    assert (len(chain), chain.at(-1), chain.at(0)) == (2, GENESIS, first)
    assert chain.at(1) == hashlib.sha256(first + b"b").digest()
    assert chain.holds(0, b"a")
    assert not chain.holds(1, b"a")


def test_twins_are_dropped_and_holes_waited_for() -> None:
    """Any order and repetition of the same records reads as the log itself, with the same hash."""
    values = book().values(0)
    plain, mangled = reading(), reading()
    assert count(plain, values) == len(values)
    assert count(mangled, values[:3]) == 3
    assert count(mangled, values[5:]) == 0
    assert mangled.holes() == {0: 3}
    assert count(mangled, values[1:]) == len(values) - 3
    assert count(mangled, values) == 0
    assert mangled.holes() == {}
    last = len(values) - 1
    assert mangled.hash_at(0, last) == plain.hash_at(0, last)


@pytest.mark.parametrize("order", ["behind", "ahead", "both ahead"])
def test_a_twin_that_differs(order: str) -> None:
    """A record that claims a place with other bytes is a breach, whether it comes after its original or before."""
    log = book()
    values = log.values(0)
    log.find("T2", "A")["lots"] = 2
    forged = log.values(0)
    at = next(i for i, value in enumerate(values) if value != forged[i])
    read = reading()
    count(read, values if order == "behind" else values[:2])
    if order == "both ahead":
        count(read, values[at : at + 1])
    elif order == "ahead":
        count(read, forged[at : at + 1])
    with pytest.raises(BreachError) as caught:
        count(read, forged[at : at + 1] if order != "ahead" else values[2:], 900)
    [breach] = caught.value.breaches
    assert (breach.rule, breach.stream_seqs) == ("TWIN_DIFFERS", (Place(0, at),))
    assert "fills-0@9" in breach.message


def test_a_broken_value_is_named_by_its_place() -> None:
    """Bytes that are no record stop the reading at their offset."""
    values = book().values(0)
    values[7] += b"x"
    with pytest.raises(BreachError, match="fills-0@107"):
        count(reading(), values, 100)


def test_a_line_that_differs_from_its_twin() -> None:
    """A second worker that says something else of the same line is a breach."""
    values = folded(book())
    name, line = codec.decode(values[0][0])
    other = codec.encode(name, {**line, "tvar_minor": 1})
    results = results_log(values)
    results.take(run_of(RESULTS, 0, values[0]))
    assert results.twins == len(values[0])
    with pytest.raises(BreachError) as caught:
        results.take(run_of(RESULTS, 0, [other], 50))
    assert (caught.value.breaches[0].rule, caught.value.breaches[0].accounts) == ("TWIN_DIFFERS", ("A",))


def test_engines_that_differ() -> None:
    """A fold that is one cent off on both sides is refused: expected, was, the account and its fills."""
    log = book()
    [cycle] = log.engine().cycles()
    engine = log.engine()
    assert check(engine, cycle, results_log(folded(log)).of(cycle)) == []
    lines = engine.margin_lines(cycle)
    off = [*lines]
    for i, line in enumerate(off):
        cent = {"A": 1, "B": -1}[line.account]
        off[i] = type(line)(**{**codec.decode(folded(log)[0][i])[1], "tvar_minor": line.tvar_minor + cent})
    values = {0: result_values(off, cycle, 0, engine.places(cycle)[0], engine.fills_before(cycle)[0])}
    [breach] = check(engine, cycle, results_log(values).of(cycle))
    assert (breach.rule, breach.contract, breach.accounts, len(breach.stream_seqs)) == (
        "ENGINES_DIFFER",
        "GPUH",
        ("A",),
        10,
    )
    assert "tvar_minor 8760, was 8761" in breach.message


@pytest.mark.parametrize("column", ["stream_seq", "fills", "lines", "lines_sha256", "lots", "total_minor", "fee_minor"])
def test_a_result_that_does_not_describe_its_lines(column: str) -> None:
    """A partition result with any other count, hash or sum than its lines have is refused."""
    log = book()
    values = folded(log)
    name, result = codec.decode(values[0][-1])
    values[0][-1] = codec.encode(name, {**result, column: "0" if column == "lines_sha256" else result[column] + 1})
    engine = log.engine()
    [cycle] = engine.cycles()
    [breach] = check(engine, cycle, results_log(values).of(cycle))
    assert (breach.rule, column in breach.message) == ("RESULT_DIFFERS", True)


def test_a_lost_line() -> None:
    """A line that never arrived is missed by its number."""
    log = book()
    values = folded(log)
    del values[0][0]
    engine = log.engine()
    [cycle] = engine.cycles()
    assert {b.rule for b in check(engine, cycle, results_log(values).of(cycle))} == {"RESULT_DIFFERS"}
