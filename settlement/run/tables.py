"""From records of the log to rows of the engine's tables (`sql/tables.sql`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

_Row = tuple[Any, ...]

FILL_COLUMNS: Final = {
    "stream_seq": pl.Int64(), "business_date": pl.Int32(), "trade_date": pl.Int32(), "kind": pl.String(), "fill_id": pl.String(),
    "trade_id": pl.String(), "account": pl.String(), "contract": pl.String(), "side": pl.String(), "position_effect": pl.String(),
    "lots": pl.Int64(), "price_nano": pl.Int64(), "value_minor": pl.Int64(), "fee_minor": pl.Int64(), "cres_minor": pl.Int64(),
    "adj_minor": pl.Int64(), "trade_type": pl.String(), "executed_at_us": pl.Int64(), "feed": pl.String(), "source_seq": pl.Int64(),
    "corrects": pl.String(), "control_id": pl.String(),
}  # fmt: skip
_PLACE: Final = {"partition": pl.Int32(), "stream_seq": pl.Int64()}
_CYCLE: Final = {"business_date": pl.Int32(), "kind": pl.String(), "number": pl.Int32(), "effective_date": pl.Int32()}

COLUMNS: Final[dict[str, dict[str, pl.DataType]]] = {
    "account": {**_PLACE, **dict.fromkeys(("account", "member", "origin", "positions"), pl.String())},
    "listing": {
        **_PLACE, "contract": pl.String(), "version": pl.Int32(), "effective_date": pl.Int32(), "currency": pl.String(),
        "currency_decimals": pl.Int32(), "size_nano": pl.Int64(), "tick_nano": pl.Int64(), "rounding": pl.String(), "fee_minor": pl.Int64(),
    },
    "cut": {
        **_PLACE, "business_date": pl.Int32(), "next_date": pl.Int32(),
        **dict.fromkeys(("fills", "lots", "absolute_lots", "lots_value_minor"), pl.Int64()),
    },
    "session": {
        **_PLACE, "business_date": pl.Int32(), "feed": pl.String(),
        **dict.fromkeys(("trades", "lots", "accepted_trades", "accepted_lots", "rejected_trades", "rejected_lots"), pl.Int64()),
    },
    "open_break": {**_PLACE, "business_date": pl.Int32(), "feed": pl.String(), "source_seq": pl.Int64(), "trade_id": pl.String()},
    "waiver": {
        **_PLACE, "business_date": pl.Int32(), "feed": pl.String(), "break_seq": pl.Int64(),
        "requested_by": pl.String(), "approved_by": pl.String(),
    },
    "cycle": {**_PLACE, **_CYCLE, "control_id": pl.String()},
    "price": {
        **_PLACE, **_CYCLE, "contract": pl.String(), "price_nano": pl.Int64(), "value_minor": pl.Int64(), "tier": pl.String(),
    },
}  # fmt: skip
"""Every table but `fill`, by the name of its rows."""


def rows_of(partition: int, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, _Row]]:
    """Yield the table rows of one record; a record of another kind has none, the margin does not depend on it."""
    place = {"partition": partition, "stream_seq": record["stream_seq"]}
    if name == "prices":
        yield "cycle", _row("cycle", {**record, **place})
        for price in record["prices"]:
            yield "price", _row("price", {**record, **place, **price})
    elif name == "cut":
        inner = {**place, "business_date": record["business_date"]}
        yield "cut", _row("cut", {**record, **place})
        for session in record["sessions"]:
            yield "session", _row("session", {**session, **inner})
        for open_break in record["open_breaks"]:
            yield "open_break", _row("open_break", {**open_break, **inner})
    elif name in COLUMNS:
        yield name, _row(name, {**record, **place})


def _row(table: str, values: Mapping[str, Any]) -> _Row:
    return tuple(values[column] for column in COLUMNS[table])
