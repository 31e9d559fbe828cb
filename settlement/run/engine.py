"""The second engine: margin lines and breaches of a cycle, computed by SQL from the log alone.

The rules are in `sql/*.sql`, written for an auditor to read; this file fills the tables and runs them. It knows no
broker and no database but its own DuckDB in memory, so `novate calc` and the audit use it as the settlement run does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any, Final

import duckdb
import polars as pl

from settlement.domain.account import Account, Origin, Positions
from settlement.domain.calendar import Calendar
from settlement.domain.margin import KINDS, CycleKey, MarginLine
from settlement.domain.payment_state import BANK
from settlement.run.breach import Breach, BreachError, Place
from settlement.run.tables import COLUMNS, FILL_COLUMNS, rows_of
from settlement.wire.columns import Piece

CHECKS: Final = ("control_sums", "reversals", "invariants")


@cache
def sql(name: str) -> str:
    """Return one of the engine's SQL files."""
    return (files("settlement.run") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


class Engine:
    """The log of `fills` in tables, and what follows from it.

    columnar: what `settlement.wire.columns.Columns` should decode to columns for it; fills may also come as records.
    """

    columnar: Final = {"fill": list(FILL_COLUMNS)}

    def __init__(self, *, partitions: int | None = None, threads: int | None = None) -> None:
        """Make an empty engine, in memory.

        partitions: how many the log has; None: as many as are loaded.  threads: of DuckDB, default one per core.
        """
        self._partitions = partitions
        config: dict[str, Any] = {
            "autoinstall_known_extensions": False,  # nothing is ever fetched
            "autoload_known_extensions": False,
            **({} if threads is None else {"threads": threads}),
        }
        self._connection = duckdb.connect(":memory:", config=config)
        self._connection.execute(sql("tables"))
        self._fills: list[pl.DataFrame] = []
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
        self._computed: set[CycleKey] = set()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def load(self, partition: int, pieces: Sequence[Piece]) -> None:
        """Take more of a partition's log: pieces in order, without hole or twin (`settlement.folds.continuity`)."""
        for piece in pieces:
            if piece.name == "fill":
                self._fills.append(_fill_frame(partition, piece))
                continue
            for record in piece.records:
                for table, row in rows_of(partition, piece.name, record):
                    self._rows[table].append(row)

    def cycles(self) -> list[CycleKey]:
        """Return the cycles whose prices stand in every partition that was loaded, in the log's order."""
        rows = self._query(sql("cycles"), {"partitions": self._partitions})
        return [CycleKey(*row) for row in rows]

    def entries(self) -> list[CycleKey]:
        """Return what the ledger's chain is made of, in the log's order: the cycles, and the bank's answers (PAY-1)."""
        return [CycleKey(*row) for row in self._query(sql("entries"), {"partitions": self._partitions})]

    def answers(self) -> list[dict[str, Any]]:
        """Return the bank's answers that say the same in every partition, as their records, in the log's order."""
        rows = self._query(sql("answers"), {"partitions": self._partitions})
        return [dict(zip(_ANSWER, row, strict=True)) for row in rows]

    def margin_lines(self, cycle: CycleKey) -> list[MarginLine]:
        """Return the cycle's lines, sorted by account and contract.

        Raises:
            BreachError: a price is missing where lots need one (VM-5), or the cycle's prices are not in the log.
        """
        self._compute(cycle)
        rows = self._query(sql("lines"), cycle)
        if any((row[-1] and row[_PRICE] is None) or None in row[_AMOUNTS] for row in rows):
            raise BreachError([breach for breach in self._breaches("invariants", cycle) if breach.rule == "VM-5"])
        return [MarginLine(**dict(zip(_FIELDS, row[:-1], strict=True))) for row in rows]

    def breaches(self, cycle: CycleKey) -> list[Breach]:
        """Return everything that the log and the lines of a cycle break; empty when the cycle may be posted."""
        for needed in [*self._cycles_behind(cycle), cycle]:
            self._compute(needed)
        return [breach for name in CHECKS for breach in self._breaches(name, cycle)]

    def accounts(self, before: CycleKey | None = None) -> dict[str, Account]:
        """Return every account of the log by its id; with `before`, those that were open at the prices of a cycle."""
        until = {} if before is None else self.places(before)
        rows = self._query(sql("accounts"))
        return {
            name: Account(account=name, member=member, origin=Origin(origin), positions=Positions(positions))
            for name, member, origin, positions, partition, opened in rows
            if before is None or opened < until[partition]
        }

    def currencies(self) -> dict[str, str]:
        """Return the currency of every contract of the log."""
        return dict(self._query(sql("currencies")))

    def banks(self, cycle: CycleKey) -> dict[str, Calendar]:
        """Return the banking days of every currency with a bank calendar before the cycle's prices (rule PAY-2)."""
        rows = self._query(sql("bank_calendars"), cycle)
        return {currency: Calendar(frozenset(holidays)) for currency, holidays in rows}

    def prices(self, cycle: CycleKey) -> list[dict[str, Any]]:
        """Return the cycle's prices by contract: contract, price_nano, value_minor, tier."""
        columns = ("contract", "price_nano", "value_minor", "tier")
        rows = self._query(sql("cycle_prices"), cycle)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def places(self, cycle: CycleKey) -> dict[int, int]:
        """Return the stream_seq of the cycle's prices, or of the bank's answer, by partition."""
        return dict(self._query(sql("answer_places" if cycle.kind == BANK else "cycle_places"), cycle))

    def fills_before(self, cycle: CycleKey) -> dict[int, int]:
        """Return how many fills lie before the cycle's prices, by partition."""
        return dict(self._query(sql("fills_before"), cycle))

    def header(self, cycle: CycleKey) -> tuple[int, str]:
        """Return the cycle's effective date and the control that asked for it."""
        [row] = self._query(sql("cycle_header"), cycle)
        return row[0], row[1]

    def fills_on(self, business_date: int) -> list[dict[str, Any]]:
        """Return every fill of a business date as its record, in the order of account, contract and log."""
        rows = self._query(sql("fills_on"), {"business_date": business_date})
        return [dict(zip(FILL_COLUMNS, row, strict=True)) for row in rows]

    def fills_of(self, contract: str, accounts: Sequence[str], business_date: int) -> list[Place]:
        """Return where to look: the last fills of some accounts in a contract, up to a date."""
        given = {"contract": contract, "accounts": list(accounts), "business_date": business_date}
        return [Place(*row) for row in self._query(sql("places"), given)]

    def _compute(self, cycle: CycleKey) -> None:
        if cycle in self._computed:
            return
        if cycle.kind not in KINDS or not self.places(cycle):
            message = (
                f"Expected the prices of {cycle} in the log, was none. Read the log further, or name a cycle of it."
            )
            raise BreachError([Breach(rule="VM-5", message=message)])
        self._query(f"INSERT INTO line {sql('margin_lines')}", cycle)
        self._computed.add(cycle)

    def _cycles_behind(self, cycle: CycleKey) -> Iterator[CycleKey]:
        """Yield the cycles that the invariants compare with: the last end of day, the intraday cycles of the date."""
        until = self.places(cycle)
        days = [key for key in self.cycles() if _is_before(self.places(key), until)]
        yield from [key for key in days if key.kind == "end_of_day"][-1:]
        yield from [key for key in days if key.kind == "intraday" and key.business_date == cycle.business_date]

    def _breaches(self, name: str, cycle: CycleKey) -> Iterator[Breach]:
        for rule, contract, accounts, places, message in self._query(sql(name), cycle):
            found = [Place(**place) for place in places or ()]
            if not found and contract:
                found = self.fills_of(contract, accounts, cycle.business_date)
            yield Breach(
                rule=rule, contract=contract, accounts=tuple(accounts or ()), stream_seqs=tuple(found), message=message
            )

    def _query(self, text: str, given: CycleKey | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self._flush()
        return self._connection.execute(text, given._asdict() if isinstance(given, CycleKey) else given).fetchall()

    def _flush(self) -> None:
        """Bring what was loaded since the last question into the tables."""
        if self._fills:
            self._connection.register("arrived", pl.concat(self._fills))
            self._connection.execute("INSERT INTO fill BY NAME FROM arrived")
            self._connection.unregister("arrived")
            self._fills.clear()
        for table, rows in self._rows.items():
            if rows:
                self._connection.register("arrived", pl.DataFrame(rows, schema=COLUMNS[table], orient="row"))
                self._connection.execute(f"INSERT INTO {table} BY NAME FROM arrived")
                self._connection.unregister("arrived")
                rows.clear()


_FIELDS: Final = tuple(field.name for field in fields(MarginLine))
_ANSWER: Final = (
    "business_date", "number", "payment", "state", "amount_minor", "reason", "reference", "control_id",
)  # fmt: skip
_PRICE: Final = _FIELDS.index("price_nano")
_AMOUNTS: Final = slice(_FIELDS.index("tvar_minor"), len(_FIELDS))


def _is_before(places: dict[int, int], until: dict[int, int]) -> bool:
    return all(places[partition] < seq for partition, seq in until.items() if partition in places)


def _fill_frame(partition: int, piece: Piece) -> pl.DataFrame:
    frame = piece.frame
    if frame is None:
        rows = [[record[column] for column in FILL_COLUMNS] for record in piece.records]
        frame = pl.DataFrame(rows, schema=FILL_COLUMNS, orient="row")
    return frame.select(pl.lit(partition, dtype=pl.Int32).alias("partition"), *FILL_COLUMNS)
