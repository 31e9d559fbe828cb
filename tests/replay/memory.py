"""A log in memory that the audit reads as it would read Kafka, in runs of any size and order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from settlement.ledger import queries
from settlement.run.collect import FILLS, RESULTS
from settlement.run.fills_log import Run
from tests.run.folded import folded
from tests.run.logbook import TUESDAY, WEDNESDAY, Logbook

Place = tuple[str, int]


@dataclass
class MemorySource:
    """Values by topic and partition; change them before they are read."""

    values: dict[Place, list[bytes]]
    seed: int = 0
    cluster: str = "memory"
    run_sizes: tuple[int, ...] = field(default=(1, 2, 3, 50))

    @classmethod
    def of(cls, log: Logbook) -> MemorySource:
        """Return the source of a logbook and what sound folds say of it."""
        fills = {(FILLS, partition): log.values(partition) for partition in range(log.partitions)}
        return cls({**fills, **{(RESULTS, partition): values for partition, values in folded(log).items()}})

    @classmethod
    def posted(cls, log: Logbook, conn: Connection[Any]) -> MemorySource:
        """Return the source of a logbook as the log that a ledger was posted from."""
        source, generation = cls.of(log), queries.generation(conn)
        assert generation is not None
        source.cluster = generation.cluster_id
        return source

    def partitions(self) -> int:
        """Return how many there are."""
        return sum(topic == FILLS for topic, _ in self.values)

    def cluster_id(self) -> str:
        """Return whose log it is."""
        return self.cluster

    def runs(self) -> Iterator[Run]:
        """Yield everything, interleaved by the seed."""
        rng = random.Random(self.seed)
        at = dict.fromkeys(self.values, 0)
        while left := [place for place in at if at[place] < len(self.values[place])]:
            topic, partition = rng.choice(left)
            start = at[topic, partition]
            values = self.values[topic, partition][start : start + rng.choice(self.run_sizes)]
            at[topic, partition] += len(values)
            offsets = range(start, start + len(values))
            yield Run(topic=topic, partition=partition, offsets=offsets, values=values)


def two_days(partitions: int = 2) -> Logbook:
    """Return two settled dates with an intraday cycle, a bust, fees, a client and a gross account."""
    log = Logbook(partitions=partitions)
    log.listing(fee="0.35")
    log.listing("TOKEN", currency="CNY", size="100")
    log.accounts("A", "C", "D", "E")
    log.account("A-C", member="A", origin="CLIENT")
    log.account("G", positions="GROSS")
    first = log.trade("A", "D", 10, "2.3500")
    log.trade("A-C", "C", 3, "2.3510")
    log.prices("intraday", {"GPUH": "2.3550"})
    log.trade("G", "E", 5, "2.00", contract="TOKEN")
    log.settle({"GPUH": "2.3620", "TOKEN": "2.10"}, TUESDAY)
    log.bust(first)
    log.trade("C", "D", 4, "2.3600")
    log.settle({"GPUH": "2.3415", "TOKEN": "2.05"}, WEDNESDAY)
    return log
