"""Lines of a feed as records, and why a line is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.domain.feed import (
    IndexObserved,
    OrderReported,
    QuoteReported,
    SessionClosed,
    SessionOpened,
    TradeReported,
    Unreadable,
)
from streams.gateway.feeds import FeedLine, as_sent, parse_line

AT, AT_US = "2026-08-03T14:00:00.000001Z", 1_785_765_600_000_001
TRADE = {
    "source_seq": 3, "type": "trade", "trade_id": "T1", "contract": "H100-2026-09", "buyer": "M01-H", "seller": "M02-C",
    "lots": 10, "price": "2.350", "at": AT, "trade_type": "block", "buyer_effect": "CLOSE", "seller_effect": "OPEN",
}  # fmt: skip
ROW = "3,T1,H100-2026-09,A,B,10,2.350,2026-08-03T14:00:00Z"
TRADED = TradeReported(
    source_seq=3, trade_id="T1", contract="H100-2026-09", buyer="A", seller="B", lots=10, price_nano=2_350_000_000,
    at_us=AT_US - 1,
)  # fmt: skip


def parsed(fields: object, seq: int = 3) -> object:
    """Parse one record given as JSON value or as raw bytes."""
    original = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return parse_line(FeedLine(seq, original, "f.jsonl line 1"))


def row(text: str, seq: int = 3) -> object:
    """Parse one row as `novate ingest` wraps it."""
    return parsed({"source_seq": seq, "type": "text", "file": "t.csv", "line": 7, "text": text}, seq)


def message(result: object) -> str:
    """Return why a line is unreadable."""
    assert isinstance(result, Unreadable)
    assert (result.source_seq, result.place[:2]) == (3, "f." if result.place.startswith("f") else "t.")
    return result.message


@pytest.mark.parametrize(
    ("fields", "record"),
    [
        (
            {"source_seq": 3, "type": "session_open", "business_date": "2026-08-03"},
            SessionOpened(source_seq=3, business_date=20260803),
        ),
        (
            {"source_seq": 3, "type": "session_close", "business_date": "2026-08-03", "trades": 2, "lots": 9},
            SessionClosed(source_seq=3, business_date=20260803, trades=2, lots=9),
        ),
        (
            {"source_seq": 3, "type": "quote", "contract": "C", "bid": None, "ask": "2.351", "at": AT},
            QuoteReported(source_seq=3, contract="C", bid_nano=None, ask_nano=2_351_000_000, at_us=AT_US),
        ),
        (
            {"source_seq": 3, "type": "observe", "series": "H100", "provider": "x", "price": "2.99",
             "quantity": "1", "at": AT},
            IndexObserved(
                source_seq=3, series="H100", provider="x", price_nano=2_990_000_000, quantity_nano=10**9, at_us=AT_US
            ),
        ),
        (
            {
                "source_seq": 3, "type": "order", "order_id": "O1", "action": "new", "contract": "C", "account": "A",
                "side": "BUY", "lots": 10, "remaining": 4, "price": "2.350", "at": AT,
            },
            OrderReported(
                source_seq=3, order_id="O1", action="new", contract="C", account="A", side="BUY", lots=10, remaining=4,
                price_nano=2_350_000_000, at_us=AT_US,
            ),
        ),
        (
            TRADE,
            TradeReported(
                source_seq=3, trade_id="T1", contract="H100-2026-09", buyer="M01-H", seller="M02-C", lots=10,
                price_nano=2_350_000_000, at_us=AT_US, trade_type="block", buyer_effect="CLOSE", seller_effect="OPEN",
            ),
        ),
    ],
)  # fmt: skip
def test_reads_each_record(fields: dict[str, object], record: object) -> None:
    """Every type of the feed becomes its record, exact to the nano and the microsecond."""
    assert parsed(fields) == record


@pytest.mark.parametrize(("lots", "price"), [(0, "2.35"), (-4, "2.3505"), (10, "-1"), (10**17, "0")])
def test_a_wrong_value_that_can_be_read_is_left_to_the_gateway(lots: int, price: str) -> None:
    """Zero lots, an off-tick or a negative price are records: the gateway refuses them under their own code."""
    assert isinstance(parsed(TRADE | {"lots": lots, "price": price}), TradeReported)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"price": "2,35"}, 'Expected price to be a decimal text like "2.350", was "2,35"'),
        ({"price": "1e3"}, "decimal text"),
        ({"price": True}, "decimal text"),
        ({"price": "NaN"}, "decimal text"),
        ({"price": "٢.٣٥"}, "decimal text"),
        ({"price": "2.3500000001"}, "Expected price to have at most 9 decimals"),
        ({"lots": 1.5}, 'Expected lots to be a whole number, was "1.5"'),
        ({"lots": None}, "Expected lots to be a whole number, was null"),
        ({"lots": 10**18}, "whole number"),
        ({"at": "2026-08-03T14:00:00"}, "instant with a zone"),
        ({"at": "2026-13-03T14:00:00Z"}, "instant with a zone"),
        ({"at": "2026-08-03T14:00:00.0000001Z"}, "instant with a zone"),
        ({"buyer": ""}, "Expected buyer to be a text of 1 to 128"),
        ({"buyer": "A\x00"}, "printable"),
        ({"buyer": "A" * 129}, "1 to 128"),
        ({"trade_type": "swap"}, 'one of regular, block, efrp, spread_leg, was "swap"'),
        ({"buyer_effect": "open"}, "one of OPEN, CLOSE"),
        ({"type": "fill"}, "Expected type to be one of trade, order"),
        ({"type": None}, "Expected type to be one of"),
        ({"colour": "red"}, 'was also "colour"'),
        ({"source_seq": "3"}, 'Expected source_seq to be 3, was "3"'),
    ],
)
def test_says_what_was_expected_and_what_came(change: dict[str, object], expected: str) -> None:
    """A field that cannot be read is named, with what was expected and what stood there."""
    assert expected in message(parsed(TRADE | change))


@pytest.mark.parametrize(
    "line", [b"", b"\xff\xfe", b"{", b"[]", b"3", b"null", b'{"a":NaN}', b"[" * 100_000, b'{"a":' + b"9" * 5_000 + b"}"]
)
def test_what_is_no_record_keeps_its_bytes(line: bytes) -> None:
    """Whatever the bytes are, the result has them, its number, its place and a sentence."""
    result = parse_line(FeedLine(3, line, "f.jsonl line 9"))
    assert isinstance(result, Unreadable)
    assert (result.original, result.source_seq, result.place) == (line, 3, "f.jsonl line 9")
    assert result.message.startswith("Expected")
    assert len(result.message) < 400


def test_a_missing_key_is_named() -> None:
    """A record without one of its keys says which."""
    fields = {key: value for key, value in TRADE.items() if key != "seller"}
    assert "was without seller" in message(parsed(fields))


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    """The parser returns for every line, and what was sent can always be shown."""
    fed = FeedLine(3, line, "f.jsonl line 9")
    parse_line(fed)
    assert as_sent(fed).source_seq == 3


@given(st.text(max_size=60))
def test_no_row_raises(text: str) -> None:
    """The parser returns for every row that a person may write."""
    assert isinstance(row(text), Unreadable | TradeReported)


@given(st.integers(-(10**17), 10**17), st.integers(0, 9))
def test_decimals_are_exact(units: int, decimals: int) -> None:
    """A decimal text comes back as the same number of nanos, however many decimals it is written with."""
    sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(decimals + 1, "0")
    text = sign + (digits if not decimals else f"{digits[:-decimals]}.{digits[-decimals:]}")
    result = parsed(TRADE | {"price": text})
    assert isinstance(result, TradeReported)
    assert result.price_nano == units * 10 ** (9 - decimals)


@pytest.mark.parametrize(
    "text",
    [
        ROW,
        "3, T1 , H100-2026-09,A,B,10,2.350,2026-08-03T14:00:00Z",
        '"3","T1","H100-2026-09","A","B","10","2.350","2026-08-03T16:00:00+02:00"',
        ROW + ",regular,open,OPEN",
        ROW + ",,,",
        json.dumps(
            {"source_seq": 3, "trade_id": "T1", "contract": "H100-2026-09", "buyer": "A", "seller": "B", "lots": 10,
             "price": 2.35, "executed_at": "2026-08-03T14:00:00Z"}
        ),
        json.dumps(TRADE | {"buyer": "A", "seller": "B", "at": "2026-08-03T14:00:00Z", "trade_type": "regular",
                            "buyer_effect": "OPEN"}),
    ],
)  # fmt: skip
def test_reads_a_row_however_it_is_written(text: str) -> None:
    """CSV with blanks or quotes, optional columns, and JSON rows give the same trade."""
    assert row(text) == TRADED


def test_optional_columns_count() -> None:
    """Type and effects of a CSV row are read, in capitals or not."""
    result = row(ROW + ",Block,close,CLOSE")
    assert isinstance(result, TradeReported)
    assert (result.trade_type, result.buyer_effect, result.seller_effect) == ("block", "CLOSE", "CLOSE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" + ROW[1:], 'Expected source_seq to be 3, was "x'),
        ("4" + ROW[1:], 'Expected source_seq to be 3, was "4"'),
        ("3,T1", "Expected 8 to 11 columns, was 2"),
        ('3,"T1', "Expected one row of CSV"),
        (ROW.replace("2026-08-03T14:00:00Z", "yesterday"), "Expected executed_at to be an instant"),
        ('{"source_seq":3,"trade_id":"T1"}', "was without contract"),
        ('{"source_seq":3,', "Expected a JSON object"),
        ('{"source_seq":3,"type":"text"}', "Expected type to be one of"),
        (ROW + ",swap", "Expected trade_type to be one of"),
    ],
)
def test_a_bad_row_keeps_its_text_and_place(text: str, expected: str) -> None:
    """A row that cannot be read gives its own text, file and line, not those of the journal's record."""
    result = row(text)
    assert expected in message(result)
    assert isinstance(result, Unreadable)
    assert (result.original, result.place) == (text.encode(), "t.csv line 7")


def test_what_was_sent_of_a_row() -> None:
    """as_sent unwraps a row, gives back bytes that were not UTF-8, and leaves every other line as it is."""
    wrapped = json.dumps({"source_seq": 3, "type": "text", "file": "t.csv", "line": 7, "text": "3,\udcff"}).encode()
    assert as_sent(FeedLine(3, wrapped, "f.jsonl line 1")) == FeedLine(3, b"3,\xff", "t.csv line 7")
    assert "Expected UTF-8" in message(parse_line(FeedLine(3, wrapped, "f.jsonl line 1")))
    for other in (b"junk", json.dumps(TRADE).encode(), b'{"type":"text"}'):
        line = FeedLine(3, other, "f.jsonl line 1")
        assert as_sent(line) is line
