"""Embedded Postgres 18: initialised, started and stopped by us, for us alone.

scram-sha-256 with a random password in a 0600 file, a socket in a 0700 folder, no TCP. As root the server runs as an
unprivileged user, who often cannot reach the data folder by its path (/root, a test's folder). So it is started with
the data folder as its working folder, and told the path /proc/self/cwd, which the kernel resolves without the parents.
"""

import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

from infra.local import proc
from infra.local.errors import LocalError, last_lines
from infra.local.folder_lock import FolderLock
from infra.local.postgres_binaries import binaries
from infra.local.spawn import Launch, User, run, spawn
from infra.local.users import database_user

ROLE = "novate"
DATABASE = "novate"
START_SECONDS = 60
LEFTOVER_SECONDS = 5
STOP_STEPS = [(signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0)]  # fast shutdown, then immediate

# An embedded server beside a broker on a small machine; durable as any (an acknowledged journal is never lost).
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_connections": "60",
    "max_wal_size": "1GB",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "wal_level": "minimal",  # nobody replicates an embedded ledger
    "max_wal_senders": "0",
    "io_method": "sync",  # no I/O worker processes on two cores
    "jit": "off",
    "autovacuum_naptime": "30s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "client_connection_check_interval": "1s",  # a killed client's statement ends, and lets go of its locks
}


