"""Attacks by those who may not: changing what is posted, the guards, the rights, reading what is another's."""

from tests.ledger.attack import DENIED, REPLICA, Attack
from tests.ledger.forgery import forged

COLUMNS = {
    "account": "currency", "cycle": "number", "cycle_price": "tier", "journal": "currency", "margin_line": "fee_minor",
    "meta": "partitions", "outbox": "topic", "partition_mark": "stream_seq", "payment": "amount_minor",
    "payment_state": "state", "posting": "amount_minor",
}  # fmt: skip
"""Every table with a column to change."""

_UPSERT = """
INSERT INTO ledger.payment SELECT * FROM ledger.payment
ON CONFLICT (cycle_seq, member, origin, currency) DO UPDATE SET amount_minor = 1"""
_MERGE = """
MERGE INTO ledger.posting p USING ledger.posting s ON p.journal_id = s.journal_id AND p.leg = s.leg
WHEN MATCHED THEN UPDATE SET amount_minor = 1"""
_GUARD = "CREATE OR REPLACE FUNCTION ledger.check_journal(id text) RETURNS void LANGUAGE sql AS ''"
_TRIGGER = """
CREATE TRIGGER mine BEFORE INSERT ON ledger.posting
FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"""


def _changes(actor: str, code: str, before: str = "") -> list[Attack]:
    """Return UPDATE, DELETE and TRUNCATE on every table."""
    suffix = " as a replica" if before else ""
    attacks = []
    for table, column in COLUMNS.items():
        for verb, sql in {
            "updates": f"UPDATE ledger.{table} SET {column} = {column}",
            "deletes": f"DELETE FROM ledger.{table}",
            "truncates": f"TRUNCATE ledger.{table} CASCADE",
        }.items():
            attacks.append(Attack(f"{verb} {table}{suffix}", before + sql, code, actor))
    return attacks


CHANGES = [
    *_changes("superuser", "NV001"),
    *_changes("superuser", "NV001", before=REPLICA),
    *_changes("owner", "NV001"),
    *_changes("poster", DENIED),
    *_changes("member", DENIED),
    *_changes("auditor", DENIED),
    Attack("updates on conflict", _UPSERT, DENIED),
    Attack("updates on conflict", _UPSERT, "NV001", "superuser"),
    Attack("merges", _MERGE, DENIED),
    Attack("merges", _MERGE, "NV001", "superuser"),
    Attack("deletes in a CTE", "WITH gone AS (DELETE FROM ledger.posting RETURNING 1) SELECT * FROM gone", DENIED),
]

STRUCTURE = [
    Attack("disables the triggers", "ALTER TABLE ledger.posting DISABLE TRIGGER ALL", DENIED),
    Attack("disables one trigger", "ALTER TABLE ledger.posting DISABLE TRIGGER balanced", DENIED),
    Attack("poses as a replica", REPLICA, DENIED),
    Attack("poses as a replica", REPLICA, DENIED, "owner"),
    Attack("drops a table", "DROP TABLE ledger.posting CASCADE", DENIED),
    Attack("drops a guard", "DROP FUNCTION ledger.check_postings CASCADE", DENIED),
    Attack("replaces a guard", _GUARD, DENIED),
    Attack("adds a table", "CREATE TABLE ledger.mine (id int) INHERITS (ledger.posting)", DENIED),
    Attack("inherits from a table", "CREATE TEMP TABLE mine () INHERITS (ledger.posting)", DENIED),
    Attack("adds a trigger", _TRIGGER, DENIED),
    Attack("adds a rule", "CREATE RULE mine AS ON INSERT TO ledger.posting DO INSTEAD NOTHING", DENIED),
    Attack("grants itself more", "GRANT ALL ON ledger.posting TO novate_poster; DELETE FROM ledger.posting", DENIED),
    Attack("becomes the owner", "SET ROLE novate_owner", DENIED),
    Attack("escapes row security", "ALTER ROLE novate_poster BYPASSRLS", DENIED),
    Attack("changes a column", "ALTER TABLE ledger.posting ALTER amount_minor TYPE float8", DENIED),
    Attack("drops a constraint", "ALTER TABLE ledger.cycle DROP CONSTRAINT cycle_check", DENIED),
    Attack("locks everybody out", "BEGIN; LOCK TABLE ledger.cycle IN ACCESS EXCLUSIVE MODE", DENIED),
    Attack("forges a migration", "INSERT INTO ledger.migration VALUES ('0099.sql', '')", DENIED),
    Attack("copies from a program", "COPY ledger.posting FROM PROGRAM 'echo'", DENIED),
    Attack("copies past row security", "COPY ledger.posting FROM STDIN", "0A000"),
    Attack(
        "inserts past row security",
        "INSERT INTO ledger.payment VALUES (2, 'M99', 'HOUSE', 'USD', 1, '2026-08-04')",
        DENIED,
        "owner",
    ),
    Attack("posts what it cannot see", forged(), "NV009", "owner"),
]

READING = [
    Attack("posts", forged(), DENIED, "member"),
    Attack("posts", forged(), DENIED, "auditor"),
    Attack("reads the outbox", "SELECT * FROM ledger.outbox", DENIED, "member"),
    Attack("reads the marks", "SELECT * FROM ledger.partition_mark", DENIED, "member"),
    Attack("turns row security off", "SET row_security = off; SELECT * FROM ledger.payment", DENIED, "member"),
    Attack("becomes the auditor", "SET ROLE novate_auditor", DENIED, "member"),
    Attack("becomes the poster", "SET ROLE novate_poster", DENIED, "auditor"),
    Attack("makes a table", "CREATE TABLE ledger.mine (id int)", DENIED, "member"),
    Attack("locks", "BEGIN; LOCK TABLE ledger.posting IN ACCESS EXCLUSIVE MODE", DENIED, "member"),
]
