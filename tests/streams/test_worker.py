"""A worker process on the real broker: what it folds, shows, keeps and says of itself, and how it ends."""

import signal
import threading
import time

import pytest

from infra.local.heartbeat import alarms_of
from infra.local.kafka import Kafka
from settlement.wire import codec, registry
from streams.exits import BROKEN, OUTSIDE_THE_LOG
from tests.streams.platform import Platform, as_next_version, cut, fill, stream, wait_until
from tests.streams.tally import BUG_LOTS

SOUND = 400  # records before the broken one, with a cut among them


def test_results_views_and_heartbeat(platform: Platform) -> None:
    """A worker emits each cut's result, shows live positions, snapshots idle partitions and says where it stands."""
    worker = platform.start("w1")
    platform.write(0, stream(0, 1001, cut_every=250))
    platform.write(2, stream(0, 50, cut_every=7))
    platform.await_results()
    wait_until("positions", lambda: platform.read("positions", 0))
    _, view = platform.read("positions", 0)[-1]
    assert codec.decode(view)[0] == "position"
    snapshot = wait_until(
        "a snapshot of the whole partition",
        lambda: [manifest for manifest in platform.manifests(0) if manifest["stream_seq"] == 1001],
    )[0]
    assert snapshot["result_offset"] == 3, "the manifest stands behind the fourth result"
    beat = worker.heartbeat()
    assert beat["cursors"]["fills-0"] == {"cursor": 1001, "end": 1001, "stream_seq": 1001}
    assert beat["cursors"]["fills-1"] == {"cursor": 0, "end": 0, "stream_seq": 0}
    assert (beat["parked"], beat["holes"], beat["twins"], beat["refused_snapshots"]) == ({}, {}, 0, 0)


def test_sigterm_ends_at_once(platform: Platform) -> None:
    """A worker that is told to stop is gone within half a second, and that is no death."""
    worker = platform.start("w1")
    wait_until("a heartbeat with cursors", lambda: worker.heartbeat().get("cursors"))
    began = time.monotonic()
    worker.end(signal.SIGTERM)
    assert time.monotonic() - began < 0.5
    assert worker.process.returncode == 0
    assert not (platform.folder / "w1.died").exists()


def test_a_twin_is_dropped_and_a_hole_is_waited_for(platform: Platform) -> None:
    """Records that come again change nothing; missing ones hold the results back, are alarmed, and may come later."""
    worker = platform.start("w1", "0-1")
    platform.write(0, [*stream(0, 100), *stream(50, 100), cut(100)])
    platform.write(1, [*stream(0, 100), *stream(110, 140), cut(140)])
    platform.await_results(partitions=[0])
    hole = wait_until("a hole in fills-1", lambda: worker.heartbeat().get("holes"))
    assert hole == {"fills-1": {"stream_seq": 100, "seen_to": 141}}
    assert worker.heartbeat()["twins"] == 50
    assert platform.results(1) == []
    wait_until("a snapshot with an open hole", lambda: platform.manifests(1))
    worker.end()
    again = platform.start("w1", "0-1")
    assert wait_until("the alarm after a restart", lambda: again.heartbeat().get("holes")) == hole
    assert alarms_of(again.heartbeat())[0].startswith("fills-1 waits for stream_seq ")
    platform.write(1, [*stream(100, 140), cut(140)])
    platform.await_results(partitions=[1])
    wait_until("no hole", lambda: again.heartbeat()["holes"] == {})
    assert again.heartbeat()["refused_snapshots"] == 0


BROKEN_VALUES = {
    "cut off": fill(SOUND)[:-3],
    "one byte too many": fill(SOUND) + b"\0",
    "unknown schema id": b"\0\0\0\0\x7f" + fill(SOUND)[5:],
    "no frame": b"{}",
    "not decodable": registry.frame("fill.v1") + b"\xff" * 40,
    "tombstone": None,
    "not the gateway's": codec.encode(
        "position", {"stream_seq": SOUND, "account": "M01-H", "contract": "X", "lots": 0, "long": 0, "short": 0}
    ),
}


@pytest.mark.parametrize("names", [list(BROKEN_VALUES)[:3], list(BROKEN_VALUES)[3:6], list(BROKEN_VALUES)[6:]])
def test_a_broken_value_stops_its_partition_only(platform: Platform, names: list[str]) -> None:
    """What stands before a broken value is folded and paid, nothing behind it, and the other partitions go on."""
    for partition, name in enumerate(names):
        platform.write(partition, stream(0, SOUND, cut_every=399))
        platform.write(partition, [BROKEN_VALUES[name], *stream(SOUND, 600, cut_every=500)])
    platform.write(3, stream(0, SOUND))
    worker = platform.start("w1")
    parked = (
        wait_until("the broken partitions parked", lambda: len(worker.heartbeat().get("parked", {})) == len(names))
        and worker.heartbeat()["parked"]
    )
    assert {name: entry["offset"] for name, entry in parked.items()} == {
        f"fills-{partition}": SOUND for partition in range(len(names))
    }
    assert all(entry["why"].startswith("Expected ") for entry in parked.values())
    told = alarms_of(worker.heartbeat())
    assert [alarm.split(" at offset")[0] for alarm in told] == [f"{name} is parked" for name in parked]
    platform.write(3, [cut(SOUND)])
    platform.await_results(partitions=[3])
    for partition in range(len(names)):
        assert [codec.decode(value)[1]["stream_seq"] for value in platform.results(partition)] == [399]
    assert worker.process.poll() is None
    wait_until("snapshots at the broken values", lambda: platform.manifests(0)[-1]["offset"] == SOUND)
    worker.end()
    again = platform.start("w1")
    wait_until("parked again after a restart", lambda: again.heartbeat().get("parked") == parked)


