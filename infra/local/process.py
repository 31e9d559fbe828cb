"""What the supervisor is told: the processes to run, and the addresses that they get."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where broker and database are. The password is not shown by `repr`.

    kafka: bootstrap servers. database: a URL for psycopg, password included. data: the data folder.
    """

    kafka: str
    database: str = field(repr=False)
    data: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the platform.

    name: unique; names its files: `<data>/run/NAME.heartbeat`, `.died`, `.pid`, `<data>/logs/NAME.log`.
    argv: program and arguments; `--partitions 0-3` (or `0,2`) tells the supervisor what it may take out when one
        partition is parked.
    env: added to our environment.
    heartbeat: it writes its heartbeat at least every second; the first one says that it is ready.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    heartbeat: bool = True


Processes = Sequence[Process] | Callable[[Endpoints], Sequence[Process]]
