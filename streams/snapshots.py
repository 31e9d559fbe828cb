"""Snapshots of folds in the log: chunks in `snapshots`, then a manifest that proves them in `snapshot-manifests`.

A snapshot is a hint and never the truth: whatever does not fit (hash, fold version, schemas, cluster, a result or an
input record that the log no longer has where it was) refuses it, and an older one or a replay from the log's beginning
takes its place. A refusal is counted and must be looked at: a changed library once made every snapshot unreadable, and
nothing failed but the start's time.
"""

import hashlib
import logging
from dataclasses import dataclass

from settlement.folds.fold import Fold
from settlement.wire import codec, registry
from streams.log import LogReader
from streams.outbox import Outbox, Record
from streams.topics import partition_in

SNAPSHOTS, MANIFESTS = "snapshots", "snapshot-manifests"
CHUNK_BYTES = 900_000  # below every broker's default of 1 MiB a record batch
SLOTS = 4  # manifests that compaction keeps, for each fold and partition

log = logging.getLogger(__name__)


class RefusedError(ValueError):
    """A snapshot is not sound; the text says why."""


@dataclass(frozen=True, slots=True)
class LastResult:
    """The last result that was acknowledged before a snapshot: where it lies, and the hash of its bytes."""

    offset: int = -1
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """A fold as its partition's reader takes it on.

    next_seq: the stream_seq to apply next.  offset: where to read on in the folded topic.
    """

    fold: Fold
    next_seq: int
    offset: int
    last_result: LastResult


@dataclass(frozen=True, slots=True)
class Frozen:
    """A fold's state at one moment, as bytes."""

    partition: int
    next_seq: int
    offset: int
    state: bytes


