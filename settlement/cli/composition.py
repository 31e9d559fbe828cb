"""What the platform is made of: its processes, its topics, its ledger; wired together from the settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from infra.local.process import Endpoints, Process
from infra.local.status import read_status, running_endpoints
from infra.local.supervisor import Platform
from settlement.cli.refusals import CommandError
from settlement.config import Settings
from settlement.ledger.migrate import migrate
from settlement.ledger.session import connect
from streams import topics
from streams.gateway.controls import CONTROLS, Controls
from streams.log import LogReader

Say = Callable[[str], None]


def prepare(endpoints: Endpoints, partitions: int) -> None:
    """Create and verify the topics, record their number of shards, and bring the ledger's schema up to date."""
    topics.ensure(endpoints.kafka, partitions)
    _record_generation(endpoints.kafka, partitions)
    with connect(endpoints.database) as conn:
        migrate(conn)


def _record_generation(bootstrap: str, partitions: int) -> None:
    """Let the log begin with how many shards it has, so that whoever reads it needs no setting of ours."""
    with LogReader(bootstrap) as log:
        _, end = log.bounds(CONTROLS, 0)
    if end == 0:
        with Controls(bootstrap) as controls:
            controls.append(
                "generation", {"partitions": partitions}, control_id="generation/1", requested_by="platform",
                reason="the first start on empty topics",
            )  # fmt: skip


def processes(endpoints: Endpoints, settings: Settings) -> Sequence[Process]:
    """Return our processes: the gateway, the workers of the three folds, pricing, settlement."""
    prepare(endpoints, settings.partitions)
    data, kafka = str(endpoints.data), ["--bootstrap", endpoints.kafka]
    everything = f"0-{settings.partitions - 1}"
    folds = [
        (f"positions-{i}", "positions", share) for i, share in enumerate(shares(settings.partitions, settings.workers))
    ]
    folds += [("orders", "orders", everything), ("index", "index", everything)]
    gateway = [
        "streams.gateway",
        *kafka,
        "--partitions",
        str(settings.partitions),
        "--feeds",
        f"{data}/feeds",
        "--data",
        data,
        "--name",
        "gateway",
    ]
    pricing = ["streams.pricing", *kafka, "--partitions", str(settings.partitions), "--data", data, "--name", "pricing"]
    workers = [
        [
            name,
            "streams.worker",
            "--fold",
            fold,
            "--partitions",
            share,
            *kafka,
            "--name",
            name,
            "--run-folder",
            f"{data}/run",
        ]
        for name, fold, share in folds
    ]
    settlement = ["settlement.run", *kafka, "--dsn-file", str(_dsn_file(endpoints)), "--data", data]
    named = [["gateway", *gateway], *workers, ["pricing", *pricing], ["settlement", *settlement]]
    return [Process(name=name, argv=[sys.executable, "-m", *argv]) for name, *argv in named]


def shares(partitions: int, workers: int) -> list[str]:
    """Return the range of partitions of each worker, as `0-1`; no more workers than partitions."""
    count = min(partitions, workers)
    bounds = [partitions * i // count for i in range(count + 1)]
    return [f"{first}-{after - 1}" for first, after in pairwise(bounds)]


def _dsn_file(endpoints: Endpoints) -> Path:
    """Write the ledger's address where only we can read it: an argument would show the password to everybody."""
    file = endpoints.data / "run" / "ledger.dsn"
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(endpoints.database)
    fresh.replace(file)
    return file


def platform_of(settings: Settings, say: Say, *, parts_only: bool = False) -> Platform:
    """Return the platform of the settings, not started; parts_only: broker and database alone."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    made = () if parts_only else (lambda endpoints: processes(endpoints, settings))
    return Platform(settings.data, made, kafka=settings.kafka, database_url=url, cache=settings.cache, say=say)


@contextmanager
def running_platform(settings: Settings, say: Say) -> Iterator[Platform]:
    """Run the whole platform for the length of a block."""
    with platform_of(settings, say) as platform:
        yield platform


@contextmanager
def endpoints_of(settings: Settings, say: Say) -> Iterator[Endpoints]:
    """Return where broker and database are: those of the running platform, or started for the length of a block."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    if read_status(settings.data).state == "running":
        yield running_endpoints(settings.data, url)
        return
    if not (settings.data / "run").is_dir():
        raise CommandError(
            f"Expected a platform's data in {settings.data}, was none. Start one (novate demo, novate up), "
            "or name it: NOVATE_DATA."
        )
    say("No platform runs here: starting its broker and database for this command")
    with platform_of(settings, lambda _: None, parts_only=True) as platform:
        prepare(platform.endpoints, settings.partitions)
        yield platform.endpoints
