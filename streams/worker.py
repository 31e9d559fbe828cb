"""The process of a worker: `python -m streams.worker --fold positions --partitions 0-3 --bootstrap HOST:PORT ...`."""

import argparse
import ctypes
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

# Before polars is imported: the machine's cores belong to the workers, and a panic that is caught needs no trace.
os.putenv("POLARS_MAX_THREADS", "1")
os.putenv("RUST_BACKTRACE", "0")

import uvloop

from settlement.folds.fold import Fold
from streams.app import create_app
from streams.exits import Exits
from streams.feed import run
from streams.runner import Runner, Work

# glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD: big buffers are kept instead of given back and faulted in again, which
# saves a tenth of a microsecond a fill.
MALLOC_OPTIONS = ((-3, 1 << 30), (-1, 1 << 30))


@dataclass(frozen=True, slots=True)
class FoldPlace:
    """Where a fold stands between the topics.

    module, name: its class.  topic: what it folds.  results: where its acknowledged results go.
    """

    module: str
    name: str
    topic: str
    results: str

    def load(self) -> type[Fold]:
        """Import the fold's class; a worker imports only its own."""
        return cast("type[Fold]", getattr(importlib.import_module(self.module), self.name))


FOLDS: Mapping[str, FoldPlace] = {
    "positions": FoldPlace("settlement.folds.positions", "PositionsFold", "fills", "variation-margin"),
    "orders": FoldPlace("settlement.folds.orders", "OrdersFold", "orders", "market"),
    "index": FoldPlace("settlement.folds.index", "IndexFold", "index-ticks", "index-fixings"),
}


def main(
    argv: Sequence[str] | None = None, folds: Mapping[str, FoldPlace] = FOLDS, runner: type[Runner] = Runner
) -> NoReturn:
    """Run a worker until it is ended; SIGTERM ends it at once, nothing has to be flushed.

    folds, runner: what is hosted, and by what; tests bring their own.
    """
    options = _options(argv, folds)
    _keep_big_buffers()
    folder: Path | None = options.run_folder
    exits = Exits.of_process(options.name, folder)
    place = folds[options.fold]
    try:
        work = Work(
            kind=place.load(),
            topic=place.topic,
            results=place.results,
            partitions=options.partitions,
            prefix=options.prefix,
            snapshot_seconds=options.snapshot_seconds,
        )
        hosting = runner(work, options.bootstrap, exits)
        heartbeat = folder / f"{options.name}.heartbeat" if folder else None
        app = create_app(options.name, options.bootstrap, hosting, exits, heartbeat)
    except Exception as error:  # noqa: BLE001  a worker that cannot start leaves its note too
        exits.die_of(f"{place.topic}@start", error)
    run(app, uvloop.new_event_loop())


def partitions(text: str) -> tuple[int, ...]:
    """Return the partitions of a text like `0-3` or `0,2,5-6`.

    Raises:
        ValueError: it is not such a text, or names none.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    if not numbers:
        raise ValueError(f"Expected partitions like 0-3 or 0,2,5-6, was {text!r}.")
    return tuple(sorted(numbers))


def _options(argv: Sequence[str] | None, folds: Mapping[str, FoldPlace]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m streams.worker", description="Folds partitions of a topic.")
    parser.add_argument("--fold", required=True, choices=sorted(folds), help="what is folded")
    parser.add_argument("--partitions", required=True, type=partitions, help="for example 0-3 or 0,2,5-6")
    parser.add_argument("--bootstrap", required=True, help="the broker, HOST:PORT")
    parser.add_argument("--name", required=True, help="of this worker, in its files and its log")
    parser.add_argument("--run-folder", type=Path, help="for the heartbeat and the exit note; none without it")
    parser.add_argument("--snapshot-seconds", type=float, default=5.0, help="between two snapshots of a partition")
    parser.add_argument("--prefix", default="", help="before the name of every topic")
    return parser.parse_args(argv)


def _keep_big_buffers() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
    if mallopt is not None:
        for option, amount in MALLOC_OPTIONS:
            mallopt(option, amount)


if __name__ == "__main__":
    main()
