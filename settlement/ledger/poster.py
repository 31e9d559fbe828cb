"""Posts a cycle in one transaction, once: the same content again changes nothing, other content is refused.

The whole cycle or nothing: header, prices, lines, payments, journals, marks and outbox commit together, and the
database's own guards check them before they do (migrations/0003, 0004).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import psycopg
import stamina
from psycopg import Connection
from psycopg.errors import Diagnostic

from settlement.domain.dates import to_date
from settlement.ledger import queries
from settlement.ledger.content import content_sha256, first_difference
from settlement.ledger.errors import (
    CommitUnknown,
    CycleOutOfOrder,
    LedgerError,
    LedgerRefused,
    NotReplicated,
    PostedDifferently,
)
from settlement.ledger.model import CycleId, CyclePosting, Generation, Outcome
from settlement.ledger.rows import insert_cycle
from settlement.ledger.session import as_poster
from settlement.ledger.statements import statements

# Any fixed number, not the migrations': posters take turns by it. The lock ends with its transaction.
POSTING_LOCK: Final = 0x6E6F76617466
# A poster that was frozen in the middle must not stop the others for ever: the server ends its session.
_TIMEOUTS: Final = b"""
SELECT set_config('lock_timeout', '30s', true), set_config('idle_in_transaction_session_timeout', '30s', true)
"""
# Any transaction that writes waits for the standby, and so for everything before it.
_WAIT_FOR_STANDBY: Final = b"SELECT pg_logical_emit_message(true, 'novate', '')"

ATTEMPTS: Final = 30
TIMEOUT_SECONDS: Final = 120.0
WAIT_SECONDS_MAX: Final = 2.0


def post(conn: Connection[Any], posting: CyclePosting) -> Outcome:
    """Post a cycle, or find it posted; one attempt on one idle connection.

    Raises:
        PostedDifferently: the cycle is posted with other content.
        CycleOutOfOrder: it does not follow the last posted cycle.
        LedgerRefused: a guard of the database refused it.
        NotReplicated: the standby did not confirm; fatal, a person has to look.
        CommitUnknown: the connection broke while committing; post again on a new connection.
        psycopg.OperationalError: the database is not there; `is_transient` tells whether to try again.
    """
    warnings: list[str] = []
    committing = False

    def watch(notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(f"{notice.message_primary} {notice.message_detail or ''}".strip())

    conn.add_notice_handler(watch)
    try:
        with as_poster(conn):
            outcome = _post(conn, posting)
            warnings.clear()
            committing = True
    except psycopg.Error as error:
        if committing and not warnings and conn.closed:
            raise CommitUnknown(
                f"Expected {posting.cycle} to commit, the connection broke: {error}. Post it again to find out."
            ) from error
        _check_replicated(posting, warnings)
        _raise_refusal(error)
        raise
    finally:
        conn.remove_notice_handler(watch)
    _check_replicated(posting, warnings)
    return outcome


def post_durably(
    connect: Callable[[], Connection[Any]],
    posting: CyclePosting,
    *,
    attempts: int = ATTEMPTS,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Outcome:
    """Post a cycle over restarts of the database: new connections, bounded retries, unknown commits resolved.

    The answer is POSTED when an attempt of this call may have committed it. Raises as `post` does, CommitUnknown and
    transient errors only after the last attempt.
    """
    in_doubt = False
    outcome = Outcome.UNCHANGED
    for attempt in stamina.retry_context(
        on=is_transient, attempts=attempts, timeout=timeout_seconds, wait_max=WAIT_SECONDS_MAX
    ):
        with attempt, connect() as conn:
            try:
                outcome = post(conn, posting)
            except CommitUnknown:
                in_doubt = True
                raise
    return Outcome.POSTED if in_doubt else outcome


def is_transient(error: Exception) -> bool:
    """Tell whether the same call may succeed a moment later.

    A lost or refused connection, a serialization failure (40001), a deadlock (40P01), a lock timeout, a full disk are
    transient; wrong credentials, an unknown database and a statement that somebody cancelled are not.
    """
    if isinstance(error, CommitUnknown):
        return True
    permanent = (
        psycopg.errors.InvalidAuthorizationSpecification,
        psycopg.errors.InvalidPassword,
        psycopg.errors.InvalidCatalogName,
        psycopg.errors.QueryCanceled,
    )
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, permanent)


def open_generation(conn: Connection[Any], generation: Generation) -> Outcome:
    """Record the Kafka cluster and the number of partitions that marks are counted in, before the first cycle.

    Raises:
        LedgerError: this generation is open with other values: the ledger belongs to another cluster.
        LedgerRefused: it is not the next generation.
    """
    try:
        with as_poster(conn):
            conn.execute(statements("posting")["lock"], {"lock": POSTING_LOCK})
            newest = queries.generation(conn)
            if newest is not None and newest.generation == generation.generation:
                _check_generation(newest, generation)
                return Outcome.UNCHANGED
            values = {name: getattr(generation, name) for name in ("generation", "partitions", "cluster_id")}
            conn.execute(statements("posting")["open_generation"], values)
    except psycopg.Error as error:
        _raise_refusal(error)
        raise
    return Outcome.POSTED


def _post(conn: Connection[Any], posting: CyclePosting) -> Outcome:
    digest = content_sha256(posting)
    conn.execute(_TIMEOUTS)
    conn.execute(statements("posting")["lock"], {"lock": POSTING_LOCK})
    posted = queries.find_cycle(conn, posting.cycle)
    if posted is not None:
        if posted.sha256 != digest:
            raise _difference(queries.posted(conn, posting.cycle), posting)
        conn.execute(_WAIT_FOR_STANDBY)
        return Outcome.UNCHANGED
    insert_cycle(conn, posting, digest, seq=_next_seq(conn, posting), generation=_open_generation(conn))
    return Outcome.POSTED


def _next_seq(conn: Connection[Any], posting: CyclePosting) -> int:
    head = queries.head(conn)
    if posting.previous != (None if head is None else head.cycle):
        message = (
            f"Expected the cycle after {'none' if head is None else head.cycle}, which is the last one posted, "
            f"was {posting.cycle}, which follows {posting.previous or 'none'}. Post the cycles in the order of the log."
        )
        raise CycleOutOfOrder("NV008", message)
    return 1 if head is None else head.seq + 1


def _open_generation(conn: Connection[Any]) -> int:
    newest = queries.generation(conn)
    if newest is None:
        raise LedgerError(
            "Expected an open generation, was none. Record cluster and partitions first (open_generation)."
        )
    return newest.generation


def _difference(posted: CyclePosting, offered: CyclePosting) -> LedgerError:
    found = first_difference(posted, offered)
    if found is None:
        message = (
            f"Expected the rows of {posted.cycle} to hash to what is stored with it, was another hash: "
            "the ledger was altered. Run the audit (novate replay)."
        )
        return LedgerError(message)
    return PostedDifferently(str(posted.cycle), found.section, found.expected, found.was)


def _check_generation(posted: Generation, offered: Generation) -> None:
    if posted != offered:
        message = (
            f"Expected generation {posted.generation} on cluster {posted.cluster_id} with {posted.partitions} "
            f"partitions, was {offered.cluster_id} with {offered.partitions}. This ledger belongs to another log."
        )
        raise LedgerError(message)


def _check_replicated(posting: CyclePosting, warnings: list[str]) -> None:
    if warnings:
        message = (
            f"Expected {posting.cycle} to commit without a warning, was: {' '.join(warnings)} "
            "It may not be on the standby. Stop, and make sure that the standby has it before going on."
        )
        raise NotReplicated(message)


def _raise_refusal(error: psycopg.Error) -> None:
    """Raise the refusal of a guard, a constraint or a type as ours; do nothing when the error is of another kind."""
    code = error.sqlstate or ""
    message = error.diag.message_primary or str(error)
    if code == "NV008":
        raise CycleOutOfOrder(code, message) from error
    if code.startswith(("NV", "22", "23")):
        raise LedgerRefused(code, message) from error


def _identity(cycle: CycleId) -> dict[str, object]:
    return {"business_date": to_date(cycle.business_date), "kind": cycle.kind, "number": cycle.number}
