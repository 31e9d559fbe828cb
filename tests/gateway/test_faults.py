"""Whatever ends or doubles a gateway, readers see the same bytes as of an undisturbed run."""

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.local.kafka import Kafka
from settlement.wire import codec
from streams.gateway.controls import Accepted
from streams.topics import ensure
from tests.gateway.house import PARTITIONS, Feed, House, Running, session, wait_until
from tests.parts import own_name

TRADES = 1_500
CHUNK = 60
KILLS = 9

Log = dict[str, list[bytes]]


def steps(house: House, feed: Feed, is_taken: Callable[[], bool], pause: float = 0.0) -> None:
    """Play two days: sessions written bit by bit, a bust between them, cuts; each control when the feed is taken."""
    house.open()
    for day, first in (("2026-08-03", 1), ("2026-08-04", TRADES + 1)):
        records = session(day, first, TRADES)
        for at in range(0, len(records), CHUNK):
            feed.write(*records[at : at + CHUNK])
            time.sleep(pause)
        wait_until("the session taken", is_taken, 90)
        house.append("bust", {"trade": f"T{first + 3}"}, reason="error")
        house.append("cut", {"date": day})
        house.append("cut", {"date": day}, f"again/{day}")
    house.append("open", {"date": "2026-08-05"})


def settled(house: House) -> None:
    """Wait until the last control of `steps` is answered."""
    last = 'open/{"date": "2026-08-05"}'
    wait_until("the last control answered", lambda: house.controls.known(last) == Accepted(), 60)


