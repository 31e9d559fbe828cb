"""Positions over their limits, where nobody can say: it is told, and never taken for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from settlement.cli.limits import running_over_limits
from settlement.config import Settings


@pytest.mark.rule("POS-1")
def test_what_cannot_be_read_is_not_none(empty: Path) -> None:
    """Without a broker or a database that answers, the reason comes instead of a list."""
    over, unknown = running_over_limits(Settings(data=empty))
    assert over == []
    assert unknown.startswith(f"Expected a platform running on {empty}, was stopped.")
