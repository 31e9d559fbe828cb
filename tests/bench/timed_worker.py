"""The worker as it is, stopped when it has folded so many records and its results are acknowledged.

`python -m tests.bench.timed_worker RECORDS (the worker's own arguments)`. The clock starts when the folds are restored,
before the first fetch, and stops at the last record.
"""

import asyncio
import os
import sys

from streams import worker
from streams.batch import Batch
from streams.runner import Runner
from tests.bench.measured import Clock, Measured, memory_mib, tell

RECORDS = int(sys.argv[1])


class TimedRunner(Runner):
    """Knows when it has seen enough."""

    def restore(self) -> dict[int, int]:
        """Start the clock when the folds are ready."""
        cursors = super().restore()
        self._clock = Clock()
        return cursors

    async def take(self, batch: Batch) -> None:
        """Stop the clock at the last record."""
        await super().take(batch)
        if sum(shard.taken for shard in self.shards.values()) >= RECORDS:
            measured = self._clock.stop(RECORDS)
            await self.snapshot_due()
            while self._outbox.waiting:  # noqa: ASYNC110  its thread sets no event; what it sends is memory too
                await asyncio.sleep(0.01)
            tell(Measured(RECORDS, measured.seconds, measured.cpu_seconds, memory_mib()))
            os._exit(0)


if __name__ == "__main__":
    worker.main(sys.argv[2:], runner=TimedRunner)
