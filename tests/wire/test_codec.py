"""The official `avro` package as the oracle: the hot paths read and write the same bytes as the reference does."""

import io
import json
from functools import cache
from typing import Any

import pytest
from avro.io import BinaryDecoder, BinaryEncoder, DatumReader, DatumWriter
from avro.schema import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.wire import codec, registry
from settlement.wire.columns import SHORT_RUN, BrokenValueError, Columns
from tests.wire.compatibility import Schema

VERSIONED = sorted(registry.ids().values())
_NUMBERS = {"int": 31, "long": 63}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of an Avro type, its extremes included."""
    if isinstance(kind, list):
        return st.one_of([values_of(each) for each in kind])
    if isinstance(kind, dict):
        match kind["type"]:
            case "record":
                return st.fixed_dictionaries({field["name"]: values_of(field["type"]) for field in kind["fields"]})
            case "enum":
                return st.sampled_from(kind["symbols"])
            case "array":
                return st.lists(values_of(kind["items"]), max_size=3)
            case named:
                return values_of(named)
    if kind in _NUMBERS:
        limit = 1 << _NUMBERS[kind]
        return st.integers(-limit, limit - 1) | st.sampled_from([-limit, -1, 0, 63, 64, limit - 1])
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return {"string": texts, "bytes": st.binary(max_size=12), "boolean": st.booleans(), "null": st.none()}[kind]


def reference_encode(versioned: str, record: dict[str, Any]) -> bytes:
    """Return the framed bytes as the official package writes them."""
    out = io.BytesIO()
    DatumWriter(_reference(versioned)).write(record, BinaryEncoder(out))
    return registry.frame(versioned) + out.getvalue()


def reference_decode(value: bytes) -> Any:
    """Return the record as the official package reads it."""
    schema = _reference(codec.name_of(value))
    return DatumReader(schema, schema).read(BinaryDecoder(io.BytesIO(value[registry.FRAME_BYTES :])))


@cache
def _reference(versioned: str) -> Any:
    return parse(json.dumps(registry.schema(versioned)))


def names_of(schema: Schema) -> list[str]:
    """Return a record's fields."""
    return [field["name"] for field in schema["fields"]]


def _is_flat(versioned: str) -> bool:
    return not any(_is_array(field["type"]) for field in registry.schema(versioned)["fields"])


def _is_array(kind: Any) -> bool:
    return isinstance(kind, dict) and kind["type"] == "array"


@pytest.mark.parametrize("versioned", VERSIONED)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_single_records_are_as_the_reference_writes_and_reads_them(versioned: str, data: st.DataObject) -> None:
    """`encode` gives the reference's bytes, and `decode` what the reference reads."""
    record = data.draw(values_of(registry.schema(versioned)))
    value = codec.encode(versioned, record)
    assert value == reference_encode(versioned, record)
    assert codec.decode(value) == (versioned.partition(".v")[0], record)
    assert reference_decode(value) == record


@pytest.mark.parametrize(
    "versioned", [name for name in VERSIONED if _is_flat(name)]
)  # records with arrays never come in masses
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_runs_are_read_as_the_reference_reads_each_value(versioned: str, data: st.DataObject) -> None:
    """Columns of a run, decoded at once or one by one, hold what the reference reads of every value."""
    schema = registry.schema(versioned)
    columns, name = names_of(schema), versioned.partition(".v")[0]
    records = data.draw(st.lists(values_of(schema), min_size=1, max_size=2 * SHORT_RUN))
    values = [reference_encode(versioned, record) for record in records]
    decode = Columns({name: columns})
    (piece,) = decode(b"".join(values), [len(value) for value in values])
    assert (piece.name, piece.first, piece.count) == (name, 0, len(records))
    assert piece.frame is not None
    assert piece.frame.to_dicts() == [reference_decode(value) for value in values]
    assert decode.slow_runs == (0 if len(values) >= SHORT_RUN else 1)


FILL = registry.schema("fill.v1")


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_damage_is_named_by_its_place(data: st.DataObject) -> None:
    """Bytes cut off, added, changed in the frame, or of an unknown schema are refused at their place, not before."""
    records = data.draw(st.lists(values_of(FILL), min_size=1, max_size=2 * SHORT_RUN))
    values = [reference_encode("fill.v1", record) for record in records]
    at = data.draw(st.integers(0, len(values) - 1))
    sound = values[at]
    values[at] = data.draw(
        st.sampled_from(
            [sound[:-1], sound[: len(sound) // 2], sound[:3], b"", sound + b"\0", b"\1" + sound[1:],
             b"\0\0\0\0\x7f" + sound[5:], b"\0\0\0\0\0" + sound[5:], sound + sound]
        )
    )  # fmt: skip
    with pytest.raises(BrokenValueError) as broken:
        Columns({"fill": names_of(FILL)})(b"".join(values), [len(value) for value in values])
    assert broken.value.at == at
    assert sum(piece.count for piece in broken.value.pieces) == at


@pytest.mark.parametrize("at", range(SHORT_RUN))
def test_two_records_in_one_value_are_refused(at: int) -> None:
    """A value with a whole record too many pushes no later record out of the run."""
    zeros = {field["name"]: "" if field["type"] == "string" else 0 for field in FILL["fields"]}
    record = {**zeros, "side": "BUY", "position_effect": "OPEN"}
    values = [codec.encode("fill.v1", {**record, "stream_seq": seq}) for seq in range(SHORT_RUN)]
    values[at] += values[at]
    with pytest.raises(BrokenValueError) as broken:
        Columns({"fill": names_of(FILL)})(b"".join(values), [len(value) for value in values])
    assert broken.value.at == at


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_mixed_runs_read_as_alone(data: st.DataObject) -> None:
    """Records of several schemas in one run give, in order, what each gives alone."""
    names = data.draw(st.lists(st.sampled_from(["fill.v1", "cut.v1", "prices.v1", "listing.v1"]), max_size=30))
    values = [reference_encode(name, data.draw(values_of(registry.schema(name)))) for name in names]
    decode = Columns({"fill": names_of(FILL)})
    together = [row for piece in decode(b"".join(values), [len(value) for value in values]) for row in _rows(piece)]
    alone = [row for value in values for piece in decode(value, [len(value)]) for row in _rows(piece)]
    assert together == alone
    assert len(together) == len(values)


def _rows(piece: Any) -> list[tuple[str, dict[str, Any]]]:
    rows = piece.frame.to_dicts() if piece.frame is not None else list(piece.records)
    return [(piece.name, row) for row in rows]


@pytest.mark.parametrize(
    "record",
    [{}, {"stream_seq": 1}, {"stream_seq": "1"}, {"lotz": 1}],
    ids=["nothing", "one field", "text for a number", "a name misspelt"],
)
def test_a_record_that_does_not_fit_is_not_written(record: dict[str, Any]) -> None:
    """Missing, mistyped and misspelt fields are refused, never written as null or a default."""
    with pytest.raises(codec.WireError, match=r"Expected a record of fill\.v1"):
        codec.encode("fill", record)


def test_numbers_beyond_64_bits_are_not_written() -> None:
    """A number that does not fit is refused, never wrapped."""
    record = dict.fromkeys(("stream_seq", "lots"), 0) | {"account": "A", "contract": "C", "long": 0, "short": 0}
    for number in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(codec.WireError):
            codec.encode("position", {**record, "lots": number})
