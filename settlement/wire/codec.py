"""Single records to and from their framed Avro bytes; strict in both directions."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.schema import parse_schema

from settlement.wire import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastavro.types import Schema as ParsedSchema

Record = dict[str, Any]


class WireError(ValueError):
    """Bytes that are not exactly one framed record of a known schema, or a record that its schema does not take."""


@cache
def _parsed(versioned_name: str) -> ParsedSchema:
    return parse_schema(registry.schema(versioned_name))


def encode(name: str, record: Mapping[str, Any]) -> bytes:
    """Return a record's framed bytes, in its newest version or, for a name like `fill.v1`, in that one.

    Raises:
        WireError: a field is missing, misspelt or of another type than the schema's.
    """
    versioned = name if ".v" in name else registry.newest(name)
    out = io.BytesIO()
    out.write(registry.frame(versioned))
    try:
        fastavro.schemaless_writer(out, _parsed(versioned), record, strict=True)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        message = f"Expected a record of {versioned}, was {dict(record)!r}: {error}."
        raise WireError(message) from error
    return out.getvalue()


def decode(value: bytes) -> tuple[str, Record]:
    """Return the record's name without version (`fill`) and its fields.

    Raises:
        WireError: the frame, the schema id or the body is not as agreed, or bytes are left over.
    """
    versioned = name_of(value)
    body = io.BytesIO(value)
    body.seek(registry.FRAME_BYTES)
    try:
        record = fastavro.schemaless_reader(body, _parsed(versioned), None)
    except (ValueError, TypeError, EOFError, IndexError, KeyError, MemoryError, OverflowError) as error:
        message = f"Expected a record of {versioned} in {len(value)} bytes, was undecodable: {error!r}."
        raise WireError(message) from error
    left = len(value) - body.tell()
    if left or not isinstance(record, dict):
        message = f"Expected the end after a record of {versioned}, was {left} more bytes."
        raise WireError(message)
    return versioned.partition(".v")[0], record


def name_of(value: bytes) -> str:
    """Return the versioned schema name that a value's frame gives.

    Raises:
        WireError: there is no frame, or its id is not released.
    """
    head = value[: registry.FRAME_BYTES]
    number = int.from_bytes(head[1:], "big")
    name = registry.ids().get(number)
    if len(head) < registry.FRAME_BYTES or head[0] or name is None:
        message = f"Expected a frame of 0 and a known schema id, was {head.hex(' ')}."
        raise WireError(message)
    return name
