"""Faust as its documentation shows it: one event at a time into a table, with a changelog.

`python -m tests.bench.plain_faust BOOTSTRAP PREFIX RECORDS FOLDER`. The clock starts at the first event.
"""

import os
import sys
from pathlib import Path

import faust
from faust.types import StreamT

from settlement.wire import codec
from tests.bench.load import PARTITIONS
from tests.bench.measured import Clock, tell

BOOTSTRAP, PREFIX, RECORDS, FOLDER = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])

app = faust.App(
    f"{PREFIX}plain",
    broker=f"kafka://{BOOTSTRAP}",
    store="memory://",
    datadir=FOLDER,
    web_enabled=False,
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    key_serializer="raw",
    value_serializer="raw",
)
fills = app.topic(f"{PREFIX}fills", key_type=bytes, value_type=bytes)
positions = app.Table("positions", default=int, partitions=PARTITIONS, key_type=str, value_type=int)


@app.agent(fills)
async def fold(values: StreamT[bytes]) -> None:
    """Keep net lots by account and contract."""
    clock, seen = None, 0
    async for value in values:
        clock = clock or Clock()
        _, fill = codec.decode(value)
        key = f"{fill['account']}/{fill['contract']}"
        positions[key] += fill["lots"] if fill["side"] == "BUY" else -fill["lots"]
        seen += 1
        if seen == RECORDS:
            tell(clock.stop(seen))
            os._exit(0)


if __name__ == "__main__":
    faust.Worker(app, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()
