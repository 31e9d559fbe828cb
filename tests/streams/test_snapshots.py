"""Snapshots in the log: a sound one equals a replay, an unsound one is refused, counted, and an older one is taken."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from infra.local.heartbeat import alarms_of
from settlement.wire import codec
from settlement.wire.columns import Columns
from streams.exits import Exits
from streams.log import LogReader
from streams.outbox import Outbox, Record
from streams.snapshots import Frozen, LastResult, Restored, Snapshots, sha256
from tests.streams.platform import Platform, cut, fill, stream, truth, wait_until
from tests.streams.tally import TallyFold

OFFSETS = 101  # records in partition 0: a hundred fills and a cut


class Store:
    """The snapshots of partition 0 of a platform, outside any worker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.outbox = Outbox(platform.bootstrap, Exits(None))
        with LogReader(platform.bootstrap) as reader:
            self.cluster_id = reader.cluster_id

    def snapshots(self, **changed: object) -> Snapshots:
        """Return the store as a worker has it."""
        told: dict[str, Any] = {
            "topic": "fills",
            "results": "variation-margin",
            "prefix": self._platform.prefix,
            **changed,
        }
        return Snapshots(TallyFold, **{"cluster_id": self.cluster_id, **told})

    def write(self, fold: TallyFold, offset: int, last: LastResult, snapshots: Snapshots | None = None) -> None:
        """Write a snapshot of that fold."""
        frozen = Frozen(0, fold.next_seq, offset, fold.snapshot())
        self.send(lambda: (snapshots or self.snapshots()).write(self.outbox, frozen, last))

    def send(self, job: Callable[[], Any]) -> None:
        """Run a job of the outbox and wait for it."""
        self.outbox.submit(job)
        wait_until("the outbox empty", lambda: self.outbox.waiting == 0)

    def restore(self) -> tuple[Restored, int]:
        """Return what a worker would start with, and how many snapshots it refuses."""
        snapshots = self.snapshots()
        with LogReader(self._platform.bootstrap) as reader:
            return snapshots.restore(reader, 0), snapshots.refused

    def replace_manifest(self, **changed: object) -> None:
        """Write the newest manifest again with other contents, as slot 0."""
        manifest = {**self._platform.manifests(0)[-1], **changed}
        value = codec.encode("snapshot_manifest", manifest)
        topic = f"{self._platform.prefix}snapshot-manifests"
        self.send(lambda: self.outbox.send([Record(topic, 0, b"tally/0/0", value)]))


def folded(values: list[bytes]) -> TallyFold:
    """Return the fold over these fills."""
    fold = TallyFold(0)
    for value in values:
        fold.apply(Columns(TallyFold.columnar)(value, [len(value)]))
    return fold


@pytest.fixture
def store(platform: Platform) -> Store:
    """A log of a hundred fills and a cut, whose result is acknowledged, and no snapshot yet."""
    store = Store(platform)
    platform.write(0, [*stream(0, 100), cut(100)])
    result = Record(f"{platform.prefix}variation-margin", 0, b"0/100", truth(0, platform.written[0])[0])
    store.send(lambda: store.outbox.send([result]))
    return store


def last_result(platform: Platform) -> LastResult:
    """Return the proof of the fixture's result."""
    return LastResult(0, sha256(platform.results(0)[0]))


def test_a_restored_fold_equals_a_replayed_one(platform: Platform, store: Store) -> None:
    """The newest sound snapshot is taken, whichever was written last."""
    fold = folded(platform.written[0])
    store.write(folded(platform.written[0][:50]), 50, LastResult())
    snapshots = store.snapshots()
    store.write(fold, OFFSETS, last_result(platform), snapshots)
    store.write(folded(platform.written[0][:70]), 70, LastResult(), snapshots)  # a slow worker of the same partition
    restored, refused = store.restore()
    assert (restored.next_seq, restored.offset, refused) == (101, OFFSETS, 0)
    assert restored.fold.snapshot() == fold.snapshot()


