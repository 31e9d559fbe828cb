"""What one version of a record may differ from another in, so that readers of both can read both.

Avro's own check lets a changed logical type, scale or enum pass, and money would change its value in silence; so on top
of it a field that both versions have must be the very same.
"""

import json
from collections.abc import Iterator
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

Schema = dict[str, Any]


def differences(old: Schema, new: Schema) -> list[str]:
    """Return why these two versions cannot both be read by readers of either; empty when they can."""
    both = (*_avro(old, new, "the new version reads the old"), *_avro(new, old, "the old version reads the new"))
    return [*both, *_records(old["name"], old, new)]


def _avro(writer: Schema, reader: Schema, what: str) -> Iterator[str]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro types only half of itself
    result = checker.get_compatibility(_parsed(reader), _parsed(writer))
    if result.compatibility is not SchemaCompatibilityType.compatible:
        yield f"Expected that {what}, was: {', '.join(sorted(result.messages))}."


def _parsed(schema: Schema) -> Any:
    return parse(json.dumps(schema))


def _records(place: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = ({field["name"]: field for field in version["fields"]} for version in (old, new))
    for name in before.keys() - after.keys():
        if "default" not in before[name]:
            yield f"Expected a default of {place}.{name} in the old version, since the new one lacks the field."
    for name in after.keys() - before.keys():
        if "default" not in after[name]:
            yield f"Expected a default of {place}.{name} in the new version, since the old one lacks the field."
    for name in before.keys() & after.keys():
        yield from _types(f"{place}.{name}", before[name]["type"], after[name]["type"])


def _types(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict) and old["type"] == new["type"]:
        if old["type"] == "record":
            yield from _records(place, old, new)
            return
        if old["type"] == "array":
            yield from _types(f"{place}[]", old["items"], new["items"])
            return
    if _bare(old) != _bare(new):
        yield f"Expected {place} unchanged, was {_bare(old)} and is {_bare(new)}."


def _bare(kind: Any) -> Any:
    """Return the type without its documentation."""
    if isinstance(kind, list):
        return [_bare(each) for each in kind]
    if isinstance(kind, dict):
        return {key: _bare(value) for key, value in kind.items() if key != "doc"}
    return kind
