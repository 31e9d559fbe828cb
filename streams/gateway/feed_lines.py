"""A feed's lines as records: what the exchange sends, and the rows that people send through `novate ingest`.

A row is CSV with the columns of `ROW_COLUMNS` or a JSON object with the same keys. It travels in a record of type
`text`, exactly as it was written, so that a row which cannot be accepted is rejected with its original, its file and
its line.
"""

import csv
from collections.abc import Callable
from typing import Final

from settlement.domain.feed import (
    TRADE_TYPES,
    FeedRecord,
    IndexObserved,
    OrderReported,
    QuoteReported,
    SessionClosed,
    SessionOpened,
    TradeReported,
    Unreadable,
)
from streams.gateway.feed_fields import (
    FieldError,
    as_source_seq,
    business_date,
    instant_us,
    loads,
    nano,
    shown,
    text,
    whole,
    word,
)
from streams.gateway.file_feed import FeedLine

ROW_COLUMNS: Final = ("source_seq", "trade_id", "contract", "buyer", "seller", "lots", "price", "executed_at")
OPTIONAL_COLUMNS: Final = ("trade_type", "buyer_effect", "seller_effect")
"""May follow the required columns, in this order."""

SIDES: Final = ("BUY", "SELL")
ACTIONS: Final = ("new", "replaced", "filled", "cancelled")
EFFECTS: Final = ("OPEN", "CLOSE")

Fields = dict[str, object]


def parse_line(line: FeedLine) -> FeedRecord | Unreadable:
    """Return the record of one line, or why it cannot be read; never raises for what a sender wrote."""
    try:
        fields = _object(loads(line.original))
        if fields.get("type") == "text":
            return _parse_text(line, fields)
        return _record(line.source_seq, fields)
    except FieldError as error:
        return Unreadable(source_seq=line.source_seq, original=line.original, place=line.place, message=str(error))
    except ValueError as error:  # not UTF-8, or not JSON
        was = shown(line.original.decode("utf-8", "backslashreplace"))
        message = f"Expected a JSON object on one line, was {was} ({error})"
        return Unreadable(source_seq=line.source_seq, original=line.original, place=line.place, message=message)


def as_sent(line: FeedLine) -> FeedLine:
    """Return the line as its sender wrote it, for rejections: of a `text` record the row, its file and its line."""
    try:
        fields = _object(loads(line.original))
        if fields.get("type") != "text":
            return line
        row, place = _row_and_place(fields)
    except ValueError:
        return line
    return FeedLine(line.source_seq, row.encode("utf-8", "surrogateescape"), place)


def row_fields(row: str) -> Fields:
    """Return the fields of one row, CSV or JSON, by name; blanks around CSV fields do not count.

    Raises:
        FieldError: the row has another number of columns, quotes that do not close, or is not JSON.
    """
    if row.lstrip().startswith("{"):
        try:
            return _object(loads(row))
        except FieldError:
            raise
        except ValueError as error:
            raise FieldError(f"Expected a JSON object on one line, was {shown(row)} ({error})") from None
    try:
        parsed = list(csv.reader([row], strict=True))
    except csv.Error as error:
        raise FieldError(f"Expected one row of CSV, was {shown(row)} ({error})") from None
    columns = [column.strip() for column in parsed[0]] if parsed else []
    names = ROW_COLUMNS + OPTIONAL_COLUMNS
    if not len(ROW_COLUMNS) <= len(columns) <= len(names):
        raise FieldError(f"Expected {len(ROW_COLUMNS)} to {len(names)} columns, was {len(columns)}: {shown(row)}")
    return dict(zip(names, columns, strict=False))


def row_source_seq(fields: Fields) -> int | None:
    """Return the number that a row names, or None when it cannot be read."""
    value = fields.get("source_seq")
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18:
        return int(value)
    return as_source_seq(value)


def _parse_text(line: FeedLine, fields: Fields) -> FeedRecord | Unreadable:
    row, place = _row_and_place(fields)
    original = row.encode("utf-8", "surrogateescape")
    try:
        if not row.isascii() and any("\ud800" <= character <= "\udfff" for character in row):
            raise FieldError(f"Expected UTF-8, was {shown(row)}")
        return _row(line.source_seq, row_fields(row))
    except FieldError as error:
        return Unreadable(source_seq=line.source_seq, original=original, place=place, message=str(error))


def _row_and_place(fields: Fields) -> tuple[str, str]:
    row, file = fields.get("text"), fields.get("file")
    if not isinstance(row, str) or not isinstance(file, str):
        raise FieldError("Expected a record of type text with the keys file, line and text")
    return row, f"{file} line {whole('line', fields.get('line'))}"


def _row(source_seq: int, fields: Fields) -> FeedRecord:
    if row_source_seq(fields) != source_seq:
        raise FieldError(f"Expected source_seq to be {source_seq}, was {shown(fields.get('source_seq'))}")
    if "type" in fields:
        return _record(source_seq, fields)
    _require_keys(fields, ROW_COLUMNS, OPTIONAL_COLUMNS)
    blank = {name for name in OPTIONAL_COLUMNS if fields.get(name) == ""}
    given = {name: value for name, value in fields.items() if name not in blank}
    for name in OPTIONAL_COLUMNS:
        value = given.get(name)
        if isinstance(value, str):
            given[name] = value.lower() if name == "trade_type" else value.upper()
    given["at"] = given.pop("executed_at")
    return _trade(source_seq, given, at_name="executed_at")


