"""The settlement run on a real broker and a real database: posts once, and halts instead of paying wrongly."""

from __future__ import annotations

import json

import pytest

from settlement.domain.margin import CycleKey
from settlement.ledger.errors import CycleOutOfOrder
from settlement.ledger.model import Outcome
from settlement.ledger.poster import post
from settlement.ledger.session import connect
from settlement.run.breach import BreachError
from settlement.run.collect import FILLS, RESULTS, LogReader
from settlement.run.posting import posting_of
from tests.run.folded import folded
from tests.run.logbook import MONDAY, TUESDAY, WEDNESDAY, Logbook
from tests.run.parts import Platform, wait_until

FIRST = CycleKey(MONDAY, "end_of_day", 1)
SECOND = CycleKey(TUESDAY, "end_of_day", 1)


def first_day() -> Logbook:
    """Return a settled date with fees, a house and a client."""
    log = Logbook()
    log.listing(fee="0.35")
    log.accounts("A", "D", "C")
    log.account("A-C", member="A", origin="CLIENT")
    log.trade("A", "D", 10, "2.3500")
    log.trade("A-C", "C", 3, "2.3510")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    return log


def two_days() -> Logbook:
    """Return two settled dates."""
    log = first_day()
    log.trade("C", "D", 4, "2.3600")
    log.settle({"GPUH": "2.3415"}, WEDNESDAY)
    return log


def posted(platform: Platform) -> int:
    """Return how many cycles are posted."""
    return int(platform.query("SELECT count(*) FROM ledger.cycle")[0][0])


@pytest.mark.rule("VM-4", "PAY-1")
def test_a_second_run_changes_nothing_and_says_so(platform: Platform) -> None:
    """Both dates are posted, balanced; run again, every cycle is unchanged and no row is more."""
    log = two_days()
    platform.send_log(log)
    platform.send_results(log)
    first = platform.run().settle_all()
    assert [(s.cycle, s.outcome) for s in first] == [(FIRST, Outcome.POSTED), (SECOND, Outcome.POSTED)]
    assert platform.query("SELECT sum(amount_minor) FROM ledger.posting") == [(0,)]
    rows = platform.query("SELECT count(*), max(xmin::text) FROM ledger.margin_line")
    second = platform.run(every=True).settle_all()
    assert [s.outcome for s in second] == [Outcome.UNCHANGED] * 2
    assert str(second[0]) == "2026-11-23/end_of_day/1: posted before, unchanged, 4 lines, 4 payments"
    assert platform.query("SELECT count(*), max(xmin::text) FROM ledger.margin_line") == rows


def test_a_missing_result_is_waited_for(platform: Platform) -> None:
    """Without one partition's result nothing is posted, and the run says what it waits for."""
    log = first_day()
    platform.send_log(log)
    values = folded(log)
    platform.send(RESULTS, 0, values[0])
    platform.send(RESULTS, 1, values[1][:-1])
    run = platform.run()
    assert run.settle_all() == []
    assert run.waiting == "2026-11-23/end_of_day/1 waits for the results of partitions 1"
    assert posted(platform) == 0
    platform.send(RESULTS, 1, values[1][-1:])
    wait_until("the cycle to be posted", lambda: [s.cycle for s in run.step()] == [FIRST])


@pytest.mark.rule("COR-1", "VM-4")
@pytest.mark.parametrize("broken", ["engines", "control sum", "bust", "break", "price", "unbalanced"])
def test_a_breach_posts_nothing(platform: Platform, broken: str) -> None:
    """Whatever is broken on the second date, the first one is posted, the second is not; the breach names events."""
    log = first_day()
    trade = log.trade("C", "D", 4, "2.3600")
    if broken == "bust":
        log.bust(trade)
        bust = next(r for rs in log.records.values() for n, r in rs if n == "fill" and r["kind"] == "bust")
        bust |= {"price_nano": 2_361_000_000, "value_minor": log.value("GPUH", "2.361")}
    if broken == "unbalanced":
        log.find(trade, "C")["lots"] = 5
    stuck = [{"feed": "X", "source_seq": 7, "trade_id": "T9"}] if broken == "break" else []
    log.cut(WEDNESDAY, open_breaks=stuck)
    if broken == "control sum":
        next(r for n, r in log.records[1] if n == "cut" and r["business_date"] == TUESDAY)["lots"] += 1
    log.prices("end_of_day", {} if broken == "price" else {"GPUH": "2.3415"}, date=TUESDAY)
    platform.send_log(log)
    values = folded(first_day()) if broken == "price" else folded(log)
    if broken == "engines":
        other = first_day()
        other.trade("C", "D", 4, "2.3610")
        other.settle({"GPUH": "2.3415"}, WEDNESDAY)
        values = folded(other)
    for partition, own in values.items():
        platform.send(RESULTS, partition, own)
    with pytest.raises(BreachError) as caught:
        platform.run().settle_all()
    assert posted(platform) == 1
    first = caught.value.breaches[0]
    assert first.stream_seqs
    assert first.accounts or broken == "break"


