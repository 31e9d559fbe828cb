"""Runs of framed Avro values as columns, without work per value.

The values of a fetched run lie joined as they came, frame included, in ONE block of an Avro file made in memory; one
`polars.read_avro` call decodes
them. The frame column of every row proves where each value begins, and a sentinel row behind the last one proves
where that ends. Whatever does
not decode whole is taken apart into runs of one schema and, within a run that does not decode, record by record: so a
control or another schema
version in the middle reads the same as alone, and a bad value is named by its place.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from settlement.wire import codec, registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SYNC = bytes(16)
_FRAME = "_frame"
# No value has it: where it comes out is the end of what was read, since polars leaves unread what lies behind it.
_SENTINEL_FRAME = b"\xff" * registry.FRAME_BYTES
SHORT_RUN = 8  # values: below it single decoding (6 us each) costs less than a call of polars (60 us)


class BrokenValueError(codec.WireError):
    """A value of a run cannot be read; `at` is its place in the run, `pieces` what stands soundly before it."""

    def __init__(self, at: int, why: str, pieces: list[Piece]) -> None:
        super().__init__(why)
        self.at, self.pieces = at, pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive values of one record: columns for a columnar record, else one mapping a value.

    first: place of the first value in the run.  count: number of values.
    """

    name: str
    first: int
    count: int
    frame: pl.DataFrame | None = None
    records: tuple[codec.Record, ...] = ()


class Columns:
    """Decodes runs of values; `columnar` names the records that come in masses, and the columns wanted."""

    def __init__(self, columnar: Mapping[str, Sequence[str]]) -> None:
        self._wanted = {name: list(columns) for name, columns in columnar.items()}
        self.slow_runs = 0

    def __call__(self, body: bytes, lengths: Sequence[int]) -> list[Piece]:
        """Return the values of one run, in order, as pieces of one record each.

        body: the framed values, joined.  lengths: bytes of each value.

        Raises:
            BrokenValueError: a value has no known frame, does not decode, is cut off or has bytes left over.
        """
        if not lengths:
            return []
        versioned = registry.ids().get(int.from_bytes(body[1 : registry.FRAME_BYTES], "big"), "")
        name = versioned.partition(".v")[0]
        if (
            name in self._wanted
            and len(lengths) >= SHORT_RUN
            and (frame := self._block(versioned, body, len(lengths))) is not None
        ):
            return [Piece(name=name, first=0, count=len(lengths), frame=frame)]
        self.slow_runs += 1
        return self._runs([body[start:end] for start, end in pairwise(accumulate(lengths, initial=0))])

    def _runs(self, values: list[bytes]) -> list[Piece]:
        pieces: list[Piece] = []
        at = 0
        for _, group in groupby(values, key=lambda value: value[: registry.FRAME_BYTES]):
            run = list(group)
            self._run(run, at, pieces)
            at += len(run)
        return pieces

    def _run(self, run: list[bytes], at: int, pieces: list[Piece]) -> None:
        try:
            versioned = codec.name_of(run[0])
        except codec.WireError as error:
            raise BrokenValueError(at, str(error), pieces) from error
        name = versioned.partition(".v")[0]
        if (
            name in self._wanted
            and len(run) >= SHORT_RUN
            and (frame := self._block(versioned, b"".join(run), len(run))) is not None
        ):
            pieces.append(Piece(name=name, first=at, count=len(run), frame=frame))
            return
        records: list[codec.Record] = []
        for i, value in enumerate(run):
            try:
                records.append(codec.decode(value)[1])
            except codec.WireError as error:
                if records:
                    pieces.append(self._single(name, at, records))
                raise BrokenValueError(at + i, str(error), pieces) from error
        pieces.append(self._single(name, at, records))

    def _single(self, name: str, at: int, records: list[codec.Record]) -> Piece:
        wanted = self._wanted.get(name)
        if wanted is None:
            return Piece(name=name, first=at, count=len(records), records=tuple(records))
        defaults = _defaults(name)
        rows = [{column: record.get(column, defaults.get(column)) for column in wanted} for record in records]
        frame = pl.DataFrame(rows, schema={column: _types(name)[column] for column in wanted}, orient="row")
        return Piece(name=name, first=at, count=len(records), frame=frame)

    def _block(self, versioned: str, body: bytes, count: int) -> pl.DataFrame | None:
        """Decode values of one schema at once; None when anything is not as agreed: the slow way names it."""
        name = versioned.partition(".v")[0]
        wanted, held = self._wanted[name], _field_names(versioned)
        sentinel = _sentinel(versioned)
        if (
            body.count(registry.frame(versioned)) < count
        ):  # another schema is among them: polars would panic and print before it fails
            return None
        block = b"".join(
            (_head(versioned), _zigzag(count + 1), _zigzag(len(body) + len(sentinel)), body, sentinel, _SYNC)
        )
        try:
            read = pl.read_avro(io.BytesIO(block), columns=[_FRAME, *[column for column in wanted if column in held]])
        except BaseException as error:  # polars panics, which are BaseExceptions, on some bytes
            if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
                raise
            return None
        frames = read.get_column(_FRAME)
        if read.height != count + 1 or frames[count] != _SENTINEL_FRAME:  # a value was two records, or half of one
            return None
        if frames.head(count).n_unique() != 1 or frames[0] != registry.frame(versioned):
            return None
        types, defaults = _types(name), _defaults(name)
        return read.head(count).select(
            [(pl.col(c) if c in held else pl.lit(defaults[c])).cast(types[c]).alias(c) for c in wanted]
        )


