"""A real broker and a real database, and a platform of its own topics and ledger for each test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # public, the stub forgot

from settlement.ledger.session import connect
from settlement.run.collect import FILLS, RESULTS, Collector, LogReader
from settlement.run.run import Ledger, SettlementRun
from tests.parts import LEDGER, database_of, own_name
from tests.run.folded import folded
from tests.run.logbook import Logbook

ROOT = Path(__file__).parents[2]


@dataclass
class Platform:
    """Topics and a ledger of one test on the shared parts; what is sent is remembered as not to be sent twice."""

    bootstrap: str
    dsn: str
    data: Path
    prefix: str
    producer: Producer = field(repr=False)
    partitions: int = 2
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def create(self) -> None:
        """Make the topics that settlement reads and writes."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        counts = {FILLS: self.partitions, RESULTS: self.partitions, "settlements": 1, "statements": 1}
        made = admin.create_topics([NewTopic(self.prefix + name, count, 1) for name, count in counts.items()])
        for created in made.values():
            created.result(30)

    def send(self, topic: str, partition: int, values: list[bytes]) -> None:
        """Write values to a partition and wait until the broker has them."""
        for value in values:
            self.producer.produce(self.prefix + topic, value, partition=partition)
        assert self.producer.flush(30) == 0

    def send_log(self, log: Logbook) -> None:
        """Write a whole logbook to fills."""
        for partition in range(log.partitions):
            self.send(FILLS, partition, log.values(partition))

    def send_results(self, log: Logbook) -> None:
        """Write what sound folds say of a logbook."""
        for partition, values in folded(log).items():
            self.send(RESULTS, partition, values)

    def collector(self) -> Collector:
        """Return a collector at the beginning of the log."""
        return Collector(LogReader(self.bootstrap, (FILLS, RESULTS), prefix=self.prefix), threads=1)

    def run(self, *, every: bool = False) -> SettlementRun:
        """Return a settlement run that publishes nothing and waits for no repair."""
        ledger = Ledger(connect=lambda: connect(self.dsn), prefix=self.prefix)
        return SettlementRun(self.collector(), ledger, every=every, repair_seconds=0)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the settlement process."""
        dsn_file = self.data / "dsn"
        dsn_file.write_text(self.dsn)
        argv = [sys.executable, "-m", "settlement.run", "--bootstrap", self.bootstrap, "--dsn-file", str(dsn_file)]
        argv += ["--data", str(self.data), "--prefix", self.prefix, "--repair-seconds", "0"]
        with (self.data / "settlement.log").open("ab") as output:
            child = subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=output)
        self.children.append(child)
        return child

    def heartbeat(self) -> dict[str, Any]:
        """Return the settlement process's last heartbeat."""
        told: dict[str, Any] = json.loads((self.data / "run" / "settlement.heartbeat").read_text())
        return told

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Ask the ledger, as a superuser."""
        with connect(self.dsn) as conn:
            return conn.execute(text).fetchall()

    def end(self) -> None:
        """End the processes that this test started."""
        for child in self.children:
            if child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
            child.wait()


def wait_until(what: str, look: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is true, or fail."""
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, f"Expected {what} within {seconds} s."
        time.sleep(0.05)


@pytest.fixture(scope="session")
def producer(bootstrap: str) -> Producer:
    """One producer for all tests; idempotent, because a topic without a leader yet reorders what is sent again."""
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all"})


@pytest.fixture
def platform(bootstrap: str, producer: Producer, server: str, tmp_path: Path) -> Iterator[Platform]:
    """Empty topics and an empty ledger."""
    name = own_name("settle")
    with connect(server) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {LEDGER} STRATEGY FILE_COPY")
    made = Platform(bootstrap, database_of(server, name), tmp_path, f"{name}.", producer)
    made.create()
    yield made
    made.end()
