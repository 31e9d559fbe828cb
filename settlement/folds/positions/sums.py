"""What a run of fills adds: sums by date, account and contract; order inside a date does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY: Final = ["account", "contract"]
DATED: Final = ["business_date", *KEY]
FILL_COLUMNS: Final = [
    "stream_seq",
    "business_date",
    "kind",
    "account",
    "contract",
    "side",
    "position_effect",
    "lots",
    "value_minor",
    "fee_minor",
    "cres_minor",
    "adj_minor",
]
"""The columns of `fill` that the fold reads."""

SUMS: Final = [
    "bought",
    "sold",
    "transferred",
    "carried_long",
    "carried_short",
    "long",
    "short",
    "value",
    "fee",
    "cres",
    "adj",
    "correction",
    "cash",
    "fills",
]
"""bought, sold, transferred: lots of the date (transferred signed).  carried_long, carried_short: lots brought forward.
long, short: what both sides of
a gross account gain in the date.value: signed lots x V of what was bought, sold or transferred.  fee, cres, adj,
correction: amounts in minor units.  fills: number of fills that
make a line; cash: how many of them only move cash."""

DAY_SCHEMA: Final = {
    "business_date": pl.Int32,
    "account": pl.String,
    "contract": pl.String,
    **dict.fromkeys(SUMS, pl.Int64),
}

_c = pl.col
_buys = _c("side") == "BUY"
_signed = pl.when(_buys).then(_c("lots")).otherwise(-_c("lots"))
_is_carry, _is_transfer, _is_correction = (_c("kind") == kind for kind in ("carry", "transfer", "correction"))
_trades = ~_c("kind").is_in(["carry", "transfer", "close_out"])
_opens = _c("position_effect") == "OPEN"


def _where(condition: pl.Expr, amount: pl.Expr, name: str) -> pl.Expr:
    return pl.when(condition).then(amount).otherwise(0).sum().alias(name)


_GENERAL: Final = [
    _where(_trades & _buys, _c("lots"), "bought"),
    _where(_trades & ~_buys, _c("lots"), "sold"),
    _where(_is_transfer, _signed, "transferred"),
    _where(_is_carry & _buys, _c("lots"), "carried_long"),
    _where(_is_carry & ~_buys, _c("lots"), "carried_short"),
    _where(~_is_carry & (_buys == _opens), _signed, "long"),
    _where(~_is_carry & (_buys != _opens), -_signed, "short"),
    _where(~_is_carry, _signed * _c("value_minor"), "value"),
    _c("fee_minor").sum().alias("fee"),
    _c("cres_minor").sum().alias("cres"),
    _where(~_is_correction, _c("adj_minor"), "adj"),
    _where(_is_correction, _c("adj_minor"), "correction"),
    (_c("kind") == "cash").sum().cast(pl.Int64).alias("cash"),
    (~_is_carry & ~_is_correction).sum().cast(pl.Int64).alias("fills"),
]
_TOTALS: Final = [_c(name).sum() for name in SUMS]


def of_fills(fills: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of a run of fills (columns FILL_COLUMNS), in the form of DAY_SCHEMA."""
    return fills.lazy().group_by(DATED).agg(_GENERAL).collect(engine="in-memory")


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return sums of sums."""
    return pl.concat(parts).lazy().group_by(DATED).agg(_TOTALS).collect(engine="in-memory")
