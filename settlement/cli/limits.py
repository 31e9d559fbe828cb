"""Who is over a position limit, by the ledger's positions and the log's terms (rule POS-1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import psycopg
from confluent_kafka import KafkaException
from psycopg import Connection

from settlement.cli.operate_log import ControlBook
from settlement.cli.output import console
from settlement.domain.dates import format_date, parse_date
from settlement.domain.position_limit import Excess, Limits, excesses, limit_at
from settlement.ledger import queries
from settlement.ledger.session import as_auditor, connect

if TYPE_CHECKING:
    from settlement.config import Settings

ANSWER_SECONDS: Final = 5.0
"""How long `novate status` waits for the broker, which may be what is ill."""
Json = dict[str, Any]


def limits_of(book: ControlBook) -> Limits:
    """Return the position limits of every version of the terms that came into force, each from its date on."""
    return {
        name: [(version.since, None if (limit := version.document.get("position_limit")) is None else int(limit))
               for version in versions.reached]
        for name, versions in book.terms.versions.items()
    }  # fmt: skip


def over_limits(conn: Connection[Any], limits: Limits, *, until: int | None = None) -> list[Excess]:
    """Return what was over its limit at the end of a date, by default the last settled one."""
    if all(limit_lots is None for versions in limits.values() for _, limit_lots in versions):
        return []
    return excesses(queries.held(conn, until=until), limits)


def with_limits(rows: Iterable[Json], limits: Limits, over: Iterable[Excess]) -> list[Json]:
    """Return positions with their contract's limit, how far their member is beyond it on their side, and since when."""
    found = {(one.member, one.origin.lower(), one.contract, one.side): one for one in over}
    return [_beside(row, limits, found) for row in rows]


def _beside(row: Json, limits: Limits, found: dict[tuple[str, str, str, str], Excess]) -> Json:
    has = {"long": row["lots"] > 0 or row["long"], "short": row["lots"] < 0 or row["short"]}
    keys = [(row["member"], row["origin"], row["contract"], side) for side in has if has[side]]
    over = [found[key] for key in keys if key in found]
    most = max(over, key=lambda one: one.over_lots, default=None)
    return {
        **row,
        "limit": limit_at(limits.get(row["contract"], ()), parse_date(row["date"])),
        "over": most.over_lots if most else None,
        "since": format_date(most.since) if most else None,
    }


def book_and_excesses() -> tuple[ControlBook, list[Excess]]:
    """Return every control, and what is over its limit now, whether the platform runs or not."""
    from settlement.cli.view import ledger_and_log

    with ledger_and_log() as (conn, kafka):
        book = ControlBook.read(kafka)
        return book, over_limits(conn, limits_of(book))


def running_over_limits(settings: Settings) -> tuple[list[Excess], str]:
    """Return what is over its limit on the running platform, and why that is not known, empty when it is."""
    from infra.local.errors import LocalError
    from infra.local.status import running_endpoints

    url = settings.database_url.get_secret_value() if settings.database_url else None
    try:
        endpoints = running_endpoints(settings.data, url)
        limits = limits_of(ControlBook.read(endpoints.kafka, answer_seconds=ANSWER_SECONDS))
        with connect(endpoints.database) as conn, as_auditor(conn):
            return over_limits(conn, limits), ""
    except (KafkaException, psycopg.Error, LocalError, OSError) as error:
        return [], str(error)


def tell(over: Iterable[Excess]) -> None:
    """Print a line for each position over its limit."""
    for one in over:
        console().print(f"OVER THE LIMIT {one}", markup=False, soft_wrap=True)


def as_json(one: Excess) -> Json:
    """Return what is over as `--json` prints it."""
    return {
        "member": one.member, "origin": one.origin.lower(), "contract": one.contract, "side": one.side,
        "lots": one.lots, "limit": one.limit_lots, "over": one.over_lots, "since": format_date(one.since),
    }  # fmt: skip
