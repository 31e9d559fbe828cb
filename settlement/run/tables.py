"""From records of the log to rows of the engine's tables (`sql/tables.sql`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

_Row = tuple[Any, ...]

_INT, _LONG, _TEXT, _DATES = pl.Int32(), pl.Int64(), pl.String(), pl.List(pl.Int32())

FILL_COLUMNS: Final[dict[str, pl.DataType]] = {
    "stream_seq": _LONG, "business_date": _INT, "trade_date": _INT, "kind": _TEXT, "fill_id": _TEXT, "trade_id": _TEXT,
    "account": _TEXT, "contract": _TEXT, "side": _TEXT, "position_effect": _TEXT, "lots": _LONG, "price_nano": _LONG,
    "value_minor": _LONG, "fee_minor": _LONG, "cres_minor": _LONG, "adj_minor": _LONG, "trade_type": _TEXT,
    "executed_at_us": _LONG, "feed": _TEXT, "source_seq": _LONG, "corrects": _TEXT, "control_id": _TEXT,
}  # fmt: skip
_PLACE: Final[dict[str, pl.DataType]] = {"partition": _INT, "stream_seq": _LONG}
_CYCLE: Final[dict[str, pl.DataType]] = {
    "business_date": _INT, "kind": _TEXT, "number": _INT, "effective_date": _INT,
}  # fmt: skip

COLUMNS: Final[dict[str, dict[str, pl.DataType]]] = {
    "account": {**_PLACE, "account": _TEXT, "member": _TEXT, "origin": _TEXT, "positions": _TEXT},
    "listing": {
        **_PLACE, "contract": _TEXT, "version": _INT, "effective_date": _INT, "currency": _TEXT,
        "currency_decimals": _INT, "size_nano": _LONG, "tick_nano": _LONG, "rounding": _TEXT, "fee_minor": _LONG,
    },
    "cut": {
        **_PLACE, "business_date": _INT, "next_date": _INT, "fills": _LONG, "lots": _LONG, "absolute_lots": _LONG,
        "lots_value_minor": _LONG,
    },
    "session": {
        **_PLACE, "business_date": _INT, "feed": _TEXT, "trades": _LONG, "lots": _LONG, "accepted_trades": _LONG,
        "accepted_lots": _LONG, "rejected_trades": _LONG, "rejected_lots": _LONG,
    },
    "open_break": {**_PLACE, "business_date": _INT, "feed": _TEXT, "source_seq": _LONG, "trade_id": _TEXT},
    "waiver": {
        **_PLACE, "business_date": _INT, "feed": _TEXT, "break_seq": _LONG, "requested_by": _TEXT, "approved_by": _TEXT,
    },
    "claim": {
        **_PLACE, "business_date": _INT, "claim_id": _TEXT, "trade_id": _TEXT, "contract": _TEXT, "account": _TEXT,
        "side": _TEXT, "position_effect": _TEXT, "lots": _LONG, "status": _TEXT, "control_id": _TEXT,
    },
    "payment_state": {
        **_PLACE, "business_date": _INT, "number": _INT, "payment": _TEXT, "state": _TEXT, "amount_minor": _LONG,
        "reason": _TEXT, "reference": _TEXT, "control_id": _TEXT,
    },
    "bank_calendar": {**_PLACE, "currency": _TEXT, "holidays": _DATES},
    "cycle": {**_PLACE, **_CYCLE, "control_id": _TEXT},
    "price": {**_PLACE, **_CYCLE, "contract": _TEXT, "price_nano": _LONG, "value_minor": _LONG, "tier": _TEXT},
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
