"""`make bench`: the table of figures, on an embedded broker of its own. Exit code 1 when a promise is not kept."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.local.kafka import Kafka
from tests.bench.bench import Size, measure, promises, table


def main() -> int:
    """Measure and print."""
    size = Size()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--fills", type=int, default=size.fills, help="fills of the fast runs")
    parser.add_argument("--plain", type=int, default=size.plain, help="fills of plain Faust")
    parser.add_argument("--lines", type=int, default=size.lines, help="position lines of the memory run")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="novate-bench-") as folder:
        say = console.print
        broker = Kafka(Path(folder), say=say)
        broker.start()
        try:
            chosen = Size(fills=options.fills, plain=options.plain, lines=options.lines)
            figures = measure(broker.bootstrap, Path(folder), chosen, lambda text: say(f"[dim]{text} ..."))
        finally:
            broker.stop()
    console.print(table(figures))
    kept = promises(figures)
    for text, is_kept in kept:
        console.print(f"{'[green]kept    ' if is_kept else '[red]not kept'}[/] {text}")
    return 0 if all(is_kept for _, is_kept in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