@pytest.mark.rule("ENT-8")
def test_a_cycle_out_of_order_is_refused(platform: Platform) -> None:
    """The second date cannot be posted before the first one."""
    log = two_days()
    platform.send_log(log)
    run = platform.run()
    run.start()
    posting = posting_of(run._collector.engine, run._collector.fills, SECOND)
    with connect(platform.dsn) as conn, pytest.raises(CycleOutOfOrder):
        post(conn, posting)
    assert posted(platform) == 0


@pytest.mark.parametrize("how", ["shorter", "other"])
def test_a_ledger_ahead_of_its_log_is_refused(platform: Platform, how: str) -> None:
    """A log that ends before the ledger's marks, or reads otherwise up to there, is refused at the start."""
    log = two_days()
    platform.send_log(log)
    platform.send_results(log)
    platform.run().settle_all()
    rolled = first_day()
    if how == "other":
        rolled.trade("C", "D", 5, "2.3600")
        rolled.settle({"GPUH": "2.3415"}, WEDNESDAY)
    platform.prefix += "again."
    platform.create()
    platform.send_log(rolled)
    with pytest.raises(BreachError) as caught:
        platform.run().settle_all()
    assert caught.value.breaches[0].rule == "LEDGER_AHEAD"


def test_an_offset_outside_the_log_is_refused(platform: Platform) -> None:
    """A place that the log does not hold is LOG_LOST, never a silent jump."""
    platform.send_log(first_day())
    with pytest.raises(BreachError, match="Expected a log that holds fills-1@9999"):
        LogReader(platform.bootstrap, (FILLS,), prefix=platform.prefix, starts={(FILLS, 1): 9999})


def test_twins_and_holes_change_nothing(platform: Platform) -> None:
    """A log with a hole that is repaired, and everything repeated, posts the same."""
    log = first_day()
    for partition in range(2):
        values = log.values(partition)
        platform.send(FILLS, partition, [*values[:2], *values[4:], *values[1:], *values])
        results = folded(log)[partition]
        platform.send(RESULTS, partition, [*results[:1], *results, *results])
    assert [s.outcome for s in platform.run().settle_all()] == [Outcome.POSTED]


def test_the_process_halts_and_starts_again_when_asked(platform: Platform) -> None:
    """After a breach the process lives on, posts nothing and says why; killed, it is still halted; lifted, it posts."""
    log = first_day()
    log.cut(WEDNESDAY, open_breaks=[{"feed": "X", "source_seq": 7, "trade_id": "T9"}])
    log.prices("end_of_day", {"GPUH": "2.3415"}, date=TUESDAY)
    platform.send_log(log)
    platform.send_results(log)
    child = platform.start()
    halt = platform.data / "run" / "settlement.halt"
    wait_until("the run to halt", halt.exists)
    told = json.loads(halt.read_text())
    assert (told["cycle"], told["rule"]) == ("2026-11-24/end_of_day/1", "ENT-7")
    assert told["stream_seqs"]
    assert (posted(platform), child.poll(), platform.heartbeat()["pid"]) == (1, None, child.pid)
    child.kill()
    child.wait()
    again = platform.start()
    wait_until("a heartbeat", lambda: platform.heartbeat()["pid"] == again.pid)
    waived = log.everywhere(
        "waiver", business_date=TUESDAY, feed="X", break_seq=7, requested_by="ann", approved_by="bob", reason="r",
        control_id="W",
    )  # fmt: skip
    for partition, record in enumerate(waived):
        platform.send(FILLS, partition, [log.values(partition)[record["stream_seq"]]])
    assert posted(platform) == 1
    halt.unlink()
    wait_until("the second date to be posted", lambda: posted(platform) == 2)
    assert not halt.exists()
