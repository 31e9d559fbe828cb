"""The gate for schemas: released ones never change, versions read each other both ways, every field says what it is."""

import copy
from itertools import combinations
from typing import Any

import pytest

from settlement.wire import registry
from streams.shard import INPUT_RECORDS
from tests.wire.compatibility import Schema, differences
from tests.wire.release import current, released

NAMES = sorted({name.partition(".v")[0] for name in registry.ids().values()})
ALLOWED = {"null", "boolean", "int", "long", "string", "bytes", "record", "enum", "array"}


def versions(name: str) -> list[Schema]:
    """Return every version of a record, the oldest first."""
    named = (listed for listed in registry.ids().values() if listed.partition(".v")[0] == name)
    return [registry.schema(listed) for listed in sorted(named, key=lambda listed: int(listed.partition(".v")[2]))]


def every_type(kind: Any) -> list[Any]:
    """Return a type and all types inside it."""
    if isinstance(kind, list):
        return [inner for each in kind for inner in every_type(each)]
    if not isinstance(kind, dict):
        return [kind]
    inside = [field["type"] for field in kind.get("fields", [])] + ([kind["items"]] if "items" in kind else [])
    return [kind, *(inner for each in inside for inner in every_type(each))]


@pytest.mark.parametrize("name", NAMES)
def test_every_version_reads_every_other(name: str) -> None:
    """Each version of a record against every later one, both ways."""
    for old, new in combinations(versions(name), 2):
        assert differences(old, new) == []


@pytest.mark.parametrize("versioned", registry.ids().values())
def test_every_schema_is_of_the_house(versioned: str) -> None:
    """Every record and field has a doc; no float, map, logical type or enum default; input begins with stream_seq."""
    schema = registry.schema(versioned)
    assert schema["name"] == versioned.partition(".v")[0]
    for kind in every_type(schema):
        if isinstance(kind, dict):
            assert kind["type"] in ALLOWED
            assert not kind.keys() & {"logicalType", "scale", "precision", "default"}
            if kind["type"] == "record":
                assert kind["doc"], f"{kind['name']} says what it is"
                assert all(field.get("doc") for field in kind["fields"]), f"every field of {kind['name']} has a doc"
        else:
            assert kind in ALLOWED
    if schema["name"] in INPUT_RECORDS:
        assert schema["fields"][0]["name"] == "stream_seq"


def test_released_schemas_never_change() -> None:
    """Ids are given once and for ever, and what was released under one stays as it was."""
    assert all(1 <= number <= 127 for number in registry.ids()), "one byte in the log's frame, for every reader"
    assert len(set(registry.ids().values())) == len(registry.ids())
    before, now = released(), current()
    for number, entry in before.items():
        assert now.get(number) == entry, f"id {number}: make a new version, and never change or drop a released one"
    assert now.keys() == before.keys(), "`python -m tests.wire.release` records the new schemas"


FIELD = {"name": "lots", "type": "long", "doc": "."}
SIDE = {"name": "side", "type": {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}}
PRICE = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6}}
AT = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}


def of(*fields: Schema) -> Schema:
    """Return a record of these fields."""
    return {"type": "record", "name": "fill", "fields": [copy.deepcopy(field) for field in fields]}


def changed(field: Schema, **type_changes: object) -> Schema:
    """Return the field with another type."""
    return {**field, "type": {**field["type"], **type_changes}}


def many(field: Schema) -> Schema:
    """Return an array of records of one field."""
    return {"name": "legs", "type": {"type": "array", "items": {**of(field), "name": "leg"}}}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (of(AT), of(changed(AT, logicalType="timestamp-micros")), "Expected fill.at unchanged"),
        (of(PRICE), of(changed(PRICE, scale=8)), "Expected fill.price unchanged"),
        (of(SIDE), of(changed(SIDE, symbols=["BUY", "SELL", "SHORT"])), "Expected fill.side unchanged"),
        (of(SIDE), of(changed(SIDE, symbols=["SELL", "BUY"])), "Expected fill.side unchanged"),
        (of(SIDE), of(changed(SIDE, default="BUY")), "Expected fill.side unchanged"),
        (of(FIELD), of({**FIELD, "type": "double"}), "Expected fill.lots unchanged"),
        (of(FIELD), of({**FIELD, "type": ["null", "long"]}), "Expected fill.lots unchanged"),
        (of(FIELD), of(FIELD, {"name": "more", "type": "long"}), "Expected a default of fill.more in the new version"),
        (of(FIELD, {"name": "less", "type": "long"}), of(FIELD), "Expected a default of fill.less in the old version"),
        (of(FIELD), of({**FIELD, "name": "size"}), "Expected a default of fill.size in the new version"),
        (
            of(many(AT)),
            of(many(changed(AT, logicalType="timestamp-micros"))),
            "Expected fill.legs[].at unchanged",
        ),
    ],
    ids=["millis to micros", "scale", "symbol added", "symbols moved", "enum default", "float", "nullable", "added",
         "dropped", "renamed", "inside an array"],
)  # fmt: skip
def test_the_gate_refuses(old: Schema, new: Schema, why: str) -> None:
    """Changes that alter a value's meaning, some of which Avro's own check lets pass, are refused both ways."""
    assert any(difference.startswith(why) for difference in differences(old, new))
    assert differences(new, old)


def test_the_gate_lets_pass() -> None:
    """A new field with a default, and better words, are what a new version may bring."""
    assert (
        differences(of(FIELD), of({**FIELD, "doc": "Better."}, {"name": "venue", "type": "string", "default": ""}))
        == []
    )