def test_a_big_state_is_cut_into_chunks(platform: Platform, store: Store) -> None:
    """A state larger than a record comes back whole, from several records."""
    fold = folded(platform.written[0])
    numbers = count()
    fold.sums.update({f"account {next(numbers):060}": [1, 2] for _ in range(30_000)})
    store.write(fold, OFFSETS, last_result(platform))
    assert len(platform.manifests(0)[0]["chunk_offsets"]) >= 3
    restored, refused = store.restore()
    assert (restored.fold.snapshot() == fold.snapshot(), refused) == (True, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"fold_version": 2},
        {"schemas_sha256": "0" * 64},
        {"cluster_id": "another"},
        {"chunk_sha256": ["0" * 64]},
        {"chunk_offsets": [7]},
        {"result_sha256": "0" * 64},
        {"result_offset": 5},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_snapshot_that_does_not_fit_is_refused(platform: Platform, store: Store, changed: dict[str, Any]) -> None:
    """A difference in any proof refuses a snapshot, counts it, and the older one is taken."""
    snapshots = store.snapshots()
    store.write(folded(platform.written[0][:50]), 50, LastResult(), snapshots)
    store.write(folded(platform.written[0][:50]), 50, LastResult(), snapshots)  # slot 1, stays
    store.write(folded(platform.written[0]), OFFSETS, last_result(platform), snapshots)
    store.replace_manifest(**changed, stream_seq=102)
    restored, refused = store.restore()
    assert (restored.next_seq, refused) == (101, 1)


def test_bytes_that_are_no_manifest_are_refused(platform: Platform, store: Store) -> None:
    """Garbage among the manifests is counted and stops nothing."""
    store.send(lambda: store.outbox.send([Record(f"{platform.prefix}snapshot-manifests", 0, b"tally/0/0", b"{}")]))
    restored, refused = store.restore()
    assert (restored.next_seq, restored.offset, refused) == (0, 0, 1)


def test_a_state_that_the_fold_does_not_take_is_refused(store: Store) -> None:
    """A library that changed the state's form is an alarm and a replay, not a crash."""
    frozen = Frozen(0, 50, 50, b"not JSON")
    store.send(lambda: store.snapshots().write(store.outbox, frozen, LastResult()))
    restored, refused = store.restore()
    assert (restored.next_seq, refused) == (0, 1)


def test_a_log_that_was_written_again_refuses_the_snapshot(platform: Platform, store: Store) -> None:
    """Where other records lie before the cursor than those that were folded, records would be skipped: replay."""
    fold = folded(platform.written[0][:60])
    store.write(fold, 90, LastResult())  # as if offsets 60 to 89 had been twins, which the log has no longer
    restored, refused = store.restore()
    assert (restored.offset, refused) == (0, 1)


def test_a_worker_goes_on_from_its_snapshot_and_alarms_a_refused_one(platform: Platform) -> None:
    """After a kill the results equal the replay's, with the snapshot or, when it was spoilt, without it."""
    store = Store(platform)
    platform.write(0, stream(0, 500, cut_every=200))
    worker = platform.start("w1", "0")
    wait_until("a snapshot of all", lambda: any(m["offset"] == 500 for m in platform.manifests(0)))
    worker.end()
    platform.write(0, stream(500, 700, cut_every=200))
    again = platform.start("w1", "0")
    platform.await_results(partitions=[0])
    assert "Restored tally fills-0 at stream_seq 500, offset 500" in again.log.read_text()
    assert platform.emitted() == 3, "nothing was emitted again: the fold did not start before its snapshot"
    wait_until("a snapshot of all", lambda: any(m["offset"] == 700 for m in platform.manifests(0)))
    again.end()
    for slot in range(4):
        store.send(partial(_spoil, store, platform, slot))
    platform.write(0, [fill(700), cut(701)])
    third = platform.start("w1", "0")
    platform.await_results(partitions=[0])
    wait_until("the alarm", lambda: third.heartbeat()["refused_snapshots"] == 4)
    assert alarms_of(third.heartbeat())[0].startswith("4 snapshots were refused")


def _spoil(store: Store, platform: Platform, slot: int) -> None:
    manifest = {**platform.manifests(0)[-1], "chunk_sha256": ["0" * 64], "stream_seq": 700}
    record = Record(
        f"{platform.prefix}snapshot-manifests",
        0,
        f"tally/0/{slot}".encode(),
        codec.encode("snapshot_manifest", manifest),
    )
    store.outbox.send([record])
