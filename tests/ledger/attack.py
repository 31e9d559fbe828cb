"""One attack on the ledger: who runs which SQL, and the error that it must meet."""

from dataclasses import dataclass

DENIED = "42501"
UNIQUE = "23505"
FOREIGN_KEY = "23503"
CHECK = "23514"
REPLICA = "SET session_replication_role = replica;"


@dataclass(frozen=True)
class Attack:
    """One attack: code is the SQLSTATE that it must end with."""

    name: str
    sql: str
    code: str
    actor: str = "poster"


def as_replica(name: str, sql: str, code: str) -> Attack:
    """Return an attack of a superuser who switches ordinary triggers and foreign keys off."""
    return Attack(f"{name} as a replica", REPLICA + sql, code, "superuser")
