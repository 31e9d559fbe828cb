"""The settlement process: `python -m settlement.run --bootstrap HOST:PORT --dsn-file FILE --data FOLDER`.

It runs until it is ended. After a breach it stays, halted: its heart beats, it posts nothing, and it begins anew when
the halt file is gone.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from settlement.ledger.outbox import OutboxRelay
from settlement.ledger.session import connect
from settlement.run.breach import BreachError
from settlement.run.collect import FILLS, RESULTS, Collector, LogReader
from settlement.run.halt import HaltFile
from settlement.run.run import Ledger, SettlementRun
from settlement.statements.publish import Statements

NAME: Final = "settlement"
BEAT_SECONDS: Final = timedelta(milliseconds=500).total_seconds()
LOOK_SECONDS: Final = timedelta(milliseconds=200).total_seconds()
log = logging.getLogger(NAME)


class Heart:
    """Writes the heartbeat file twice a second from a thread of its own, so that a long computation looks alive."""

    def __init__(self, file: Path) -> None:
        """Name the file."""
        self._file = file
        self.cursors: dict[str, dict[str, int]] = {}

    def start(self) -> None:
        """Begin; the first beat says that the process is ready."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._beat()
        threading.Thread(target=self._run, name="heart", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            self._beat()

    def _beat(self) -> None:
        beat = {"t": time.time(), "pid": os.getpid(), "cursors": self.cursors}
        fresh = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(beat))
        fresh.replace(self._file)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the settlement process."""
    options = _options(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s {NAME} %(levelname)s %(message)s")
    heart = Heart(options.data / "run" / f"{NAME}.heartbeat")
    heart.start()
    halt = HaltFile.of(options.data)
    while True:
        if (told := halt.read()) is not None:
            heart.cursors = {}  # it stands still on purpose
            log.error("Halted at %s: %s Then: novate settle --retry", told["cycle"], told["message"])
            while halt.read() is not None:
                time.sleep(LOOK_SECONDS)
            log.info("Begins anew: the halt was lifted")
        _settle_until_breach(options, heart, halt)


def _settle_until_breach(options: argparse.Namespace, heart: Heart, halt: HaltFile) -> None:
    run: SettlementRun | None = None
    collector: Collector | None = None
    try:
        collector = Collector(_open(options))
        run = SettlementRun(collector, _ledger(options), repair_seconds=options.repair_seconds)
        told = ""
        while True:
            for settled in run.step():
                log.info("%s", settled)
            heart.cursors = collector.reader.cursors()
            if run.waiting != told:
                told = run.waiting
                log.info("%s", told or "Up to date")
    except BreachError as error:
        halt.write(None if run is None else run.cycle, error.breaches)
    finally:
        if collector is not None:
            collector.close()


def _open(options: argparse.Namespace) -> LogReader:
    """Open the log, however long the broker takes."""
    while True:
        try:
            return LogReader(options.bootstrap, (FILLS, RESULTS), prefix=options.prefix)
        except KafkaException as error:
            log.warning("Kafka: %s; trying again", error)
            time.sleep(1)


def _ledger(options: argparse.Namespace) -> Ledger:
    dsn = options.dsn_file.read_text().strip()
    statements = Statements(options.data / "statements", prefix=options.prefix)
    return Ledger(
        connect=partial(connect, dsn), relay=partial(OutboxRelay.of, options.bootstrap), prefix=options.prefix,
        announce=statements.announced, posted=statements.write,
    )  # fmt: skip


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m settlement.run", description="Checks and posts settlement cycles.")
    parser.add_argument("--bootstrap", required=True, help="the broker, HOST:PORT")
    parser.add_argument("--dsn-file", required=True, type=Path, help="file with the ledger's address")
    parser.add_argument("--data", required=True, type=Path, help="the platform's data folder")
    parser.add_argument("--prefix", default="", help="before the name of every topic")
    parser.add_argument(
        "--repair-seconds", type=int, default=20, help="how long a log that is shorter than the ledger is waited for"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
