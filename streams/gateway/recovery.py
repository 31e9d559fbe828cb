"""Where a gateway begins: the newest snapshot that fits the log, and what the log has from there on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from settlement.folds.gateway import GatewayFold
from streams.exits import OUTSIDE_THE_LOG, Exits
from streams.gateway.controls import CONTROLS
from streams.gateway.lanes import BEGINNING, OUTCOMES, REJECTIONS, Lane, Notes, Place, Tail, sha256
from streams.gateway.patience import TRANSIENT
from streams.gateway.sending import NUMBERED
from streams.gateway.snapshots import RefusedError, Snapshot, SnapshotFiles
from streams.log import QUIET, LogReader

RECORDS_A_POLL = 10_000

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovered:
    """A fold, and how much of what it gives next is in the log.

    controls: the cursor.  refused: how many snapshots did not fit; anything but 0 is an alarm.
    """

    fold: GatewayFold
    controls: Place
    lanes: dict[tuple[str, int], Lane]
    notes: dict[str, Notes]
    refused: int = 0


def place_name(topic: str, partition: int) -> str:
    """Return the name of a partition in a snapshot: `fills-2`."""
    return f"{topic}-{partition}"


class Recovery:
    """Finds the beginning; blocks while the log is read."""

    def __init__(
        self, bootstrap: str, prefix: str, partitions: int, exits: Exits, tick: Callable[[], None] = lambda: None
    ) -> None:
        self._bootstrap, self._prefix, self._partitions, self._exits = bootstrap, prefix, partitions, exits
        self._tick = tick
        self.cluster_id = ""

    def recover(self, files: SnapshotFiles) -> Recovered:
        """Return the state of the newest snapshot that fits, or an empty one; ends the process when the log is gone."""
        refused = 0
        with LogReader(self._bootstrap) as reader:
            self.cluster_id = reader.cluster_id
            for path, found in files.newest_first():
                try:
                    recovered = self._restored(reader, found)
                except RefusedError as error:
                    refused += 1
                    log.error("ALARM: the snapshot %s is refused: %s", path, error)  # noqa: TRY400  a reason, not a bug
                    continue
                log.info("Restored %s: controls are read from %d", path.name, recovered.controls.offset)
                recovered.refused = refused
                return recovered
            self._expect_whole(reader)
        log.info("No snapshot: everything is derived from the beginning of the controls")
        lanes, notes = self._lanes({}), self._notes({})
        self._scan(lanes, notes)
        return Recovered(GatewayFold(self._partitions), BEGINNING, lanes, notes, refused)

    def _restored(self, reader: LogReader, found: Snapshot | RefusedError) -> Recovered:
        if isinstance(found, RefusedError):
            raise found
        if found.cluster_id != self.cluster_id:
            raise RefusedError(f"Expected the cluster {self.cluster_id}, was {found.cluster_id}.")
        low, high = reader.bounds(self._prefix + CONTROLS, 0)
        if not low <= found.controls.offset <= high:
            self._outside(CONTROLS, 0, found.controls.offset, low, high)
        self._expect_value(reader, CONTROLS, 0, found.controls)
        try:
            fold = GatewayFold.restore(found.state)
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
            raise RefusedError(f"Expected a state that this version restores, was: {error!r}.") from error
        if fold.state.partitions != self._partitions:
            raise RefusedError(f"Expected {self._partitions} partitions, was {fold.state.partitions}.")
        lanes, notes = self._lanes(found.places), self._notes(found.places)
        for (topic, partition), lane in lanes.items():
            self._expect_value(reader, topic, partition, lane.place)
        for topic, note in notes.items():
            self._expect_value(reader, topic, 0, note.place)
        self._scan(lanes, notes)
        for (topic, partition), lane in lanes.items():
            end_seq, next_seq = lane.tail.end_seq if lane.tail else 0, fold.state.next_seq[topic][partition]
            if end_seq < next_seq:
                raise RefusedError(
                    f"Expected {topic}-{partition} to have everything below stream_seq {next_seq}, was whole up to "
                    f"{end_seq}: the log lost records. They are written again."
                )
        return Recovered(fold, found.controls, lanes, notes)

    def _expect_value(self, reader: LogReader, topic: str, partition: int, place: Place) -> None:
        """Refuse a place that the log no longer has, or where it has something else."""
        if place == BEGINNING:
            return
        value = reader.one(self._prefix + topic, partition, place.offset - 1)
        if value is None:
            raise RefusedError(f"Expected {topic}-{partition} to hold offset {place.offset - 1}, was gone.")
        if sha256(value) != place.sha256:
            raise RefusedError(f"Expected the same record at {topic}-{partition}@{place.offset - 1}, was another.")

    def _expect_whole(self, reader: LogReader) -> None:
        """End the process when a log that must be read from its beginning begins later."""
        at = [(CONTROLS, 0), *((topic, partition) for topic in NUMBERED for partition in range(self._partitions))]
        for topic, partition in at:
            low, high = reader.bounds(self._prefix + topic, partition)
            if low:
                self._outside(topic, partition, 0, low, high)

    def _outside(self, topic: str, partition: int, offset: int, low: int, high: int) -> NoReturn:
        self._exits.die(
            f"{topic}-{partition}@{offset}",
            f"Expected a log that holds offset {offset} of {topic}-{partition}, was offsets from {low} to {high}: "
            "records that were applied are gone, or this is another log. Point to the right broker, or restore the "
            "topic; `novate replay` shows what is missing.",
            OUTSIDE_THE_LOG,
        )

    def _lanes(self, places: dict[str, Place]) -> dict[tuple[str, int], Lane]:
        lanes = {}
        for topic in NUMBERED:
            for partition in range(self._partitions):
                place = places.get(place_name(topic, partition), BEGINNING)
                lanes[topic, partition] = Lane(topic, partition, place, Tail(place.next_seq))
        return lanes

    def _notes(self, places: dict[str, Place]) -> dict[str, Notes]:
        return {topic: Notes(topic, places.get(place_name(topic, 0), BEGINNING)) for topic in (REJECTIONS, OUTCOMES)}

    def _scan(self, lanes: dict[tuple[str, int], Lane], notes: dict[str, Notes]) -> None:
        """Read every partition from its place to its end."""
        readers: dict[tuple[str, int], Tail | Notes] = {at: lane.tail for at, lane in lanes.items() if lane.tail}
        starts = {at: lane.place.offset for at, lane in lanes.items()}
        for topic, note in notes.items():
            readers[topic, 0], starts[topic, 0] = note, note.place.offset
        consumer = _consumer(self._bootstrap)
        try:
            consumer.assign([TopicPartition(self._prefix + topic, p, at) for (topic, p), at in starts.items()])
            self._read_to_ends(consumer, readers)
        finally:
            consumer.close()
        for (topic, partition), lane in lanes.items():
            tail = lane.tail
            if tail is not None and (tail.ahead or tail.unread):
                log.error(
                    "ALARM: %s-%d is whole up to stream_seq %d only, with %d records behind a hole and %d unreadable: "
                    "everything from there is written again",
                    topic, partition, tail.end_seq, tail.ahead, tail.unread,
                )  # fmt: skip

    def _read_to_ends(self, consumer: Consumer, readers: dict[tuple[str, int], Tail | Notes]) -> None:
        open_ends, cut = set(readers), len(self._prefix)
        while open_ends:
            messages = consumer.consume(RECORDS_A_POLL, 0.05)
            self._tick()
            for message in messages:
                at, error = ((message.topic() or "")[cut:], message.partition() or 0), message.error()
                if error is None:
                    readers[at].take(message.value() or b"", message.offset() or 0)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                    open_ends.discard(at)
                elif not error.retriable() and error.code() not in TRANSIENT:
                    raise KafkaException(error)


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "gateway-scan",  # required, never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 10,
            "max.partition.fetch.bytes": 8 << 20,
            **QUIET,
        }
    )
