"""The released schemas and their ids, read once from the data folder `schemas/`."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Schema = dict[str, Any]
FRAME_BYTES = 5


class UnknownSchemaError(ValueError):
    """A schema name or id is not in `schemas/ids.json`."""


def schema_folder() -> Traversable:
    """Return the folder of the .avsc files: inside the wheel, or beside the source in a checkout."""
    packed = files("settlement") / "_schemas"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "schemas"


@cache
def ids() -> dict[int, str]:
    """Return every released id and its schema, as {1: "control.v1"}."""
    listed: dict[str, str] = json.loads((schema_folder() / "ids.json").read_text(encoding="utf-8"))
    return {int(number): name for number, name in listed.items()}


@cache
def schema(versioned_name: str) -> Schema:
    """Return one schema by its versioned name, for example `fill.v1`."""
    if versioned_name not in ids().values():
        message = f"Expected a schema of schemas/ids.json, was {versioned_name!r}."
        raise UnknownSchemaError(message)
    read: Schema = json.loads((schema_folder() / f"{versioned_name}.avsc").read_text(encoding="utf-8"))
    return read


@cache
def newest(name: str) -> str:
    """Return the newest version of a record, for example `fill.v2` for `fill`."""
    versions = [listed for listed in ids().values() if listed.partition(".v")[0] == name]
    if not versions:
        message = f"Expected a record of schemas/ids.json, was {name!r}."
        raise UnknownSchemaError(message)
    return max(versions, key=lambda listed: int(listed.partition(".v")[2]))


@cache
def frame(versioned_name: str) -> bytes:
    """Return the five bytes before every value of that schema: 0 and the id, big endian (the Confluent framing)."""
    number = next((number for number, listed in ids().items() if listed == versioned_name), None)
    if number is None:
        message = f"Expected a schema of schemas/ids.json, was {versioned_name!r}."
        raise UnknownSchemaError(message)
    return b"\0" + number.to_bytes(4, "big")


@cache
def schemas_sha256() -> str:
    """Return one hash over all schemas and ids: a snapshot of other schemas is not restored."""
    digest = hashlib.sha256()
    for number, name in sorted(ids().items()):
        digest.update(f"{number} {name} {json.dumps(schema(name), sort_keys=True)}\n".encode())
    return digest.hexdigest()
