"""What the log has of what the gateway derives, partition by partition.

The gateway derives the same records again after every start. A lane knows which of them its partition has already: it
counts contiguous stream_seqs as every reader does (the next one wherever it stands, twins dropped, nothing counted
behind a hole), so a half-written trade or cut, or a tail that a broker lost, is completed by writing everything from
the first missing record again.
"""

import hashlib
import zlib
from array import array
from dataclasses import dataclass, field
from typing import Final

from settlement.wire import codec, registry

REJECTIONS: Final = "rejections"
OUTCOMES: Final = "outcomes"

Identity = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A proven place in a partition: everything below stream_seq `next_seq` stands before `offset`.

    sha256: of the value at the offset before; empty at the beginning.  In a topic without stream_seqs next_seq is 0.
    """

    next_seq: int = 0
    offset: int = 0
    sha256: str = ""


BEGINNING: Final = Place()


class DiffersError(RuntimeError):
    """The log has another record than the gateway derives."""


def sha256(value: bytes) -> str:
    """Return the hash of stored bytes, hex."""
    return hashlib.sha256(value).hexdigest()


def stream_seq_of(value: bytes) -> int | None:
    """Return the stream_seq that a framed record of an input topic begins with; None when there is no such frame."""
    if len(value) <= registry.FRAME_BYTES or value[0] or int.from_bytes(value[1:5], "big") not in registry.ids():
        return None
    number = shift = 0
    for byte in value[registry.FRAME_BYTES : registry.FRAME_BYTES + 10]:
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)
        shift += 7
    return None


@dataclass(slots=True)
class Tail:
    """What the log has from a place on.

    checksums: of the contiguous records, from stream_seq `first_seq`.  last: offset and value of the last of them.
    twins, ahead, unread: records that count for nothing.
    comparable: every one is of a newest schema, so that what is derived again has the same bytes.
    """

    first_seq: int
    checksums: "array[int]" = field(default_factory=lambda: array("I"))
    twins: int = 0
    ahead: int = 0
    unread: int = 0
    comparable: bool = True
    last: tuple[int, bytes] = (-1, b"")

    @property
    def end(self) -> Place:
        """The place behind the last contiguous record."""
        offset, value = self.last
        return Place(self.end_seq, offset + 1, sha256(value))

    @property
    def end_seq(self) -> int:
        """The first stream_seq that the log does not have."""
        return self.first_seq + len(self.checksums)

    def take(self, value: bytes, offset: int) -> None:
        """Count one record of the log."""
        seq = stream_seq_of(value)
        if seq is None:
            self.unread += 1
        elif seq < self.end_seq:
            self.twins += 1
        elif seq > self.end_seq:
            self.ahead += 1
        else:
            self.checksums.append(zlib.crc32(value))
            self.comparable = self.comparable and _is_newest(value)
            self.last = offset, value


def _is_newest(value: bytes) -> bool:
    versioned = codec.name_of(value)
    return registry.newest(versioned.partition(".v")[0]) == versioned


@dataclass(slots=True)
class Lane:
    """One partition of an input topic, as the gateway writes it.

    place: where a restart reads on.  tail: what the log had at the start, until the derived records are beyond it.
    """

    topic: str
    partition: int
    place: Place = BEGINNING
    tail: Tail | None = None
    skipped: int = 0

    def has(self, seq: int, value: bytes) -> bool:
        """Whether the log has that record already, so that it need not be written.

        Raises:
            DiffersError: it has another one under that number.
        """
        tail = self.tail
        if tail is None:
            return False
        if seq >= tail.end_seq:
            self._leave_tail()
            return False
        if tail.comparable and tail.checksums[seq - tail.first_seq] != zlib.crc32(value):
            raise DiffersError(
                f"Expected {self.topic}-{self.partition} to have under stream_seq {seq} what the controls and feeds "
                "give, was another record. A feed's journal or the log was altered, or this version has other rules: "
                "nothing is written. `novate replay` shows the difference."
            )
        self.skipped += 1
        if seq == tail.end_seq - 1:
            self._leave_tail()
        return True

    def _leave_tail(self) -> None:
        if self.tail is not None and self.tail.checksums:
            self.place = self.tail.end
        self.tail = None


@dataclass(slots=True)
class Notes:
    """A topic without stream_seqs: rejections and outcomes, known by their identity, of which the first counts."""

    topic: str
    place: Place = BEGINNING
    there: set[Identity] = field(default_factory=set)
    skipped: int = 0

    def take(self, value: bytes, _offset: int) -> None:
        """Count one record of the log."""
        try:
            name, record = codec.decode(value)
        except codec.WireError:
            return  # nobody reads it either
        self.there.add(identity(name, record))

    def has(self, name: str, record: codec.Record) -> bool:
        """Whether the log has that record already."""
        found = bool(self.there) and identity(name, record) in self.there
        self.skipped += found
        return found


def identity(name: str, record: codec.Record) -> Identity:
    """Return what makes two records of a topic without stream_seqs twins."""
    if name == "rejection":
        return record["feed"], record["source_seq"], record["control_id"]
    return name, record.get("control_seq", -1), ""