class Snapshots:
    """Writes and restores the snapshots of one kind of fold.

    topic: the folded topic.  results: the topic of its acknowledged results.  prefix: before every topic's name.
    """

    def __init__(self, kind: type[Fold], *, topic: str, results: str, prefix: str, cluster_id: str) -> None:
        self._kind, self._topic, self._results, self._prefix = kind, topic, results, prefix
        self._cluster_id = cluster_id
        self._slots: dict[int, int] = {}
        self.refused = 0
        self.written = 0

    def restore(self, reader: LogReader, partition: int) -> Restored:
        """Return the newest sound snapshot's fold, or an empty one that starts at the log's beginning."""
        for manifest in self._manifests(reader, partition):
            place = f"{self._kind.name} {self._topic}-{partition} at stream_seq {manifest['stream_seq']}"
            try:
                restored = self._restore(reader, partition, manifest)
            except (RefusedError, codec.WireError) as error:
                self.refused += 1
                log.error("ALARM: the snapshot of %s is refused: %s", place, error)  # noqa: TRY400  a reason, not a bug
                continue
            log.info("Restored %s, offset %d", place, restored.offset)
            return restored
        log.info(
            "No snapshot of %s %s-%d: its log is folded from the beginning", self._kind.name, self._topic, partition
        )
        return Restored(self._kind(partition), 0, 0, LastResult())

    def write(self, outbox: Outbox, frozen: Frozen, last_result: LastResult) -> int:
        """Send the chunks, and the manifest when they are acknowledged; only inside a job of the outbox.

        Returns the bytes of the chunks.
        """
        chunks = self._chunks(frozen)
        offsets = outbox.send(chunks)
        slot = self._slots[frozen.partition] = (self._slots.get(frozen.partition, -1) + 1) % SLOTS
        manifest = {
            "fold": self._kind.name,
            "fold_version": self._kind.version,
            "partition": frozen.partition,
            "stream_seq": frozen.next_seq,
            "offset": frozen.offset,
            "chunk_offsets": offsets,
            "chunk_sha256": [sha256(chunk.value) for chunk in chunks],
            "schemas_sha256": registry.schemas_sha256(),
            "cluster_id": self._cluster_id,
            "result_offset": last_result.offset,
            "result_sha256": last_result.sha256,
        }
        key = f"{self._kind.name}/{frozen.partition}/{slot}".encode()
        value = codec.encode("snapshot_manifest", manifest)
        outbox.send([Record(self._prefix + MANIFESTS, frozen.partition, key, value)])
        self.written += 1
        return sum(len(chunk.value) for chunk in chunks)

    def _chunks(self, frozen: Frozen) -> list[Record]:
        state, partition = frozen.state, frozen.partition
        bodies = [state[at : at + CHUNK_BYTES] for at in range(0, len(state), CHUNK_BYTES)] or [b""]
        return [
            Record(
                self._prefix + SNAPSHOTS,
                partition,
                f"{self._kind.name}/{partition}/{frozen.next_seq}/{number}".encode(),
                codec.encode(
                    "snapshot_chunk",
                    {"partition": partition, "stream_seq": frozen.next_seq, "chunk": number, "body": body},
                ),
            )
            for number, body in enumerate(bodies)
        ]

    def _manifests(self, reader: LogReader, partition: int) -> list[codec.Record]:
        """Return the newest manifest of every slot of our fold and partition, newest state first."""
        topic = self._prefix + MANIFESTS
        found = []
        for offset, value in reader.newest(topic, partition).values():
            try:
                name, manifest = codec.decode(value)
            except codec.WireError as error:
                self.refused += 1
                log.error("ALARM: the manifest %s-%d@%d is refused: %s", topic, partition, offset, error)  # noqa: TRY400
                continue
            if name == "snapshot_manifest" and manifest["fold"] == self._kind.name:
                found.append(manifest)
        return sorted(found, key=lambda manifest: (manifest["stream_seq"], manifest["offset"]), reverse=True)

    def _restore(self, reader: LogReader, partition: int, manifest: codec.Record) -> Restored:
        _expect("partition", partition, manifest["partition"])
        _expect("fold version", self._kind.version, manifest["fold_version"])
        _expect("schemas", registry.schemas_sha256(), manifest["schemas_sha256"])
        _expect("cluster", self._cluster_id, manifest["cluster_id"])
        state = self._state(reader, partition, manifest)
        last_result = LastResult(manifest["result_offset"], manifest["result_sha256"])
        if last_result.offset >= 0:
            results, at = self._prefix + self._results, partition_in(self._results, partition)
            value = reader.one(results, at, last_result.offset)
            _expect(
                f"hash of the last result {results}-{at}@{last_result.offset}", last_result.sha256, sha256(value or b"")
            )
        self._expect_input(reader, partition, manifest)
        try:
            fold = self._kind.restore(partition, state)
        except Exception as error:
            raise RefusedError(f"Expected a state that {self._kind.__name__} restores, was: {error!r}.") from error
        return Restored(fold, manifest["stream_seq"], manifest["offset"], last_result)

    def _state(self, reader: LogReader, partition: int, manifest: codec.Record) -> bytes:
        offsets, hashes = manifest["chunk_offsets"], manifest["chunk_sha256"]
        values = reader.read(self._prefix + SNAPSHOTS, partition, min(offsets), max(offsets) + 1)
        bodies = []
        for number, (offset, expected) in enumerate(zip(offsets, hashes, strict=True)):
            value = values.get(offset, b"")
            _expect(f"hash of chunk {number}", expected, sha256(value))
            _expect(f"number of chunk {number}", number, codec.decode(value)[1]["chunk"])
            bodies.append(codec.decode(value)[1]["body"])
        return b"".join(bodies)

    def _expect_input(self, reader: LogReader, partition: int, manifest: codec.Record) -> None:
        """Refuse a place that the folded topic no longer means.

        Whatever lies before a cursor was folded, so its stream_seq is below the next one. In a log whose lost tail was
        written again with fewer twins, the same offset stands for later records, and those between would be skipped.
        A cursor behind the log's end is not a matter of the snapshot: the feed refuses to start there.
        """
        offset, topic = manifest["offset"], self._prefix + self._topic
        low, high = reader.bounds(topic, partition)
        if not low < offset <= high:
            return
        value = reader.one(topic, partition, offset - 1)
        before = codec.decode(value)[1]["stream_seq"] if value else manifest["stream_seq"]
        if before >= manifest["stream_seq"]:
            raise RefusedError(
                f"Expected a stream_seq below {manifest['stream_seq']} at {topic}-{partition}@{offset - 1}, was "
                f"{before}: the log was written again since. The log is replayed from further back."
            )


def sha256(value: bytes) -> str:
    """Return the hash of stored bytes, hex."""
    return hashlib.sha256(value).hexdigest()


def _expect(what: str, expected: object, was: object) -> None:
    if expected != was:
        raise RefusedError(f"Expected {what} {expected}, was {was}.")
