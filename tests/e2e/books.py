"""Everything of a run that must be equal byte for byte, by its place; and what differs between two runs.

Left out is what is evidence and no result: when a control was asked for, how the feed's releases were cut into
advances, at which offset anything stands, and the cluster's own id.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from psycopg import Connection

from infra.exchange import Exchange
from settlement.cli.audit import audit
from settlement.domain.dates import format_date
from settlement.ledger import queries
from settlement.ledger.session import as_auditor, connect
from settlement.replay.report import Report
from settlement.wire import codec
from tests.e2e.house import PARTITIONS, House

NUMBERED: Final = ("fills", "orders", "index-ticks")
SHARDED: Final = (*NUMBERED, "variation-margin", "market", "positions")
SINGLE: Final = ("controls", "index-fixings", "rejections", "outcomes", "settlements", "statements")
TIMED: Final = frozenset(("requested_at_us", "control_seq", "place", "source_seq", "original", "repeated"))
"""Fields of controls and of what is said of them that tell when and where, not what."""


@dataclass(slots=True)
class Books:
    """What a run gave.

    rows: by place, such as `ledger.payment 3,M01,HOUSE,USD` or `fills-2 17`.  twins: records that came again, equal.
    conflicts: places under which the log has two different records.  report: of the audit.
    """

    rows: dict[str, bytes] = field(default_factory=dict)
    twins: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    def add(self, area: str, place: str, value: bytes) -> None:
        """Add a record of the log; an equal one is a twin, another one a conflict."""
        known = self.rows.setdefault(place, value)
        if known is not value:
            self.twins[area] += 1
            if known != value:
                self.conflicts.append(place)


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a run's books: places that the undisturbed run has and this one lacks, the reverse, and those
    that both have with other bytes.
    """

    lost: list[str]
    doubled: list[str]
    conflicting: list[str]

    @property
    def none(self) -> bool:
        """Whether the books are equal."""
        return not (self.lost or self.doubled or self.conflicting)

    def __str__(self) -> str:
        """Name the first places of each kind."""
        kinds = (("lost", self.lost), ("doubled", self.doubled), ("conflicting", self.conflicting))
        return "; ".join(f"{len(places)} {kind}: {', '.join(places[:5])}" for kind, places in kinds if places) or "none"


def compare(expected: Books, was: Books) -> Faults:
    """Return what differs from an undisturbed run's books."""
    both = expected.rows.keys() & was.rows.keys()
    return Faults(
        lost=sorted(expected.rows.keys() - was.rows.keys()),
        doubled=sorted(was.rows.keys() - expected.rows.keys()),
        conflicting=sorted({place for place in both if expected.rows[place] != was.rows[place]} | set(was.conflicts)),
    )


def books(house: House) -> Books:
    """Return a house's books, as its ledger, its log, its files and its replay have them."""
    found = Books()
    with connect(house.endpoints.database) as conn:
        for place, value in ledger_rows(conn):
            found.rows[place] = value
    _take_log(found, house, *SHARDED, *SINGLE)
    folder = house.data / "statements"
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            found.rows[f"statements/{file.relative_to(folder)}"] = file.read_bytes()
    found.report = audit(house.endpoints)
    told = "\n".join(["PASS" if found.report.passed else "FAIL", *map(str, found.report.differences)])
    found.rows["replay state"] = found.report.state_sha256.encode()
    found.rows["replay"] = told.encode()
    return found


