"""Commands that show the books."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
