"""Operator commands: reference data, days, prices, settlement, corrections, feeds, statements."""

from __future__ import annotations

import typer

from settlement.cli import (
    operate_account,
    operate_bank,
    operate_calendar,
    operate_contract,
    operate_correct,
    operate_day,
    operate_ingest,
    operate_price,
    operate_series,
    operate_settle,
    statement,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for group in (
        operate_contract, operate_account, operate_calendar, operate_day, operate_ingest, operate_price, operate_settle,
        operate_correct, operate_bank, operate_series, statement,
    ):  # fmt: skip
        group.register(app)
