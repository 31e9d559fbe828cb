"""The whole platform refuses to post: an open break, a record written by hand, a faulty gateway, a faulty worker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer

from settlement.ledger import queries
from settlement.ledger.session import as_auditor, connect
from settlement.run.halt import HaltFile
from settlement.wire import codec
from streams.gateway.controls import Accepted, Outcome, Rejected
from tests.e2e.baseline import Baseline, house_in
from tests.e2e.books import books, compare, records
from tests.e2e.house import PARTS_ONLY, HaltedError, House, broken, named
from tests.e2e.script import FEED, Script

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """What a platform said, step by step: a break that is not waived, then a fill that somebody wrote by hand."""

    broken_at: Json
    posted_before: list[str]
    status: subprocess.CompletedProcess[str]
    by_one: Outcome
    by_two: Outcome
    posted_after: list[str]
    forged: tuple[int, int]
    forged_at: Json
    posted_at_last: list[str]
    replay: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Play it once."""
    for house in house_in(tmp_path_factory.mktemp("story")):
        house.start(PARTS_ONLY)
        house.run_all()
        yield _play(house)


def _play(house: House) -> Story:
    script = Script(house, days=2, mischief=1, waived=False)
    script.set_up()
    script.trade_day(0)
    script.close_day(0)
    broken_at, posted_before = _halt(house), _posted(house)
    status = house.command("status")
    wanted = {"feed": FEED, "source_seq": script.exchange.mischief_of(script.exchange.dates[0])[0][0]}
    HaltFile.of(house.data).clear()  # as novate settle --retry does; it halts again until the break is waived
    again = _halt(house)
    assert again == broken_at
    HaltFile.of(house.data).clear()
    by_one = script.order("waive", "waive/one", wanted, requested_by="ann", approved_by="ann", reason="x", halted=True)
    by_two = script.order("waive", "waive/two", wanted, requested_by="ann", approved_by="bob", reason="x", halted=True)
    HaltFile.of(house.data).clear()
    house.wait("the first date to be posted", lambda: "2026-07-31/end_of_day/1" in _posted(house))
    posted_after = _posted(house)
    forged = _write_by_hand(house)
    with pytest.raises(HaltedError):
        script.run_day(1)
    halted = house.halted()
    assert halted is not None
    return Story(
        broken_at, posted_before, status, by_one, by_two, posted_after, forged, halted, _posted(house),
        house.command("replay"),
    )  # fmt: skip


def _halt(house: House) -> Json:
    """Wait for the halt and return what it says."""
    with pytest.raises(HaltedError):
        house.wait("a halt", lambda: False)
    told = house.halted()
    assert told is not None
    return told


def _posted(house: House) -> list[str]:
    with connect(house.endpoints.database) as conn, as_auditor(conn):
        return [str(header.cycle) for header in queries.cycles(conn)]


def _write_by_hand(house: House) -> tuple[int, int]:
    """Append a fill that no gateway made to a partition of the log; return partition and stream_seq."""
    fills = [(m.partition() or 0, *codec.decode(m.value() or b"")) for m in records(house, "fills")]
    partition, _, record = next(one for one in reversed(fills) if one[1] == "fill")
    seq = max(one[2]["stream_seq"] for one in fills if one[0] == partition) + 1
    forged = {**record, "stream_seq": seq, "lots": 1_000, "fill_id": "HAND/1", "trade_id": "HAND"}
    producer = Producer({"bootstrap.servers": house.endpoints.kafka, "acks": "all", "log_level": 2})
    producer.produce("fills", codec.encode("fill", forged), b"hand", partition=partition)
    assert producer.flush(30) == 0
    return partition, seq


@pytest.mark.rule("ENT-7")
def test_an_open_break_halts_the_run_and_posts_nothing(story: Story) -> None:
    """A refused trade that nobody waived: the end of day halts, says which record of which feed, and is not posted."""
    assert (story.broken_at["cycle"], story.broken_at["rule"]) == ("2026-07-31/end_of_day/1", "ENT-7")
    assert FEED in story.broken_at["message"]
    assert story.broken_at["stream_seqs"]
    assert story.posted_before == ["2026-07-31/intraday/1"]
    assert story.status.returncode == 1
    assert "HALTED at 2026-07-31/end_of_day/1" in story.status.stdout


@pytest.mark.rule("ENT-7")
def test_two_people_waive_a_break_and_the_date_posts(story: Story) -> None:
    """One person alone is refused; two waive it, also after the cut, and the run goes on."""
    assert isinstance(story.by_one, Rejected)
    assert story.by_one.code == "TWO_PEOPLE"
    assert story.by_two == Accepted()
    assert story.posted_after == ["2026-07-31/intraday/1", "2026-07-31/end_of_day/1"]


@pytest.mark.rule("ENT-6")
def test_a_fill_written_by_hand_halts_the_run_at_its_place(story: Story) -> None:
    """The gateway's own record of that number differs: nothing more is posted, and replay names the place too."""
    partition, seq = story.forged
    assert story.forged_at["rule"] == "TWIN_DIFFERS"
    assert story.forged_at["stream_seqs"] == [{"partition": partition, "stream_seq": seq}]
    assert story.posted_at_last == story.posted_after
    assert story.replay.returncode == 1, story.replay
    assert f"repeat stream_seq {seq} byte for byte" in story.replay.stdout
    assert story.replay.stdout.splitlines()[-1] == "FAIL"


@pytest.mark.rule("VM-4")
def test_a_gateway_that_novates_unbalanced_trades_is_found(house: House) -> None:
    """Its control sums fit its fills and both engines agree on them; the sums over all accounts do not: halted."""
    house.start(PARTS_ONLY)
    house.run_all("gateway")
    house.run(broken(house.process("gateway"), "unbalanced"))
    script = Script(house, days=1, mischief=0)
    script.set_up()
    with pytest.raises(HaltedError):
        script.run_day(0)
    halted = house.halted()
    assert halted is not None
    assert halted["contract"]
    assert halted["accounts"]
    assert halted["stream_seqs"]
    assert _posted(house) == []


def test_the_comparison_finds_a_worker_without_the_continuity_rule(house: House, baseline: Baseline) -> None:
    """Two gateways write everything twice and a worker applies all of it: the run halts, and the books differ."""
    house.start(PARTS_ONLY)
    house.run_all("positions-0")
    house.run(named(house.process("gateway"), "gateway-second"))
    house.run(broken(house.process("positions-0"), "no-continuity"))
    script = Script(house)
    script.set_up()
    with pytest.raises(HaltedError):
        script.run_day(0)
    found = books(house)
    assert found.twins["fills"] > 0, "Expected both gateways to have written, was one."
    faults = compare(baseline.books, found)
    assert any(place.startswith("variation-margin-0 2026") for place in faults.conflicting), faults
    assert any(place.startswith("ledger.cycle") for place in faults.lost), faults
    assert found.rows["replay"].startswith(b"FAIL")
