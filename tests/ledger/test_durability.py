"""Postgres dies in the middle: nothing acknowledged is lost, nothing is twice, every unknown COMMIT is resolved."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from infra.local import postgres
from infra.local.postgres import Postgres
from settlement.ledger import poster, queries
from settlement.ledger.audit import check_books
from settlement.ledger.content import content_sha256
from settlement.ledger.errors import CommitUnknown, CycleOutOfOrder, NotReplicated
from settlement.ledger.migrate import migrate
from settlement.ledger.model import CyclePosting, Outcome
from settlement.ledger.poster import open_generation, post, post_durably
from settlement.ledger.session import connect
from tests.ledger.books import GENERATION, chain
from tests.parts import throw_away

KILLS = 6
SECONDS = 60


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server of the test's own, which may be killed and may wait for a standby, with an empty ledger."""
    monkeypatch.setitem(postgres.SETTINGS, "wal_level", "replica")
    monkeypatch.setitem(postgres.SETTINGS, "max_wal_senders", "2")
    server = Postgres(tmp_path)
    server.start()
    with connect(server.dsn) as conn:
        migrate(conn)
        open_generation(conn, GENERATION)
    yield server
    throw_away(server)


def kill(server: Postgres) -> None:
    """End the server's postmaster, and it alone, by kill -9; its children follow by themselves."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.pid is None)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for a condition, for a minute at most."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


class PostingThread(threading.Thread):
    """Posts cycles one after the other until told to stop, and keeps what it was told of each."""

    def __init__(self, dsn: str, postings: list[CyclePosting]) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[tuple[CyclePosting, Outcome]] = []
        self.enough = threading.Event()
        self.error: BaseException | None = None
        self._dsn = dsn
        self._postings = postings

    def run(self) -> None:
        """Post; an error ends the thread and fails the test."""
        try:
            for posting in self._postings:
                if self.enough.is_set():
                    return
                self.acknowledged.append((posting, post_durably(lambda: connect(self._dsn), posting)))
        except BaseException as error:  # noqa: BLE001  the test asserts that there is none
            self.error = error


def test_no_acknowledged_cycle_is_lost_when_postgres_is_killed(mortal: Postgres) -> None:
    """Six kills at random moments: the ledger holds every acknowledged cycle once, with the undisturbed content."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  a failing run is repeated with it
    rng = random.Random(seed)
    postings = chain(1000)
    thread = PostingThread(mortal.dsn, postings)
    thread.start()
    for _ in range(KILLS):
        reached = len(thread.acknowledged) + rng.randrange(1, 12)
        wait_until(lambda reached=reached: len(thread.acknowledged) >= reached or thread.error)  # type: ignore[misc]
        time.sleep(rng.random() * 0.05)
        kill(mortal)
        mortal.start()
    thread.enough.set()
    thread.join(SECONDS)
    assert thread.error is None
    assert {outcome for _, outcome in thread.acknowledged} == {Outcome.POSTED}
    with connect(mortal.dsn) as conn:
        headers = queries.cycles(conn)
        assert [(h.cycle, h.sha256) for h in headers] == [(p.cycle, content_sha256(p)) for p, _ in thread.acknowledged]
        assert check_books(conn) == []


def _standby(server: Postgres, name: str) -> None:
    with connect(server.dsn) as conn:
        conn.execute("SET synchronous_commit = local")
        conn.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
        conn.execute("SELECT pg_reload_conf()")
        wait_until(lambda: conn.execute("SHOW synchronous_standby_names").fetchone() == (name,))


