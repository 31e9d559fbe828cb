"""The measurement itself works; its figures are for `make bench`, on a machine that does nothing else."""

import io
from pathlib import Path

from rich.console import Console

from tests.bench.bench import Size, measure, promises, table


def test_the_measurement_works(bootstrap: str, tmp_path: Path) -> None:
    """A small run of everything gives a table with every row, and an answer to every promise."""
    said: list[str] = []
    figures = measure(bootstrap, tmp_path, Size(fills=20_000, plain=500, lines=2_000), said.append)
    out = io.StringIO()
    Console(file=out, width=80).print(table(figures))
    shown = out.getvalue()
    assert "…" not in shown
    assert all(row in shown for row in ("bare consumer", "one worker", "audit", "plain Faust", "big book"))
    assert figures.worker.records == figures.audit.records == 20_000
    assert figures.to_plain > 1
    assert len(promises(figures)) == 3
