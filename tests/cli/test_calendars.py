"""Proposed calendars, and how open payments age: what needs no platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from settlement.cli.books import open_payments
from settlement.cli.calendar_proposal import propose
from settlement.cli.operate_calendar import calendar_document
from settlement.cli.operate_terms import read_each
from settlement.cli.refusals import CommandError


@pytest.mark.rule("PAY-2")
@pytest.mark.parametrize(
    ("name", "year", "closed", "open_days"),
    [
        ("USD", 2026, ["2026-11-26", "2026-10-12"], ["2026-07-03"]),  # 4 July is a Saturday: the Fed is open on Friday
        ("EUR", 2026, ["2026-04-03", "2026-05-01"], ["2026-11-26", "2026-05-14"]),
        ("CNY", 2026, ["2026-02-17", "2026-10-01"], ["2026-11-26"]),
        ("SAR", 2026, ["2026-08-07"], []),  # every Friday is its weekend
        ("XNYS", 2026, ["2026-07-03", "2026-04-03"], ["2026-10-12"]),
    ],
)
def test_a_proposal_is_a_document_that_add_takes(
    tmp_path: Path, name: str, year: int, closed: list[str], open_days: list[str]
) -> None:
    """Weekdays on which the bank or the venue is closed, with the library's version, for a person to check."""
    proposal = propose(name, year)
    text = proposal.text()
    assert text.startswith("# PROPOSED by a library, not checked: holidays 0.")
    assert "A person must check it" in text
    (tmp_path / "calendar.yaml").write_text(text)
    [read], faults = read_each(tmp_path / "calendar.yaml", "a calendar", calendar_document)
    assert faults == []
    assert read == proposal.document
    assert read["currency" if len(name) == len("USD") else "venue"] == name
    assert str(year) in read["source"]
    assert set(closed) <= set(read["holidays"])
    assert not set(open_days) & set(read["holidays"])


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [("ZZZ", 2026, "Expected a currency such as USD"), ("USD", 1900, "Expected a year from 1970 to 2199, was 1900")],
)
def test_what_the_library_does_not_know_is_told(name: str, year: int, expected: str) -> None:
    """An unknown name lists the venues that are known; a year beyond the gateway's dates is refused."""
    with pytest.raises(CommandError, match=expected):
        propose(name, year)


def test_only_a_proposal_imports_the_library() -> None:
    """Commands, settlement run, folds and audit work without the library of holidays: its opinion never counts."""
    modules = "settlement.cli.main, settlement.replay, settlement.run.run, settlement.folds.gateway, streams.app"
    code = f"import sys, {modules}; sys.exit('holidays' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_venue_cannot_withdraw(tmp_path: Path) -> None:
    """The venue's holidays only add up, and a file that would take one back is told its line."""
    (tmp_path / "venue.yaml").write_text("holidays: [2026-11-26]\nwithdrawn: [2026-12-25]\n")
    documents, faults = read_each(tmp_path / "venue.yaml", "a calendar", calendar_document)
    assert documents == []
    assert len(faults) == 1
    assert "venue.yaml:1: Expected `withdrawn` with a `currency`" in faults[0]


@pytest.mark.rule("PAY-2")
def test_what_failed_or_is_overdue_has_an_age() -> None:
    """Ages count calendar days from the value date to the open date; confirmed payments are gone, the oldest first."""
    rows = [
        {"payment": name, "value_date": due, "state": state}
        for name, due, state in (
            ("a", "2026-08-10", "calculated"), ("b", "2026-08-10", "failed"), ("c", "2026-08-07", "instructed"),
            ("d", "2026-08-06", "confirmed"), ("e", "2026-08-11", "calculated"), ("f", "2026-07-31", "failed"),
        )
    ]  # fmt: skip
    found = [(one["payment"], one["age_days"]) for one in open_payments(rows, 20260810)]
    assert found == [("f", 10), ("c", 3), ("a", None), ("b", 0), ("e", None)]
