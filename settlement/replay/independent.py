"""The log record by record: fastavro and the schema files, and a reading of twins and holes of its own.

Shares nothing with the fast reader (`settlement.wire.columns`, `settlement.folds.continuity`) but the schemas and the
form of a piece.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import fastavro

from settlement.run.breach import Breach, BreachError, Place
from settlement.run.fills_log import Run, broken
from settlement.wire.columns import BrokenValueError, Piece
from settlement.wire.registry import schema_folder

_FRAME_BYTES = 5


@cache
def _schemas() -> dict[bytes, tuple[str, Any]]:
    """Return name and parsed schema by the five bytes that stand before each value."""
    folder = schema_folder()
    listed: dict[str, str] = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
    return {
        b"\0" + int(number).to_bytes(4, "big"): (
            name.partition(".v")[0],
            fastavro.parse_schema(json.loads((folder / f"{name}.avsc").read_text(encoding="utf-8"))),
        )
        for number, name in listed.items()
    }


def decode(values: Sequence[bytes]) -> list[Piece]:
    """Return each value as a piece of its own.

    Raises:
        BrokenValueError: a value is not exactly one record of a known schema.
    """
    return [_piece(at, value) for at, value in enumerate(values)]


def _piece(at: int, value: bytes) -> Piece:
    known = _schemas().get(value[:_FRAME_BYTES])
    if known is None:
        raise BrokenValueError(at, f"its frame {value[:_FRAME_BYTES].hex(' ')} is of no known schema.", [])
    body = io.BytesIO(value)
    body.seek(_FRAME_BYTES)
    try:
        record = fastavro.schemaless_reader(body, known[1], None)
    except (ValueError, TypeError, EOFError, IndexError, KeyError, MemoryError, OverflowError) as error:
        raise BrokenValueError(at, f"it does not decode as {known[0]}: {error!r}.", []) from error
    if body.tell() != len(value) or not isinstance(record, dict):
        raise BrokenValueError(at, f"{len(value) - body.tell()} bytes are left behind a record of {known[0]}.", [])
    return Piece(name=known[0], first=at, count=1, records=(record,))


class PlainFills:
    """The clearing log by stream_seq: the first record of each number counts, every other one must equal it."""

    def __init__(self, partitions: int) -> None:
        """Begin with nothing."""
        self._values: list[dict[int, bytes]] = [{} for _ in range(partitions)]
        self._pieces: list[dict[int, Piece]] = [{} for _ in range(partitions)]
        self._hashes: list[list[bytes]] = [[] for _ in range(partitions)]
        self.twins = 0

    def take(self, run: Run) -> list[Piece]:
        """Return what continues the log.

        Raises:
            BreachError: a value cannot be read, or a twin differs from its original.
        """
        try:
            pieces = decode(run.values)
        except BrokenValueError as error:
            raise broken(run, error) from error
        for at, piece in enumerate(pieces):
            self._take(run, at, piece)
        return self._continued(run.partition)

    def next_seq(self, partition: int) -> int:
        """Return the first stream_seq that is not there."""
        return len(self._hashes[partition])

    def hash_at(self, partition: int, stream_seq: int) -> bytes:
        """Return the rolling hash after a record."""
        return self._hashes[partition][stream_seq]

    def holes(self) -> dict[int, int]:
        """Return the stream_seq that is missing, by partition."""
        return {p: self.next_seq(p) for p, values in enumerate(self._values) if len(values) > self.next_seq(p)}

    def _take(self, run: Run, at: int, piece: Piece) -> None:
        stream_seq = piece.records[0]["stream_seq"]
        known = self._values[run.partition].get(stream_seq)
        if known is None:
            self._values[run.partition][stream_seq] = run.values[at]
            self._pieces[run.partition][stream_seq] = piece
            return
        self.twins += 1
        if known != run.values[at]:
            message = (
                f"Expected the record at {run.place(at)} to repeat stream_seq {stream_seq} byte for byte, "
                "was another record."
            )
            place = Place(run.partition, stream_seq)
            raise BreachError([Breach(rule="TWIN_DIFFERS", message=message, stream_seqs=(place,))])

    def _continued(self, partition: int) -> list[Piece]:
        hashes, pieces, found = self._hashes[partition], self._pieces[partition], []
        while (piece := pieces.pop(len(hashes), None)) is not None:
            before = hashes[-1] if hashes else bytes(32)
            hashes.append(hashlib.sha256(before + self._values[partition][len(hashes)]).digest())
            found.append(piece)
        return found
