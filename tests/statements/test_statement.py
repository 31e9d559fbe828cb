"""Statements: what a member gets of a date, made of the log alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from settlement.domain.margin import CycleKey
from settlement.statements.publish import Statements, day_of
from settlement.statements.statement import statements_of
from tests.property.clearing import Clearing

DAY = CycleKey(20261123, "end_of_day", 1)


@pytest.fixture
def clearing() -> Clearing:
    """A house with one trade and one member who did nothing, settled for a date with an intraday cycle before."""
    clearing = Clearing()
    clearing.control("open", date="2026-11-23")
    clearing.control("listing", contract="GPUH", size="730", tick="0.001", fee="0.35")
    for account, member, origin in (
        ("A", "A", "house"),
        ("B/C", "B", "client"),
        ("B-H", "B", "house"),
        ("I", "Idle & Co", "house"),
    ):
        clearing.control("account", account=account, member=member, origin=origin, positions="net")
    clearing.trade("T1", "GPUH", "A", "B/C", 10, 2_350_000_000, at_us=1_795_446_000_000_000)
    clearing.control("prices", kind="intraday", date="2026-11-23", prices={"GPUH": "2.355"})
    clearing.control("prices", kind="end_of_day", date="2026-11-23", prices={"GPUH": "2.362"}, cut=True)
    return clearing


def document(clearing: Clearing, member: str) -> dict[str, Any]:
    """Return a member's JSON statement."""
    [made] = [made for made in statements_of(day_of(clearing.engine, DAY)) if made.member == member]
    [name] = [name for name in made.files if name.endswith(".json")]
    read: dict[str, Any] = json.loads(made.files[name])
    return read


@pytest.mark.rule("PAY-1")
def test_a_statement_lists_positions_fills_lines_and_payments(clearing: Clearing) -> None:
    """A member reads its position, each fill with its fee, each line with TVAR, and one payment a cycle."""
    read = document(clearing, "A")
    assert [(row["account"], row["lots"], row["price"]) for row in read["positions"]] == [("A", 10, "2.362")]
    [fill] = read["fills"]
    assert (fill["trade_id"], fill["side"], fill["lots"], fill["price"], fill["value"], fill["fee"]) == (
        "T1",
        "buy",
        10,
        "2.35",
        "1715.50",
        "-3.50",
    )
    lines = {row["cycle"]: row["amounts"] for row in read["lines"]}
    assert lines["intraday/1"]["imtm"] == "36.50"
    assert (lines["end_of_day/1"]["tvar"], lines["end_of_day/1"]["imtm"]) == ("87.60", "-36.50")
    assert [(row["cycle"], row["amount"], row["value_date"]) for row in read["payments"]] == [
        ("intraday/1", "36.50", "2026-11-23"),
        ("end_of_day/1", "47.60", "2026-11-24"),
    ]


def test_fees_of_clients_are_in_the_house_payment(clearing: Clearing) -> None:
    """A client's line carries its fee, and its member's house pays it."""
    read = document(clearing, "B")
    paid = {(row["cycle"], row["origin"]): row["amount"] for row in read["payments"]}
    assert paid["end_of_day/1", "client"] == "-51.10"
    assert paid["end_of_day/1", "house"] == "-3.50"


def test_a_member_without_anything_gets_an_empty_statement(clearing: Clearing) -> None:
    """Silence is a statement too."""
    assert document(clearing, "Idle & Co") == {
        "member": "Idle & Co",
        "date": "2026-11-23",
        "positions": [],
        "fills": [],
        "lines": [],
        "payments": [],
    }


def test_the_csv_says_what_the_json_says(clearing: Clearing) -> None:
    """Each row of the JSON is a row of the CSV, with the same figures."""
    [made] = [made for made in statements_of(day_of(clearing.engine, DAY)) if made.member == "A"]
    rows = list(csv.DictReader(io.StringIO(made.files["A.csv"].decode())))
    assert [row["record"] for row in rows] == ["position", "fill", "line", "line", "payment", "payment"]
    assert rows[1]["fill_id"] == "T1/1"
    assert rows[3]["tvar"] == "87.60"
    assert rows[5]["amount"] == "47.60"


def test_what_comes_later_changes_no_statement(clearing: Clearing) -> None:
    """An account opened, a trade and another date after the end of day leave the statements byte-identical."""
    before = [made.files for made in statements_of(day_of(clearing.engine, DAY))]
    clearing.control("account", account="N", member="New", origin="house", positions="net")
    clearing.trade("T2", "GPUH", "A", "N", 1, 2_350_000_000)
    clearing.control("prices", kind="end_of_day", date="2026-11-24", prices={"GPUH": "2.37"}, cut=True)
    assert [made.files for made in statements_of(day_of(clearing.engine, DAY))] == before


def test_files_are_written_once_and_announced_with_their_hashes(clearing: Clearing, tmp_path: Path) -> None:
    """An end of day announces each member's files, intraday cycles none; a repeated write changes nothing."""
    statements = Statements(tmp_path)
    assert statements.announced(clearing.engine, CycleKey(20261123, "intraday", 1), 1) == []
    rows = statements.announced(clearing.engine, DAY, 2)
    assert [row.key for row in rows] == ["A", "B", "Idle & Co"]
    statements.write(clearing.engine, DAY)
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "2026-11-23").iterdir()}
    assert set(written) == {"A.csv", "A.json", "B.csv", "B.json", "Idle%20%26%20Co.csv", "Idle%20%26%20Co.json"}
    statements.write(clearing.engine, DAY)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "2026-11-23").iterdir()} == written