def test_a_failing_fold_ends_the_process_and_names_the_record(platform: Platform) -> None:
    """An exception in a fold is a bug: exit code 70 and a note, which from the second death on names the record."""
    platform.write(2, [*stream(0, 300), fill(300, lots=BUG_LOTS), *stream(301, 500)])
    worker = platform.start("w1")
    assert worker.ended() == BROKEN
    first = worker.note()
    assert first["why"] == "ZeroDivisionError: a bug on purpose"
    again = platform.start("w1")
    assert again.ended() == BROKEN
    assert again.note()["place"] == "fills-2@300"
    platform.write(1, [*stream(0, 10), cut(10)])
    platform.start("w2", "0,1,3")
    platform.await_results(partitions=[1])


def test_a_cursor_outside_the_log_refuses(platform: Platform) -> None:
    """A worker whose snapshot stands behind the log's end ends with 72, says what to do, and reads nowhere else."""
    platform.write(0, [*stream(0, 100), cut(100)])
    worker = platform.start("w1", "0")
    platform.await_results()
    wait_until("a snapshot at the end", lambda: platform.manifests(0) and platform.manifests(0)[-1]["offset"] == 101)
    worker.end()
    platform.lose_the_log("fills", 0, keep=50)
    again = platform.start("w1", "0")
    assert again.ended() == OUTSIDE_THE_LOG
    assert again.note()["place"] == "fills-0@101"
    assert "was offsets from 0 to 50" in again.note()["why"]


def test_a_second_schema_version_in_the_middle(platform: Platform) -> None:
    """Records of a newer version among older ones, in one fetch, are folded as they would be alone."""
    folder = platform.next_schemas()
    newer = [as_next_version(value) for value in stream(40, 60)]
    older = [*stream(0, 40), *newer, *stream(60, 90), cut(90)]
    platform.write(0, older)
    worker = platform.start("w1", "0", before=["--schemas", str(folder)])
    platform.written[0] = [*stream(0, 90), cut(90)]  # the same fills, all in the old version: the truth
    platform.await_results()
    assert worker.heartbeat()["parked"] == {}


def test_overlapping_workers_agree(platform: Platform) -> None:
    """Two workers on the same partition emit the same bytes; readers take the first."""
    workers = [platform.start("w1", "0-2"), platform.start("w2", "1-3")]
    # A late one would begin behind the results, from the other's snapshot, and send no second copy.
    wait_until("both at the log's beginning", lambda: all(worker.heartbeat().get("cursors") for worker in workers))
    for partition in range(4):
        platform.write(partition, stream(0, 600, cut_every=100))
    platform.await_results()
    wait_until("the second copy of every shared result", lambda: platform.emitted() >= (1 + 2 + 2 + 1) * 5)
    platform.await_results()


def test_kills_change_nothing(platform: Platform) -> None:
    """Workers killed at random moments while records flow leave, byte for byte, the results of an undisturbed run."""
    names = ["w1", "w2"]
    running = {name: platform.start(name, "0-1" if name == "w1" else "2-3") for name in names}
    writer = threading.Thread(target=_flow, args=(platform, 10.0))
    writer.start()
    for number in range(8):
        time.sleep(0.3 + number * 0.137 % 1.1)
        name = names[number % 2]
        running[name].end()
        running[name] = platform.start(name, "0-1" if name == "w1" else "2-3")
    writer.join()
    platform.await_results()
    assert all(worker.heartbeat()["refused_snapshots"] == 0 for worker in running.values())
    assert platform.manifests(0), "they restarted from snapshots"


def test_partitions_are_split_and_joined_while_records_flow(platform: Platform) -> None:
    """One worker, two with half each, and one again, each started before the old ones end: the same results."""
    writer = threading.Thread(target=_flow, args=(platform, 7.0))
    writer.start()
    one = platform.start("w1", "0-3")
    time.sleep(2)
    two, three = platform.start("w2", "0-1"), platform.start("w3", "2-3")
    time.sleep(1.5)
    one.end(signal.SIGTERM)
    time.sleep(1)
    platform.start("w4", "0-3")
    time.sleep(1.5)
    two.end(signal.SIGTERM)
    three.end(signal.SIGKILL)
    writer.join()
    platform.await_results()


def test_a_broker_restart_is_survived(lone_platform: Platform, own_kafka: Kafka) -> None:
    """A worker lives on while the broker is killed and comes back; nothing is lost, nothing counts twice."""
    worker = lone_platform.start("w1")
    for partition in range(4):
        lone_platform.write(partition, stream(0, 500, cut_every=100))
    lone_platform.await_results()
    own_kafka.kill()
    time.sleep(1)
    own_kafka.start()
    assert own_kafka.bootstrap == lone_platform.bootstrap
    for partition in range(4):
        lone_platform.write(partition, stream(500, 1000, cut_every=100))
    lone_platform.await_results()
    assert worker.process.poll() is None


def _flow(platform: Platform, seconds: float) -> None:
    """Write for so long: a few hundred records at a time, with cuts, twins and repaired holes among them."""
    until, seq, step = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        partition, step = step % 4, step + 1
        start = seq
        after = start + 97
        values = stream(start, after, cut_every=40)
        if step % 7 == 0:
            values = [*values[:30], *values[60:], *values[30:]]  # a hole, and all again from it
        if step % 5 == 0:
            values = [*stream(max(0, start - 20), start, cut_every=40), *values]  # twins
        platform.write(partition, values)
        seq = after if partition == 3 else start