def _zigzag(number: int) -> bytes:
    """Return an Avro long."""
    number, out = (number << 1) ^ (number >> 63), bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@cache
def _head(versioned: str) -> bytes:
    schema = registry.schema(versioned)
    fields = [{key: field[key] for key in ("name", "type")} for field in schema["fields"]]  # polars fails on a default
    frame = {"name": _FRAME, "type": {"type": "fixed", "name": "Frame", "size": registry.FRAME_BYTES}}
    framed = {**schema, "fields": [frame, *fields]}
    meta = json.dumps(framed).encode()
    entries = (b"avro.schema", meta), (b"avro.codec", b"null")
    packed = b"".join(_zigzag(len(part)) + part for entry in entries for part in entry)
    return b"Obj\1" + _zigzag(len(entries)) + packed + _zigzag(0) + _SYNC


@cache
def _sentinel(versioned: str) -> bytes:
    """Return zeros of that schema behind a frame of their own; they must come out behind the last value of a block."""
    zeros = {field["name"]: _zero(field["type"]) for field in registry.schema(versioned)["fields"]}
    return _SENTINEL_FRAME + codec.encode(versioned, zeros)[registry.FRAME_BYTES :]


def _zero(kind: Any) -> Any:  # noqa: ANN401  an Avro type is a name, a list or a mapping
    if isinstance(kind, list):
        return _zero(kind[0])
    if isinstance(kind, dict):
        return kind["symbols"][0] if kind["type"] == "enum" else _zero(kind["type"])
    return {"string": "", "bytes": b"", "boolean": False, "null": None, "array": []}.get(kind, 0)


@cache
def _field_names(versioned: str) -> frozenset[str]:
    return frozenset(field["name"] for field in registry.schema(versioned)["fields"])


@cache
def _types(name: str) -> dict[str, pl.DataType]:
    return {field["name"]: _type(field["type"]) for field in registry.schema(registry.newest(name))["fields"]}


def _type(kind: Any) -> pl.DataType:  # noqa: ANN401  an Avro type is a name, a list or a mapping
    if isinstance(kind, list):
        return _type(kind[1])
    if isinstance(kind, dict):
        return pl.String() if kind["type"] == "enum" else _type(kind["type"])
    return {
        "string": pl.String(),
        "long": pl.Int64(),
        "int": pl.Int32(),
        "boolean": pl.Boolean(),
        "bytes": pl.Binary(),
    }[kind]


@cache
def _defaults(name: str) -> dict[str, Any]:
    return {
        field["name"]: field["default"]
        for field in registry.schema(registry.newest(name))["fields"]
        if "default" in field
    }
