"""Operator commands; each appends a control."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