def _object(value: object) -> Fields:
    if not isinstance(value, dict):
        raise FieldError(f"Expected a JSON object, was {shown(value)}")
    return value


def _require_keys(fields: Fields, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    if len(fields) == len(required) and all(map(fields.__contains__, required)):
        return
    missing = [name for name in required if name not in fields]
    if missing:
        raise FieldError(f"Expected the keys {', '.join(required)}, was without {', '.join(missing)}")
    if len(fields) > len(required):
        unknown = [name for name in fields if name not in required and name not in optional]
        if unknown:
            raise FieldError(
                f"Expected only the keys {', '.join(required + optional)}, was also {', '.join(map(shown, unknown))}"
            )


def _record(source_seq: int, fields: Fields) -> FeedRecord:
    kind = fields.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise FieldError(f"Expected type to be one of {', '.join(_READERS)}, text, was {shown(kind)}")
    if as_source_seq(fields.get("source_seq")) is None:
        raise FieldError(f"Expected source_seq to be {source_seq}, was {shown(fields.get('source_seq'))}")
    return reader(source_seq, fields)


def _session_open(source_seq: int, fields: Fields) -> SessionOpened:
    _require_keys(fields, ("source_seq", "type", "business_date"))
    return SessionOpened(source_seq=source_seq, business_date=business_date("business_date", fields["business_date"]))


def _session_close(source_seq: int, fields: Fields) -> SessionClosed:
    _require_keys(fields, ("source_seq", "type", "business_date", "trades", "lots"))
    return SessionClosed(
        source_seq=source_seq,
        business_date=business_date("business_date", fields["business_date"]),
        trades=whole("trades", fields["trades"]),
        lots=whole("lots", fields["lots"]),
    )


_ORDER_KEYS = (
    "source_seq", "type", "order_id", "action", "contract", "account", "side", "lots", "remaining", "price", "at",
)  # fmt: skip


def _order(source_seq: int, fields: Fields) -> OrderReported:
    _require_keys(fields, _ORDER_KEYS)
    return OrderReported(
        source_seq=source_seq,
        order_id=text("order_id", fields["order_id"]),
        action=word("action", fields["action"], ACTIONS),
        contract=text("contract", fields["contract"]),
        account=text("account", fields["account"]),
        side=word("side", fields["side"], SIDES),
        lots=whole("lots", fields["lots"]),
        remaining=whole("remaining", fields["remaining"]),
        price_nano=nano("price", fields["price"]),
        at_us=instant_us("at", fields["at"]),
    )


_TRADE_KEYS = ("source_seq", "type", "trade_id", "contract", "buyer", "seller", "lots", "price", "at")


def _trade_record(source_seq: int, fields: Fields) -> TradeReported:
    _require_keys(fields, _TRADE_KEYS, OPTIONAL_COLUMNS)
    return _trade(source_seq, fields)


def _trade(source_seq: int, fields: Fields, at_name: str = "at") -> TradeReported:
    return TradeReported(
        source_seq=source_seq,
        trade_id=text("trade_id", fields["trade_id"]),
        contract=text("contract", fields["contract"]),
        buyer=text("buyer", fields["buyer"]),
        seller=text("seller", fields["seller"]),
        lots=whole("lots", fields["lots"]),
        price_nano=nano("price", fields["price"]),
        at_us=instant_us(at_name, fields["at"]),
        trade_type=word("trade_type", fields.get("trade_type", "regular"), TRADE_TYPES),
        buyer_effect=word("buyer_effect", fields.get("buyer_effect", "OPEN"), EFFECTS),
        seller_effect=word("seller_effect", fields.get("seller_effect", "OPEN"), EFFECTS),
    )


def _quote(source_seq: int, fields: Fields) -> QuoteReported:
    _require_keys(fields, ("source_seq", "type", "contract", "bid", "ask", "at"))
    bid, ask = fields["bid"], fields["ask"]
    return QuoteReported(
        source_seq=source_seq,
        contract=text("contract", fields["contract"]),
        bid_nano=None if bid is None else nano("bid", bid),
        ask_nano=None if ask is None else nano("ask", ask),
        at_us=instant_us("at", fields["at"]),
    )


def _observe(source_seq: int, fields: Fields) -> IndexObserved:
    _require_keys(fields, ("source_seq", "type", "series", "provider", "price", "quantity", "at"))
    return IndexObserved(
        source_seq=source_seq,
        series=text("series", fields["series"]),
        provider=text("provider", fields["provider"]),
        price_nano=nano("price", fields["price"]),
        quantity_nano=nano("quantity", fields["quantity"]),
        at_us=instant_us("at", fields["at"]),
    )


_READERS: Final[dict[str, Callable[[int, Fields], FeedRecord]]] = {
    "trade": _trade_record,
    "order": _order,
    "quote": _quote,
    "observe": _observe,
    "session_open": _session_open,
    "session_close": _session_close,
}