def _waiting_for_the_standby(conn: Connection[Any]) -> list[int]:
    return [pid for (pid,) in conn.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")]


class Attempt(threading.Thread):
    """One posting in a thread of its own, and how it ended."""

    def __init__(self, run: Callable[[], Outcome]) -> None:
        super().__init__(daemon=True)
        self.ended: Outcome | Exception | None = None
        self._run_it = run
        self.start()

    def run(self) -> None:
        """Post and keep the outcome or the error."""
        try:
            self.ended = self._run_it()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.ended = error


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_cancelled_wait_for_the_standby_is_fatal(mortal: Postgres, end: str) -> None:
    """COMMIT returns after a cancelled wait with only a warning: that is NotReplicated, never POSTED, never retried."""
    _standby(mortal, "nobody")
    attempt = Attempt(lambda: post_durably(lambda: connect(mortal.dsn), chain(1)[0]))
    with connect(mortal.dsn) as watcher:
        wait_until(lambda: _waiting_for_the_standby(watcher))
        watcher.execute(f"SELECT {end}(%s)".encode(), _waiting_for_the_standby(watcher))
    attempt.join(SECONDS)
    assert isinstance(attempt.ended, NotReplicated)
    assert "canceling" in str(attempt.ended)


def test_finding_a_cycle_posted_waits_for_the_standby_too(mortal: Postgres) -> None:
    """UNCHANGED is an acknowledgement as well: it is not given while the standby may lack the cycle."""
    posting = chain(1)[0]
    with connect(mortal.dsn) as conn:
        post(conn, posting)
    _standby(mortal, "nobody")
    attempt = Attempt(lambda: post_durably(lambda: connect(mortal.dsn), posting))
    with connect(mortal.dsn) as watcher:
        wait_until(lambda: _waiting_for_the_standby(watcher))
    assert attempt.ended is None
    _standby(mortal, "")
    attempt.join(SECONDS)
    assert attempt.ended is Outcome.UNCHANGED


def test_a_commit_that_happened_unheard_is_found(mortal: Postgres) -> None:
    """Killed after the commit record, before the answer: the next attempt finds the cycle; the caller hears POSTED."""
    posting = chain(1)[0]
    connections: list[Connection[Any]] = []

    def counted() -> Connection[Any]:
        connections.append(connect(mortal.dsn))
        return connections[-1]

    _standby(mortal, "nobody")
    attempt = Attempt(lambda: post_durably(counted, posting))
    with connect(mortal.dsn) as watcher:
        wait_until(lambda: _waiting_for_the_standby(watcher))
        watcher.execute("ALTER SYSTEM SET synchronous_standby_names = ''")  # read at the next start
    kill(mortal)
    mortal.start()
    attempt.join(SECONDS)
    assert attempt.ended is Outcome.POSTED
    assert len(connections) == 2
    with connect(mortal.dsn) as conn:
        assert [header.cycle for header in queries.cycles(conn)] == [posting.cycle]


DIES_ONCE = """
CREATE SEQUENCE public.tries;
CREATE FUNCTION public.die_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('public.tries') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER zz_dies AFTER INSERT ON ledger.cycle DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION public.die_once()"""


def test_a_commit_that_did_not_happen_is_posted_again(dsn: str, conn: Connection[Any]) -> None:
    """The connection broke during COMMIT before the commit record: CommitUnknown, and the next attempt posts it."""
    posting = chain(1)[0]
    conn.execute(DIES_ONCE)
    with connect(dsn) as broken, pytest.raises(CommitUnknown, match="Post it again to find out"):
        post(broken, posting)
    assert queries.cycles(conn) == []
    conn.execute("ALTER SEQUENCE public.tries RESTART")
    assert post_durably(lambda: connect(dsn), posting) is Outcome.POSTED
    assert [header.cycle for header in queries.cycles(conn)] == [posting.cycle]


def test_retries_are_bounded_and_permanent_errors_are_not_retried(dsn: str) -> None:
    """A database that stays away ends in its own error; a refusal is raised at the first attempt."""
    attempts: list[int] = []

    def refuse() -> Connection[Any]:
        attempts.append(1)
        raise psycopg.OperationalError("away")

    with pytest.raises(psycopg.OperationalError, match="away"):
        post_durably(refuse, chain(1)[0], attempts=3)
    assert len(attempts) == 3

    def counted() -> Connection[Any]:
        attempts.append(1)
        return connect(dsn)

    with pytest.raises(CycleOutOfOrder):
        post_durably(counted, chain(2)[1])
    assert len(attempts) == 4


def test_a_frozen_poster_does_not_stop_the_others(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poster that stands still inside its transaction loses its session, and another one posts the cycle."""
    monkeypatch.setattr(poster, "_TIMEOUTS", poster._TIMEOUTS.replace(b"'30s'", b"'1s'"))
    first, second = chain(2)
    with connect(dsn) as frozen, connect(dsn) as conn:
        frozen.execute("BEGIN")
        poster._post(frozen, first)
        assert post_durably(lambda: connect(dsn), first) is Outcome.POSTED
        with pytest.raises(psycopg.Error):
            frozen.execute("COMMIT")
        assert post(conn, second) is Outcome.POSTED
        assert len(queries.cycles(conn)) == 2
