"""What runs: the status file that each second tells every other shell, and how to read it."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.local.errors import LocalError
from infra.local.folder import DataFolder, write_atomically
from infra.local.folder_lock import holder
from infra.local.process import Endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingStatus:
    """One thing that runs, or should. `since` is unix seconds; `heartbeat_age` seconds; see watch.Report."""

    pid: int | None
    state: str
    restarts: int
    since: float
    last_exit: str | None
    alarm: str | None
    parked: list[str]
    heartbeat_age: float | None
    cursors: dict[str, dict[str, int]]
    told: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformStatus:
    """The platform of one data folder.

    state: starting, running, stopping, or stopped. written_at, started_at: unix seconds. database has no password.
    things: by name, in the order of their start; empty when nothing runs.
    """

    state: str
    pid: int | None = None
    started_at: float | None = None
    written_at: float | None = None
    kafka: str | None = None
    kafka_embedded: bool = True
    database: str | None = None
    database_embedded: bool = True
    things: dict[str, ThingStatus] = field(default_factory=dict)

    @property
    def alarms(self) -> list[str]:
        """What a person must look at."""
        watched = [thing.alarm for thing in self.things.values() if thing.alarm]
        return watched + [f"{name}: {told}" for name, thing in self.things.items() for told in thing.told]


def write_status(folder: DataFolder, status: PlatformStatus) -> None:
    """Write the status so that a reader never sees half of it."""
    write_atomically(folder.status, json.dumps({**asdict(status), "alarms": status.alarms}, indent=1))


def read_status(data: Path) -> PlatformStatus:
    """Return what runs on a data folder; state `stopped` when nothing does, whatever a killed platform left written."""
    folder = DataFolder(data.expanduser().absolute())
    pid = holder(folder.lock)
    if pid is None:
        return PlatformStatus(state="stopped")
    written: dict[str, Any] = json.loads(folder.status.read_text()) if folder.status.exists() else {}
    if written.pop("pid", None) != pid:
        return PlatformStatus(state="starting", pid=pid)
    written.pop("alarms")
    things = {name: ThingStatus(**thing) for name, thing in written.pop("things").items()}
    return PlatformStatus(pid=pid, things=things, **written)


def running_endpoints(data: Path, database_url: str | None = None) -> Endpoints:
    """Return where the running platform's broker and database are, for a command in another shell.

    database_url: the address of a database that is not embedded: its password is not in the status.

    Raises:
        LocalError: no platform runs on this folder, or not yet.
    """
    status = read_status(data)
    if status.kafka is None or status.database is None:
        raise LocalError(
            f"Expected a platform running on {data}, was {status.state}. Start one: novate up; "
            "or name its data folder: NOVATE_DATA."
        )
    address = database_url or status.database
    if status.database_embedded:
        password = (data.expanduser().absolute() / "postgres.password").read_text().strip()
        address = status.database.replace("@", f":{password}@", 1)
    return Endpoints(kafka=status.kafka, database=address, data=data.expanduser().absolute())


def without_password(address: str) -> str:
    """Return a database's address without its password."""
    parts = conninfo_to_dict(address)
    return make_conninfo(**{name: str(value) for name, value in parts.items() if name != "password"})


def now() -> float:
    """Return unix seconds: shown to people, never part of a result."""
    return time.time()