@pytest.fixture(scope="module")
def undisturbed(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house after `steps` with one gateway and no fault."""
    house = House(bootstrap, f"{own_name('undisturbed')}.", tmp_path_factory.mktemp("undisturbed"))
    feed, gateway = house.feed(), house.gateway()
    steps(house, feed, lambda: gateway.has_taken(feed))
    settled(house)
    gateway.kill()
    yield house
    house.end()


@pytest.fixture(scope="module")
def truth(undisturbed: House) -> Log:
    """What readers see of the undisturbed run."""
    return undisturbed.written()


def same(house: House, undisturbed: House, truth: Log) -> None:
    """Compare everything that is derived, byte for byte, twins dropped.

    Where a control stands among the advances, and when it was asked, is a matter of timing: so it is left out.
    """
    written = house.written()
    for name, values in truth.items():
        assert [codec.decode(v) for v in written[name]] == [codec.decode(v) for v in values], name
    assert written == truth
    assert _refusals(house) == _refusals(undisturbed)
    assert _answers(house) == _answers(undisturbed)


def _is_open(gateway: Running, date: int) -> bool:
    return bool(gateway.heartbeat().get("open_date") == date)


def _refusals(house: House) -> list[dict[str, object]]:
    timed = {"source_seq", "place", "original"}
    return [{name: one[name] for name in one.keys() - timed} for one in house.rejections()]


def _answers(house: House) -> list[tuple[str, bool, str]]:
    found = {one["control_seq"]: (one["control_id"], one["accepted"], one["code"]) for one in house.records("outcomes")}
    return [found[seq] for seq in sorted(found)]


def test_an_undisturbed_run_writes_everything_once(undisturbed: House, truth: Log) -> None:
    """Every fill, public trade and tick stands once in the log, and every refused control is one rejection."""
    sizes = undisturbed.sizes()
    assert {name: len(values) for name, values in truth.items()} == {n: s for n, s in sizes.items() if n in truth}
    fills = [codec.decode(v) for name, values in truth.items() if name.startswith("fills") for v in values]
    assert sum(1 for name, _ in fills if name == "fill") == 2 * (2 * TRADES) + 4
    assert sum(record["lots"] for name, record in fills if name == "fill") == 2 * (2 * TRADES - 2)
    assert [one["code"] for one in undisturbed.rejections()] == ["WRONG_DATE", "WRONG_DATE"]
    assert sizes["rejections-0"] == 2


class Restarter(threading.Thread):
    """Kills the gateway at random moments, and starts it again, so many times."""

    def __init__(self, house: House, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.house, self.kills, self.chance = house, kills, random.Random(seed)
        self.gateway = house.gateway()
        self.while_busy = 0

    def run(self) -> None:
        """Kill and start."""
        for number in range(self.kills):
            if number % 3:  # every third may hit the start itself
                wait_until("a state", lambda: self.gateway.heartbeat().get("cursors"))
            time.sleep(self.chance.uniform(0.0, 0.9))
            self.while_busy += bool(self.gateway.heartbeat().get("written"))
            self.gateway.kill()
            self.gateway = self.house.gateway()


@pytest.mark.rule("ENT-6")
def test_kills_at_random_moments_change_nothing(house: House, undisturbed: House, truth: Log) -> None:
    """A kill -9 of the gateway at random moments of a run: the log is that of the undisturbed run."""
    restarter, feed = Restarter(house, KILLS, 11), house.feed()
    restarter.start()
    steps(house, feed, lambda: not restarter.is_alive() and restarter.gateway.has_taken(feed), pause=0.12)
    restarter.join()
    settled(house)
    assert restarter.while_busy >= 3
    assert restarter.gateway.heartbeat()["refused_snapshots"] == 0
    same(house, undisturbed, truth)


def test_two_gateways_write_the_same_bytes(house: House, undisturbed: House, truth: Log) -> None:
    """Two gateways at once, of which one is killed and comes back: readers see one log."""
    feed, first = house.feed(), house.gateway("first")
    restarter = Restarter(house, 2, 5)
    restarter.start()
    steps(house, feed, lambda: first.has_taken(feed) and restarter.gateway.has_taken(feed), pause=0.02)
    restarter.join()
    settled(house)
    wait_until("the second to be as far", lambda: restarter.gateway.heartbeat().get("open_date") == 20260805)
    assert sum(house.sizes().values()) > sum(undisturbed.sizes().values()), "both wrote"
    same(house, undisturbed, truth)


def test_a_restart_writes_nothing_that_is_there(undisturbed: House) -> None:
    """A gateway that is started again, from its snapshot or without any, adds no record to the log."""
    before = undisturbed.sizes()
    for snapshots in (True, False):
        if not snapshots:
            shutil.rmtree(undisturbed.data / "gateway")
        gateway = undisturbed.gateway()
        wait_until("the same state", partial(_is_open, gateway, 20260805))
        time.sleep(0.5)
        assert gateway.heartbeat()["written"] == 0
        gateway.kill()
    assert undisturbed.sizes() == before


def test_a_refused_snapshot_is_an_alarm_and_changes_nothing(house: House, undisturbed: House, truth: Log) -> None:
    """Snapshots that were altered or cut off are refused and counted, and the rebuilt state gives the same log."""
    feed, gateway = house.feed(), house.gateway()
    restarted: list[Running] = [gateway]

    def is_taken() -> bool:
        if restarted[-1].has_taken(feed) and len(restarted) == 1:
            time.sleep(0.6)  # a snapshot behind the session
            restarted[0].kill()
            _spoil(sorted((house.data / "gateway" / "gateway").glob("*.snapshot")))
            restarted.append(house.gateway())
        return len(restarted) == 2 and restarted[-1].has_taken(feed)

    steps(house, feed, is_taken)
    settled(house)
    assert restarted[-1].heartbeat()["refused_snapshots"] >= 1
    assert "ALARM: the snapshot" in restarted[-1].log.read_text()
    same(house, undisturbed, truth)
    assert house.sizes() == undisturbed.sizes()


def _spoil(paths: list[Path]) -> None:
    """Alter one byte of every snapshot: of the state, of the head, or the last of them."""
    assert paths
    for number, path in enumerate(paths):
        content = bytearray(path.read_bytes())
        at = (-100, 80, -1)[number % 3]
        content[at] ^= 1
        path.write_bytes(bytes(content))


def copy(house: House, source: House, truth: Log, upto: dict[str, list[int]]) -> None:
    """Make a house that has the same controls and feed, and of each partition only the given stream_seqs."""
    ensure(house.bootstrap, PARTITIONS, prefix=house.prefix)
    shutil.copytree(source.data / "feeds", house.data / "feeds")
    producer = Producer({"bootstrap.servers": house.bootstrap, "enable.idempotence": True})
    for key, value in source.log_of("controls"):
        producer.produce(f"{house.prefix}controls", value, key, partition=0)
    for name, numbers in upto.items():
        topic, _, partition = name.rpartition("-")
        for number in numbers:
            producer.produce(f"{house.prefix}{topic}", truth[name][number], b"k", partition=int(partition))
    producer.flush()


def _torn(truth: Log) -> dict[str, list[int]]:
    """Return, by partition, what a gateway that died in the middle of a trade may have left."""
    sizes = {name: len(values) for name, values in truth.items()}
    left = {name: list(range(size * 2 // 3)) for name, size in sizes.items()}
    buyer = left["fills-2"]
    buyer.append(len(buyer))  # one side more than the other
    left["fills-1"] = []
    return left


def test_a_torn_tail_is_completed(house: House, undisturbed: House, truth: Log) -> None:
    """Of half a trade, and of partitions that end anywhere, the rest is written, and nothing twice."""
    copy(house, undisturbed, truth, _torn(truth))
    house.gateway()
    settled(house)
    same(house, undisturbed, truth)
    assert {n: s for n, s in house.sizes().items() if n in truth} == {name: len(v) for name, v in truth.items()}


def test_a_hole_is_repaired_by_writing_everything_again(house: House, undisturbed: House, truth: Log) -> None:
    """Where a record is missing, everything from it is written again, so that every reader finds the next one."""
    left = _torn(truth)
    there = left["fills-0"]
    left["fills-0"] = there[:100] + there[101:]
    copy(house, undisturbed, truth, left)
    gateway = house.gateway()
    settled(house)
    same(house, undisturbed, truth)
    assert house.sizes()["fills-0"] == len(truth["fills-0"]) + len(there) - 101
    assert "ALARM: fills-0 is whole up to stream_seq 100 only" in gateway.log.read_text()


def test_another_record_in_the_log_stops_the_gateway(house: House, undisturbed: House, truth: Log) -> None:
    """When the log has under a number what the controls and feeds do not give, nothing is written."""
    altered = {**truth, "fills-0": list(truth["fills-0"])}
    name, record = codec.decode(altered["fills-0"][50])
    altered["fills-0"][50] = codec.encode(name, {**record, "lots": record["lots"] + 1})
    copy(house, undisturbed, altered, _torn(truth))
    before = house.sizes()
    gateway = house.gateway()
    assert gateway.ended() == 70
    assert "Expected fills-0 to have under stream_seq 50" in gateway.note()["why"]
    assert {n: s for n, s in house.sizes().items() if n.startswith("fills-0")} == {"fills-0": before["fills-0"]}


def test_a_cursor_outside_the_log_ends_the_process(house: House, undisturbed: House) -> None:
    """A gateway whose controls are gone does not begin anew: exit code 72, and a note that says what is missing."""
    undisturbed_state = undisturbed.gateway()
    wait_until("a snapshot", lambda: list((undisturbed.data / "gateway" / "gateway").glob("*.snapshot")))
    undisturbed_state.kill()
    ensure(house.bootstrap, PARTITIONS, prefix=house.prefix)
    shutil.copytree(undisturbed.data / "gateway", house.data / "gateway")
    gateway = house.gateway()
    assert gateway.ended() == 72
    assert gateway.note()["place"].startswith("controls-0@")
    assert "controls" in gateway.note()["why"]


def test_the_broker_restarts_in_a_run(lone_house: House, own_kafka: Kafka, truth: Log) -> None:
    """The broker is killed and comes back while feeds flow: the gateway goes on by itself, and the log is the same."""
    feed, gateway = lone_house.feed(), lone_house.gateway()

    def restart() -> None:
        time.sleep(2.0)
        own_kafka.kill()
        own_kafka.start()

    breaker = threading.Thread(target=restart)
    lone_house.open()
    breaker.start()
    steps(lone_house, feed, lambda: not breaker.is_alive() and gateway.has_taken(feed), pause=0.05)
    settled(lone_house)
    assert gateway.process.poll() is None, gateway.log.read_text()[-2000:]
    written = lone_house.written()
    assert written == truth


def test_a_tail_that_the_broker_lost_is_written_again(
    lone_house: House, own_kafka: Kafka, undisturbed: House, truth: Log
) -> None:
    """After a broker came back with less than it acknowledged, the gateway ends, and its restart writes the rest."""
    feed, gateway = lone_house.feed(), lone_house.gateway()
    steps(lone_house, feed, lambda: gateway.has_taken(feed))
    settled(lone_house)
    time.sleep(0.6)  # a snapshot behind everything
    own_kafka.kill()
    segment = next(own_kafka.log.parent.parent.glob(f"kafka/log/{lone_house.prefix}fills-2/*.log"))
    with segment.open("r+b") as content:
        content.truncate(segment.stat().st_size * 3 // 4)
    own_kafka.start()
    assert gateway.ended() == 70
    assert "acknowledged" in gateway.note()["why"]
    assert len(lone_house.log_of("fills", 2)) < len(truth["fills-2"])
    again = lone_house.gateway()
    wait_until("the same state", lambda: again.heartbeat().get("open_date") == 20260805)
    wait_until("the tail written", lambda: len(lone_house.log_of("fills", 2)) == len(truth["fills-2"]))
    assert again.heartbeat()["refused_snapshots"] >= 1
    same(lone_house, undisturbed, truth)
