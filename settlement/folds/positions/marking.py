"""The margin lines of a cycle, in columns (rules VM-1 to VM-3, ITD-1, COR-2, FSP-3). Amounts: + receives, - pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from settlement.folds.positions.sums import KEY, SUMS

if TYPE_CHECKING:
    from collections.abc import Collection

BOOK_SCHEMA: Final = {
    "account": pl.String,
    "contract": pl.String,
    "lots": pl.Int64,
    "long": pl.Int64,
    "short": pl.Int64,
}
PAID_SCHEMA: Final = {"business_date": pl.Int32, "account": pl.String, "contract": pl.String, "paid": pl.Int64}
PRICE_SCHEMA: Final = {
    "contract": pl.String,
    "price_nano": pl.Int64,
    "value_minor": pl.Int64,
    "previous_nano": pl.Int64,
    "previous_value_minor": pl.Int64,
}

_c = pl.col
_traded = _c("bought") - _c("sold") + _c("transferred")
_tvar = _traded * _c("value_minor") - _c("value")
_revalued = pl.when(_c("start") != 0).then(_c("start") * (_c("value_minor") - _c("previous_value_minor"))).otherwise(0)
_zero = pl.lit(0, pl.Int64)
_AMOUNTS: Final = ("tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee")


def base(book: pl.DataFrame, day: pl.DataFrame, prices: pl.DataFrame, paid: pl.DataFrame) -> pl.DataFrame:
    """Return one row per account and contract with a position or a fill, with what every kind of line needs.

    book: BOOK_SCHEMA, as the last end of day left it.  day: DAY_SCHEMA without the date, one date's sums.  prices:
    PRICE_SCHEMA.
    paid: PAID_SCHEMA without the date, what intraday cycles of the date paid so far.
    """
    joined = (
        book.lazy()
        .rename({"long": "book_long", "short": "book_short"})
        .join(day.lazy(), on=KEY, how="full", coalesce=True)
    )
    joined = joined.with_columns(_c("lots", "book_long", "book_short", *SUMS).fill_null(0))
    joined = (
        joined.join(prices.lazy(), on="contract", how="left")
        .join(paid.lazy(), on=KEY, how="left")
        .with_columns(_c("paid").fill_null(0))
    )
    joined = joined.with_columns(start=_c("lots") + _c("carried_long") - _c("carried_short"))
    held = pl.any_horizontal(_c("lots", "book_long", "book_short", "carried_long", "carried_short") != 0)
    joined = joined.filter(held | (_c("fills") > 0) | (_c("correction") != 0))
    return joined.collect(engine="in-memory")


def _lines(rows: pl.DataFrame, end: pl.Expr, **amounts: pl.Expr) -> pl.DataFrame:
    end_lots = end.alias("end")
    shown = [_c(name) for name in (*KEY, "start", "bought", "sold", "transferred")]
    expired = (_c("start") + _traded - end).alias("expired")
    sides = [_c("start_long"), _c("start_short"), _c("end_long"), _c("end_short")]
    prices = [_c(name) for name in ("previous_nano", "previous_value_minor", "price_nano", "value_minor")]
    money = [amounts.get(name, _zero).cast(pl.Int64).alias(f"{name}_minor") for name in _AMOUNTS]
    return rows.select(*shown, expired, end_lots, *sides, *prices, *money).sort(KEY)


def end_of_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the full lines of a date: TVAR, SMTM, CRES, ADJ, FEE, and IMTM = minus what was paid intraday."""
    priced = _c("value_minor").is_not_null()
    tvar, smtm = (pl.when(priced).then(amount).otherwise(0) for amount in (_tvar, _revalued))
    return _lines(
        rows,
        _c("start") + _traded,
        tvar=tvar,
        smtm=smtm,
        imtm=-_c("paid"),
        cres=_c("cres"),
        adj=_c("adj"),
        fee=_c("fee"),
    )


def mark() -> pl.Expr:
    """Return what an intraday cycle marks a row at: trades, book and residuals at the intraday price (rule ITD-1)."""
    return _tvar + _revalued + _c("cres")


def intraday(rows: pl.DataFrame) -> pl.DataFrame:
    """Return lines with IMTM only: the change of the mark since the cycle before."""
    return _lines(rows, _c("start") + _traded, imtm=mark() - _c("paid"))


def final(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the last lines of a contract: FMTM for SMTM, what its last day still owes, and no position left."""
    gone = rows.with_columns(end_long=_zero, end_short=_zero)
    return _lines(gone, _zero, tvar=_tvar, fmtm=_revalued, imtm=-_c("paid"), cres=_c("cres"), fee=_c("fee"))


def correction(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of a corrected settlement price: ADJ to those who held the book, whose lots stay."""
    still = rows.with_columns(
        bought=_zero, sold=_zero, transferred=_zero, end_long=_c("start_long"), end_short=_c("start_short")
    )
    return _lines(still, _c("start"), adj=_c("correction"))


def with_sides(rows: pl.DataFrame, gross: Collection[str]) -> pl.DataFrame:
    """Add the long and short lots at start and end; zero for net accounts."""
    is_gross = _c("account").is_in(sorted(gross))

    def only(amount: pl.Expr) -> pl.Expr:
        return pl.when(is_gross).then(amount).otherwise(0)

    start_long, start_short = _c("book_long") + _c("carried_long"), _c("book_short") + _c("carried_short")
    return rows.with_columns(
        start_long=only(start_long),
        start_short=only(start_short),
        end_long=only(start_long + _c("long")),
        end_short=only(start_short + _c("short")),
    )
