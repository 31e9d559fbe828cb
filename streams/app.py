"""The Faust app of one worker: the feed, the fold's agent, and the tasks that keep time."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.agents import add_agent
from streams.exits import Exits
from streams.feed import App, Feed, Source
from streams.runner import Runner

HEARTBEAT_SECONDS = 0.5
VIEW_SECONDS = 0.3
SNAPSHOT_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Says twice a second that the process lives, and where its partitions stand, in a file for the supervisor.

    Parked partitions stand under `parked` only, not among the `cursors`: they are not expected to move.
    """

    path: Path
    runner: Runner
    feed: Feed

    def beat(self) -> None:
        """Write the file."""
        half = self.path.with_suffix(".heartbeat.tmp")
        half.write_text(json.dumps(self.read()), encoding="utf-8")
        half.replace(self.path)

    def read(self) -> dict[str, Any]:
        """Return what the file says."""
        shards, ends = self.runner.shards.values(), self.feed.ends
        return {
            "t": time.time(),
            "pid": os.getpid(),
            "cursors": {
                shard.name: {
                    "cursor": shard.cursor,
                    "end": max(ends.get(shard.partition, 0), shard.cursor),
                    "stream_seq": shard.continuity.next_seq,
                }
                for shard in shards
                if shard.parked is None
            },
            "parked": {
                shard.name: {"offset": shard.parked.offset, "why": shard.parked.why}
                for shard in shards
                if shard.parked is not None
            },
            "holes": {
                shard.name: {"stream_seq": shard.continuity.next_seq, "seen_to": shard.continuity.highest}
                for shard in shards
                if shard.hole_offset is not None
            },
            "holes_met": sum(shard.holes for shard in shards),
            "twins": sum(shard.continuity.twins for shard in shards),
            "refused_snapshots": self.runner.refused_snapshots,
            "lost_views": self.runner.lost_views,
        }


def create_app(name: str, bootstrap: str, runner: Runner, exits: Exits, heartbeat: Path | None) -> App:
    """Return the app of a worker, ready to run."""
    work = runner.work
    app = App(f"novate-{name}", bootstrap)
    topic = work.prefix + work.topic
    source = Source(
        bootstrap=bootstrap,
        name=work.topic,
        topic=topic,
        partitions=work.partitions,
        cursors=runner.restore,
        settings={},
    )
    feed = app.feed = Feed(app, source, exits)
    runner.on_parked = feed.pause
    channel = app.topic(topic, key_type=None, value_type=None, key_serializer="raw", value_serializer="raw", acks=False)
    add_agent(app, channel, runner, exits)
    _every(app, VIEW_SECONDS, runner.show, exits)
    _every(app, SNAPSHOT_LOOK_SECONDS, runner.snapshot_due, exits)
    if heartbeat is not None:
        _beat(app, Heartbeat(heartbeat, runner, feed), exits)
    return app


def _beat(app: App, heartbeat: Heartbeat, exits: Exits) -> None:
    async def beat() -> None:
        heartbeat.beat()

    _every(app, HEARTBEAT_SECONDS, beat, exits)


def _every(app: App, seconds: float, call: Callable[[], Awaitable[None]], exits: Exits) -> None:
    """Add a task that calls again and again; unlike Faust's timer it does not complain of a busy machine."""

    async def again() -> None:
        while not app.should_stop:
            try:
                await call()
            except Exception as error:  # noqa: BLE001  Faust would end the task and go on without it
                exits.die_of(f"novate@{call.__name__}", error)
            await asyncio.sleep(seconds)

    again.__name__ = f"every_{seconds}_seconds_{getattr(call, '__name__', 'call')}"
    app.task(again)