class Postgres:
    """The embedded database of one data folder: `<data>/postgres`, its password beside it, its log in `<data>/logs`.

    `start` after a `kill -9`, of the server or of us, recovers by itself. The address stays the same over restarts.
    """

    def __init__(self, data: Path) -> None:
        """Name the data folder; nothing is touched yet."""
        self._data = data.absolute()
        self._cluster = self._data / "postgres"
        self._password = self._data / "postgres.password"
        self._lock = FolderLock(self._data / "run" / "postgres.lock")
        self._socket: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.log = self._data / "logs" / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's pid; None when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last start ended; None while it runs."""
        return None if self._child is None else self._child.poll()

    @property
    def dsn(self) -> str:
        """The address for psycopg, password included."""
        return self._address(f":{self._password.read_text().strip()}")

    @property
    def dsn_without_password(self) -> str:
        """The address to show."""
        return self._address("")

    def start(self) -> None:
        """Initialise the cluster when there is none, start the server and wait until it answers.

        Raises:
            LocalError: it runs already, in this data folder or another process of ours holds it, or it does not start.
        """
        self.launch()
        try:
            if not proc.wait_until(lambda: self.is_ready() or self.pid is None, START_SECONDS) or self.pid is None:
                raise self.start_error()
            self._ensure_database()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the server without waiting for it."""
        if self.pid is not None:
            raise LocalError(f"Expected Postgres to be stopped, was running as process {self.pid}. Stop it first.")
        if self._child is None:
            self._lock.take(f"the database in {self._data}", "Stop it (novate down), or choose another data folder.")
        try:
            user = database_user()
            programs = binaries(user)
            self._make_folders(user)
            self._initialise(programs, user)
            self._clear_leftovers()
            self._child = spawn(self._server(programs, user))
        except BaseException:
            if self._child is None:
                self._lock.release()
            raise

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        try:
            with psycopg.connect(self._address(f":{self._secret()}", "postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def start_error(self) -> LocalError:
        """Return the error that says why the server does not start."""
        return LocalError(
            f"Expected Postgres to answer within {START_SECONDS} s, was "
            f"{'silent' if self.pid else f'ended with code {self.exit_code}'}. The end of {self.log}:\n"
            f"{last_lines(self.log)}\nIs the disk full? Otherwise keep that log and report it; "
            "`novate down --purge` starts afresh (and deletes the ledger)."
        )

    def kill(self) -> None:
        """End a server that does not answer; the folder stays ours, for the next launch."""
        if self._child is not None:
            proc.end(self._child, [])

    def stop(self) -> None:
        """Stop the server (fast shutdown, then harder) and give the folder back."""
        if self._child is not None:
            proc.end(self._child, STOP_STEPS)
            self._clear_leftovers()
            self._child = None
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
            self._socket = None
        self._lock.release()

    def _address(self, password: str, database: str = DATABASE) -> str:
        if self._socket is None:
            raise LocalError("Expected Postgres to be started, was not. Call start() before asking for its address.")
        return f"postgresql://{ROLE}{password}@/{database}?host={quote(str(self._socket), safe='')}"

    def _secret(self) -> str:
        return self._password.read_text().strip()

    def _path_for_server(self, user: User | None) -> str:
        return "/proc/self/cwd" if user is not None and sys.platform == "linux" else "."

    def _make_folders(self, user: User | None) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(exist_ok=True)
        if not self._password.exists() and self._cluster.exists():
            raise LocalError(
                f"Expected the database's password in {self._password}, was no such file. Put it back from a copy; "
                "without it the ledger cannot be read. `novate down --purge` starts afresh (and deletes the ledger)."
            )
        if not self._password.exists():
            descriptor = os.open(self._password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        self._socket = self._socket_folder(user)

    def _socket_folder(self, user: User | None) -> Path:
        """Return a folder for the socket, the last run's when it is still ours; its path must be short (107 bytes)."""
        owner = os.geteuid() if user is None else user.uid
        note = self._data / "run" / "postgres.socket"
        if note.exists() and _is_private(folder := Path(note.read_text()), owner):
            return folder
        folder = Path(tempfile.mkdtemp(prefix="novate-", dir="/tmp"))  # TMPDIR may be long
        if user is not None:
            os.chown(folder, user.uid, user.gid)
        note.write_text(str(folder))
        return folder

    def _initialise(self, programs: Path, user: User | None) -> None:
        """Run initdb in a folder beside, and rename it when it is complete: half a cluster is never taken for one."""
        if self._cluster.exists():
            return
        fresh = self._cluster.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        assert self._socket is not None  # noqa: S101  _make_folders ran
        password = self._socket / "initdb.password"
        password.touch(mode=0o600)
        password.write_text(self._secret())
        if user is not None:
            os.chown(fresh, user.uid, user.gid)
            os.chown(password, user.uid, user.gid)
        try:
            code = run(Launch(
                argv=[str(programs / "initdb"), "-D", self._path_for_server(user), "-U", ROLE, "--auth=scram-sha-256",
                      f"--pwfile={password}", "--encoding=UTF8", "--locale-provider=builtin",
                      "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"],
                log=self.log, cwd=fresh, user=user,
            ))  # fmt: skip
            if code != 0:
                raise LocalError(
                    f"Expected initdb to make a database, ended with code {code}. The end of {self.log}:\n"
                    f"{last_lines(self.log)}\nIs the disk full, or the folder on a file system without owners?"
                )
        finally:
            password.unlink()
        fresh.rename(self._cluster)

    def _server(self, programs: Path, user: User | None) -> Launch:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            argv=[str(programs / "postgres"), "-D", self._path_for_server(user), "-k", str(self._socket), *settings],
            log=self.log, cwd=self._cluster, user=user,
            death_signal=signal.SIGQUIT,  # the postmaster takes its children along; SIGKILL would leave them
        )  # fmt: skip

    def _clear_leftovers(self) -> None:
        """End what a killed server left behind (its children, its files), or the next one refuses to start."""
        if not proc.wait_until(lambda: not self._left(), LEFTOVER_SECONDS):
            for pid in self._left():
                proc.send(pid, signal.SIGKILL)
            proc.wait_until(lambda: not self._left(), LEFTOVER_SECONDS)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        if self._socket is not None:
            for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
                (self._socket / name).unlink(missing_ok=True)

    def _left(self) -> list[int]:
        return proc.running_in(self._cluster, "postgres")

    def _ensure_database(self) -> None:
        with psycopg.connect(self._address(f":{self._secret()}", "postgres"), autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if there is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def _is_private(folder: Path, owner: int) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077
