"""What can go wrong in the ledger.

    LedgerError
    ├── MigrationError       the database and the shipped migrations do not belong together
    ├── LedgerRefused        a guard of the database refused the rows: a bug or an attack, never retried
    │   └── CycleOutOfOrder  another cycle comes first, or a gap
    ├── PostedDifferently    this cycle is posted, with other content
    ├── CommitUnknown        the connection broke while committing: read what is there
    ├── NotReplicated        committed here, but the standby did not confirm: stop, and look
    └── OutboxStalled        the broker did not take, or does not hold, what the outbox says

Errors of psycopg that are none of these pass through; `poster.is_transient` says which of them may go away.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base of the ledger's errors; the text says what was expected, what was found and what to do."""


class MigrationError(LedgerError):
    """The database's migrations are not those of this version."""


class LedgerRefused(LedgerError):  # noqa: N818  what happened, in the past tense
    """A guard of the database refused what was to be posted; nothing was.

    code: the guard's SQLSTATE, NV001 ... (migrations/0003_guards.sql), or Postgres's own.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the guard's text."""
        super().__init__(f"{message} [{code}]")
        self.code = code


class CycleOutOfOrder(LedgerRefused):
    """The cycle does not follow the last posted one."""


class PostedDifferently(LedgerError):  # noqa: N818  what happened, in the past tense
    """The cycle is posted with other content.

    section: where the first difference lies: cycle, prices, lines, payments, fees, marks or outbox.
    expected: the posted line; was: the offered one; None where there is none.
    """

    def __init__(self, cycle: str, section: str, expected: str | None, was: str | None) -> None:
        """Name the first differing line."""
        super().__init__(
            f"Expected {cycle} as it is posted, was different, first in {section}: "
            f"expected {expected or 'no line'}, was {was or 'no line'}. "
            "A posted cycle never changes: post a correction, or find why the same log gave other figures.",
        )
        self.section = section
        self.expected = expected
        self.was = was


class CommitUnknown(LedgerError):  # noqa: N818  what happened, in the past tense
    """The connection broke in the middle of COMMIT: the cycle is posted, or not."""


class NotReplicated(LedgerError):  # noqa: N818  what happened, in the past tense
    """The server warned during COMMIT: the wait for the standby was cancelled, and a failover could lose the cycle."""


class OutboxStalled(LedgerError):  # noqa: N818  what happened, in the past tense
    """The relay cannot go on in order."""
