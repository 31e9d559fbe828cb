"""The embedded database on the real Postgres."""

import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local import proc
from infra.local.errors import LocalError
from infra.local.postgres import Postgres


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """Return a database that runs."""
    database = Postgres(tmp_path)
    database.start()
    yield database
    database.stop()


def test_a_new_database_is_durable_and_ours_alone(postgres: Postgres, tmp_path: Path) -> None:
    """A fresh start gives a Postgres 18 in UTF-8 that syncs commits, without TCP, behind a 0600 password file."""
    with psycopg.connect(postgres.dsn) as connection:
        names = ("server_version", "fsync", "synchronous_commit", "listen_addresses", "server_encoding", "timezone")
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
    assert shown.pop("server_version", ("",))[0].startswith("18.")  # type: ignore[index]
    assert shown == {
        "fsync": ("on",), "synchronous_commit": ("on",), "listen_addresses": ("",), "server_encoding": ("UTF8",),
        "timezone": ("UTC",),
    }  # fmt: skip
    assert stat.S_IMODE((tmp_path / "postgres.password").stat().st_mode) == 0o600
    assert (tmp_path / "postgres.password").read_text() not in postgres.dsn_without_password


def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    """The socket alone lets nobody in: a wrong password is refused."""
    wrong = postgres.dsn_without_password.replace("@", ":wrong@", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_the_socket_folder_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    """The socket lies in a short 0700 folder, which a stop removes."""
    database = Postgres(tmp_path)
    database.start()
    folder = Path((tmp_path / "run" / "postgres.socket").read_text())
    mode = stat.S_IMODE(folder.stat().st_mode)
    database.stop()
    assert mode == 0o700
    assert len(str(folder)) < 60
    assert not folder.exists()


def test_a_stop_and_start_keeps_what_was_committed(tmp_path: Path) -> None:
    """A second start finds the first one's rows, with the same password."""
    database = Postgres(tmp_path)
    database.start()
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    database.stop()
    database.start()
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    database.stop()


def test_after_kill_9_with_busy_backends_the_next_start_has_every_commit(postgres: Postgres) -> None:
    """A killed postmaster leaves a busy backend and its pid file; the next start ends the one, ignores the other."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    busy = threading.Thread(target=_sleep_in, args=(postgres.dsn,))
    busy.start()
    assert proc.wait_until(lambda: _sleepers(postgres.dsn) == 1, 5)
    dsn = postgres.dsn
    os.kill(postgres.pid or 0, signal.SIGKILL)
    assert proc.wait_until(lambda: postgres.pid is None, 5)
    postgres.launch()
    assert proc.wait_until(postgres.is_ready, 20)
    busy.join(10)
    assert postgres.dsn == dsn
    with psycopg.connect(postgres.dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    assert _sleepers(dsn) == 0


def _sleep_in(dsn: str) -> None:
    with pytest.raises(psycopg.OperationalError), psycopg.connect(dsn) as connection:
        connection.execute("SELECT pg_sleep(60)")


def _sleepers(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def test_a_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    """A pid file whose pid now belongs to another process (ours) is no reason to refuse."""
    database = Postgres(tmp_path)
    database.start()
    database.stop()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n0\n5432\n\n\n")
    database.start()
    assert database.is_ready()
    database.stop()


def test_an_interrupted_initdb_is_begun_again(tmp_path: Path) -> None:
    """Half a cluster that a killed first start left is not taken for one."""
    half = tmp_path / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    database = Postgres(tmp_path)
    database.start()
    assert database.is_ready()
    assert not half.exists()
    database.stop()


def test_a_second_server_on_the_folder_is_refused_and_the_first_lives(postgres: Postgres, tmp_path: Path) -> None:
    """The folder has one server: the second start names the process that has it."""
    with pytest.raises(LocalError, match=f"in use by process {os.getpid()}"):
        Postgres(tmp_path).start()
    assert postgres.is_ready()


def test_a_lost_password_is_told_before_anything_starts(tmp_path: Path) -> None:
    """Without the password file an existing ledger is not opened, and nothing overwrites it."""
    database = Postgres(tmp_path)
    database.start()
    database.stop()
    (tmp_path / "postgres.password").unlink()
    with pytest.raises(LocalError, match="Expected the database's password"):
        database.start()
    assert database.pid is None


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    """The error of a failed start quotes the end of the server's log and says what to do."""
    database = Postgres(tmp_path)
    database.start()
    database.stop()
    (tmp_path / "postgres" / "global" / "pg_control").rename(tmp_path / "pg_control")
    with pytest.raises(LocalError, match=r"(?s)pg_control.*Is the disk full"):
        database.start()
    assert database.pid is None


def test_no_port_is_opened(postgres: Postgres) -> None:
    """The server listens on no TCP port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        address = ("127.0.0.1", 5432)
        before = probe.connect_ex(address)
    assert before != 0 or _listens_not(postgres.pid or 0)


def _listens_not(pid: int) -> bool:
    """Tell whether none of the process's sockets is a listening TCP one (another Postgres may hold port 5432)."""
    listening = {
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    }
    mine = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return not any(f"socket:[{inode}]" in mine for inode in listening)
