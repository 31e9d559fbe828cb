"""The positions fold: books, and at the prices of a cycle its margin lines and the partition's result."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import msgspec
import polars as pl

from settlement.folds.fold import Output
from settlement.folds.positions import marking, sums
from settlement.folds.positions.sums import DATED, DAY_SCHEMA, FILL_COLUMNS, KEY
from settlement.wire import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from settlement.wire.columns import Piece

Cycle = dict[str, Any]
RESULTS: Final = "variation-margin"
LIVE: Final = "positions"
MERGE_ROWS: Final = 200_000  # rows of unmerged sums; merging costs 60 ns a row, so rarely enough to be free
LIVE_ROWS: Final = 2_000  # live positions a call: 8 us each to encode, so at most 16 ms every 0.3 s
_c = pl.col


class Known(msgspec.Struct):
    """The small part of the state.

    seq: the next stream_seq.  fills: fills folded.  gross: gross accounts.  previous: by contract, the prior
    settlement price and V of it.
    settled: by contract, the date of its last end of day with a price of its own.
    """

    seq: int = 0
    fills: int = 0
    gross: dict[str, bool] = msgspec.field(default_factory=dict)
    currency: dict[str, str] = msgspec.field(default_factory=dict)
    previous: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    settled: dict[str, int] = msgspec.field(default_factory=dict)


class PositionsFold:
    """Positions and margin of the accounts of one partition of `fills`; it only adds.

    book: lots as the last end of day left them.  days: sums of dates not settled yet.  paid: what intraday cycles
    paid of them.  closed: positions that the last end of day or the final left at zero; they stand in no other part.
    """

    name: ClassVar[str] = "positions"
    version: ClassVar[int] = 2
    columnar: ClassVar[dict[str, list[str]]] = {"fill": FILL_COLUMNS}

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.known = Known()
        self.book = pl.DataFrame(schema=marking.BOOK_SCHEMA)
        self.days = pl.DataFrame(schema=DAY_SCHEMA)
        self.paid = pl.DataFrame(schema=marking.PAID_SCHEMA)
        self._parts: list[pl.DataFrame] = []
        self._rows = 0
        self.closed = pl.DataFrame(schema=dict.fromkeys(KEY, pl.String))
        self._changed = self.closed.clear()  # live views only, not state
        self._backlog = self.closed.clear()  # the same, shown when nothing newer is to be shown

    def apply(self, pieces: Sequence[Piece]) -> list[Output]:
        """Fold records that follow each other; return margin lines and results of the cycles among them."""
        outputs: list[Output] = []
        for piece in pieces:
            if piece.frame is not None:
                self._add(piece.frame)
            for record in piece.records:
                outputs += self._control(piece.name, record)
                self.known.seq = record["stream_seq"] + 1
        return outputs

    def _add(self, fills: pl.DataFrame) -> None:
        part = sums.of_fills(fills)
        self._parts.append(part)
        self._rows += part.height
        self.known.fills += fills.height
        self.known.seq = fills.item(-1, "stream_seq") + 1
        if self._rows > max(MERGE_ROWS, self.days.height):
            self._merge()

    def _merge(self) -> None:
        if self._parts:
            self._changed = pl.concat([self._changed, *[part.select(KEY) for part in self._parts]]).unique()
            self.days = sums.together([self.days, *self._parts])
            self._parts, self._rows = [], 0

    def _control(self, name: str, record: Cycle) -> list[Output]:
        if name == "account" and record["positions"] == "GROSS":
            self.known.gross[record["account"]] = True
        elif name == "listing":
            self.known.currency[record["contract"]] = record["currency"]
        elif name == "prices":
            self._merge()
            return self._cycle(record)
        return []

    def _cycle(self, cycle: Cycle) -> list[Output]:
        kind, date = cycle["kind"], cycle["business_date"]
        if kind == "opening":
            self._set_previous(cycle)
            return []
        lines = {
            "end_of_day": self._end_of_day,
            "intraday": self._intraday,
            "final": self._final,
            "correction": self._correction,
        }[kind](cycle, date)
        return self._emit(cycle, lines)

    def _base(self, cycle: Cycle, date: int, *, cash: bool = False, whole: bool = False) -> pl.DataFrame:
        """Return the rows of the cycle's contracts.

        cash: also those that only a cash adjustment touches.  whole: of all unsettled dates, not only of the cycle's.
        """
        when = pl.lit(value=True) if whole else _c("business_date") == date
        day = self.days.filter(when).group_by(KEY).agg(_c(sums.SUMS).sum())
        paid = self.paid.filter(when).group_by(KEY).agg(_c("paid").sum())
        rows = marking.base(self.book, day, self._prices(cycle), paid)
        wanted = _c("value_minor").is_not_null()
        if cash:
            wanted |= _c("cash") > 0
        return marking.with_sides(rows.filter(wanted), self.known.gross)

    def _prices(self, cycle: Cycle) -> pl.DataFrame:
        """Return the cycle's prices beside the prior ones of the same contracts."""
        rows = [
            (
                price["contract"],
                price["price_nano"],
                price["value_minor"],
                *self.known.previous.get(price["contract"], (None, None)),
            )
            for price in cycle["prices"]
        ]
        return pl.DataFrame(rows, schema=marking.PRICE_SCHEMA, orient="row")

    def _set_previous(self, cycle: Cycle) -> None:
        for price in cycle["prices"]:
            self.known.previous[price["contract"]] = (price["price_nano"], price["value_minor"])

    def _end_of_day(self, cycle: Cycle, date: int) -> pl.DataFrame:
        lines = marking.end_of_day(self._base(cycle, date, cash=True))
        self._carry_on(lines.filter(_c("value_minor").is_not_null()), [price["contract"] for price in cycle["prices"]])
        self.days = self.days.filter(_c("business_date") != date)
        self.paid = self.paid.filter(_c("business_date") != date)
        self._set_previous(cycle)
        self.known.settled |= {price["contract"]: date for price in cycle["prices"] if price["tier"] != "prior"}
        return lines

    def _carry_on(self, lines: pl.DataFrame, contracts: list[str]) -> None:
        """Make the ends of a cycle's lines the book of its contracts."""
        ends = lines.select(*KEY, _c("end").alias("lots"), _c("end_long").alias("long"), _c("end_short").alias("short"))
        held = (_c("lots") != 0) | (_c("long") != 0) | (_c("short") != 0)
        others = ~_c("contract").is_in(contracts)
        self.book = pl.concat([self.book.filter(others), ends.filter(held)])
        self.closed = pl.concat([self.closed.filter(others), ends.filter(~held).select(KEY)])

    def _intraday(self, cycle: Cycle, date: int) -> pl.DataFrame:
        rows = self._base(cycle, date)
        marks = rows.select(pl.lit(date, pl.Int32).alias("business_date"), *KEY, marking.mark().alias("paid"))
        self.paid = pl.concat([self.paid.join(marks, on=DATED, how="anti"), marks])
        return marking.intraday(rows)

    def _final(self, cycle: Cycle, date: int) -> pl.DataFrame:
        lines = marking.final(self._base(cycle, date, whole=True))
        contracts = [price["contract"] for price in cycle["prices"]]
        self._carry_on(lines, contracts)
        self._changed = pl.concat([self._changed, lines.select(KEY)]).unique()
        mine = _c("contract").is_in(contracts)
        nothing = [pl.lit(0, pl.Int64).alias(name) for name in sums.SUMS if name not in {"adj", "cash", "fills"}]
        left = self.days.filter(mine & (_c("cash") > 0)).with_columns(*nothing, fills=_c("cash"))
        self.days = pl.concat([self.days.filter(~mine), left])  # a cash adjustment waits for the end of the day
        self.paid = self.paid.filter(~mine)
        self._set_previous(cycle)
        return lines

    def _correction(self, cycle: Cycle, date: int) -> pl.DataFrame:
        lines = marking.correction(self._base(cycle, date).filter(_c("correction") != 0))
        self.days = self.days.with_columns(
            correction=pl.when(_c("business_date") == date).then(0).otherwise(_c("correction"))
        )
        for price in cycle["prices"]:
            if self.known.settled.get(price["contract"]) == cycle["effective_date"]:
                self.known.previous[price["contract"]] = (price["price_nano"], price["value_minor"])
        return lines

    def _emit(self, cycle: Cycle, lines: pl.DataFrame) -> list[Output]:
        identity = {
            "business_date": cycle["business_date"],
            "kind": cycle["kind"],
            "number": cycle["number"],
            "partition": self.partition,
        }
        key = f"{cycle['business_date']}/{cycle['kind']}/{cycle['number']}"
        digest = hashlib.sha256()
        outputs = []
        for number, line in enumerate(lines.iter_rows(named=True)):
            value = codec.encode("margin_line", {**identity, "line": number, **line})
            digest.update(value)
            outputs.append(Output(topic=RESULTS, key=key, value=value))
        amounts = ["tvar_minor", "smtm_minor", "imtm_minor", "fmtm_minor", "cres_minor", "adj_minor"]
        result = {
            **identity,
            "stream_seq": cycle["stream_seq"],
            "lines": lines.height,
            "lines_sha256": digest.hexdigest(),
            "fills": self.known.fills,
            "lots": sum(lines["end"]),
            "total_minor": _wrapped(sum(sum(lines[name]) for name in amounts)),
            "fee_minor": _wrapped(sum(lines["fee_minor"])),
        }
        return [*outputs, Output(topic=RESULTS, key=key, value=codec.encode("partition_result", result))]

    def live(self) -> list[Output]:
        """Return the positions that changed since the last call, at most LIVE_ROWS of them at a time.

        A restored fold shows every position again, a few at a time: nobody knows which of them the process before it
        had shown.
        """
        self._merge()
        keys, self._changed = self._changed.head(LIVE_ROWS), self._changed.slice(LIVE_ROWS)
        room = LIVE_ROWS - keys.height
        if room and not self._backlog.is_empty():
            keys = pl.concat([keys, self._backlog.head(room)]).unique()
            self._backlog = self._backlog.slice(room)
        if keys.is_empty():
            return []
        net = _c("bought") - _c("sold") + _c("transferred") + _c("carried_long") - _c("carried_short")
        gains = (
            self.days.join(keys, on=KEY, how="semi")
            .group_by(KEY)
            .agg(
                net.sum().alias("net"),
                (_c("long") + _c("carried_long")).sum().alias("longs"),
                (_c("short") + _c("carried_short")).sum().alias("shorts"),
            )
        )
        held = keys.join(self.book, on=KEY, how="left").join(gains, on=KEY, how="left").fill_null(0)
        shown = held.select(
            *KEY, lots=_c("lots") + _c("net"), long=_c("long") + _c("longs"), short=_c("short") + _c("shorts")
        ).sort(KEY)
        return [self._position(row) for row in shown.iter_rows(named=True)]

    def _position(self, row: dict[str, Any]) -> Output:
        if row["account"] not in self.known.gross:
            row = {**row, "long": 0, "short": 0}
        value = codec.encode("position", {"stream_seq": self.known.seq, **row})
        return Output(topic=LIVE, key=f"{row['account']}/{row['contract']}", value=value)

    def snapshot(self) -> bytes:
        """Return the state as bytes that `restore` takes."""
        self._merge()
        frames = [_packed(frame.sort(frame.columns)) for frame in (self.book, self.days, self.paid, self.closed)]
        return msgspec.msgpack.encode((self.known, frames))

    @classmethod
    def restore(cls, partition: int, state: bytes) -> Self:
        """Return the fold of a snapshot; it shows every position again."""
        known, frames = msgspec.msgpack.decode(state, type=tuple[Known, list[bytes]])
        fold = cls(partition)
        fold.known = known
        fold.book, fold.days, fold.paid, fold.closed = (pl.read_ipc(io.BytesIO(frame)) for frame in frames)
        fold._backlog = pl.concat([frame.select(KEY) for frame in (fold.book, fold.days, fold.closed)]).unique()
        return fold


def _packed(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc(out, compression="zstd")
    return out.getvalue()


def _wrapped(total: int) -> int:
    """Return a checksum as a signed 64-bit integer; it may run over where no amount can."""
    return (total + (1 << 63)) % (1 << 64) - (1 << 63)