def ledger_rows(conn: Connection[Any]) -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table of the ledger, in the order of its key."""
    tables = conn.execute("""
        SELECT c.relname, array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum))
        FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
        WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname
    """).fetchall()
    assert len(tables) >= 10, tables
    for table, columns in tables:
        key = ", ".join(f'"{column}"' for column in columns)
        row = "to_jsonb(t) - 'cluster_id'" if table == "meta" else "to_jsonb(t)"
        query = f"SELECT concat_ws(',', {key}), ({row})::text FROM ledger.{table} t ORDER BY {key}"
        for place, value in conn.execute(query.encode()):
            yield f"ledger.{table} {place}", value.encode()


# -- the log


def records(house: House, *topics: str) -> Iterator[Message]:
    """Yield everything that stands in topics now, each partition in its order."""
    consumer = Consumer({
        "bootstrap.servers": house.endpoints.kafka, "group.id": "test", "enable.auto.commit": False,
        "auto.offset.reset": "error", "enable.partition.eof": True, "fetch.wait.max.ms": 10, "log_level": 2,
    })  # fmt: skip
    at = {(topic, partition) for topic in topics for partition in range(PARTITIONS if topic in SHARDED else 1)}
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in sorted(at)])
    try:
        while at:
            for message in consumer.consume(5_000, 0.05):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    at.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def _take_log(found: Books, house: House, *topics: str) -> None:
    live: dict[str, tuple[int, bytes]] = {}
    for message in records(house, *topics):
        topic, partition, value = message.topic() or "", message.partition() or 0, message.value() or b""
        name, record = codec.decode(value)
        if topic in NUMBERED:
            found.add(topic, f"{topic}-{partition} {record['stream_seq']}", value)
        elif topic == "positions":
            place = f"positions {record['account']} {record['contract']}"
            held = json.dumps([record["lots"], record["long"], record["short"]]).encode()
            if record["stream_seq"] >= live.get(place, (-1, b""))[0]:
                live[place] = record["stream_seq"], held
        else:
            for place, said in _of_results(topic, name, {"partition": partition, **record}, value):
                found.add(topic, place, said)
    found.rows.update({place: held for place, (_, held) in live.items()})


RESULTS: Final = {
    "margin_line": "variation-margin-{partition} {business_date}/{kind}/{number} {line}",
    "partition_result": "variation-margin-{partition} {business_date}/{kind}/{number} result",
    "tier_prices": "market-{partition} {business_date} {contract}",
    "fixing": "fixing {series} {date}",
    "settlement_notice": "settlements {business_date}/{kind}/{number}",
    "payment_notice": "settlements {business_date}/{kind}/{number} {member} {origin} {currency}",
    "statement_notice": "statements {business_date} {member}",
}
"""Where a record that no stream_seq names stands."""


def _of_results(topic: str, name: str, record: dict[str, Any], value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield place and bytes of a record without stream_seq; nothing for what is conflated or a matter of timing."""
    if name in RESULTS:
        yield RESULTS[name].format(**record), value
    elif name == "rejection" and record["feed"] != "controls":
        yield f"rejections {record['feed']} {record['source_seq']}", value
    elif name in {"rejection", "control", "outcome"}:
        if record.get("kind") != "advance" and not record.get("repeated"):
            yield f"{topic} {record['control_id']}", _untimed(record)
    else:
        assert name == "best_quote", f"Expected a record that the books know, was {name} in {topic}."


def _untimed(record: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in record.items() if name not in TIMED}, sort_keys=True).encode()


# -- is all told?


def unfinished(house: House, exchange: Exchange) -> list[str]:
    """Return what is still to come after the last end of day is posted: announcements, files, fixings, live views."""
    with connect(house.endpoints.database) as conn, as_auditor(conn):
        outbox = Counter(row.topic for row in queries.outbox(conn, limit=1_000_000))
        lines = queries.lines(conn)
    told = Counter(message.topic() for message in records(house, *outbox))
    missing = [f"some of {topic}" for topic, count in outbox.items() if told[topic] < count]
    fixings = {codec.decode(message.value() or b"")[1]["date"] for message in records(house, "index-fixings")}
    missing += [f"the fixings of {day}" for day in exchange.dates if int(day.strftime("%Y%m%d")) not in fixings]
    days = {line.business_date for line in lines}
    folders = [house.data / "statements" / format_date(day) for day in days]
    missing += [f"statements in {folder}" for folder in folders if not folder.is_dir()]
    found = Books()
    _take_log(found, house, "positions")
    ends = {f"positions {one.account} {one.contract}": [one.end, one.end_long, one.end_short] for one in lines}
    for place, held in ends.items():
        shown = json.loads(found.rows.get(place, b"null"))
        if shown != held and (shown is not None or any(held)):
            missing.append(f"{place}: {shown} is no {held}")
    return missing


def digest(found: Books) -> str:
    """Return one hash over everything."""
    total = hashlib.sha256()
    for place in sorted(found.rows):
        total.update(f"{place} {len(found.rows[place])}\n".encode() + found.rows[place])
    return total.hexdigest()
