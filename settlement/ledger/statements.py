"""Loads the SQL of this package: statements by name from statements/*.sql.

A statement begins with a line `-- name: its_name` and goes on to the next one.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def statements(file: str) -> dict[str, bytes]:
    """Return the statements of `statements/<file>.sql` by name, ready for psycopg."""
    text = (files("settlement.ledger") / "statements" / f"{file}.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: sql.strip().encode() for name, sql in zip(parts[::2], parts[1::2], strict=True)}
