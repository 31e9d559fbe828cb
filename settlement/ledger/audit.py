"""Checks the books against their own hashes: whoever got past the guards left a trace.

The replay compares the books with the log, line by line; this is the part that needs the ledger alone.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from settlement.ledger import journal, queries
from settlement.ledger.content import content_sha256
from settlement.ledger.errors import LedgerRefused
from settlement.ledger.model import CyclePosting
from settlement.ledger.records import Journal, PostedCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was posted: where, what its hash or the rule says, what is there."""

    place: str
    expected: str
    was: str

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        return f"{self.place}: expected {self.expected}, was {self.was}."


def check_books(conn: Connection[Any]) -> list[Finding]:
    """Return everything in the ledger that was altered after posting; nothing when the books are whole.

    Each cycle's rows must hash to its header, the headers to the chain, and its journals must be those that its
    payments and fees give.
    """
    findings: list[Finding] = []
    chain = b""
    for position, header in enumerate(queries.cycles(conn), start=1):
        chain = hashlib.sha256(chain + header.sha256).digest()
        if header.seq != position:
            findings.append(Finding(place=f"cycle {header.cycle}", expected=f"seq {position}", was=str(header.seq)))
        if header.chain_sha256 != chain:
            place = f"chain at {header.cycle}"
            findings.append(Finding(place=place, expected=chain.hex(), was=header.chain_sha256.hex()))
            chain = header.chain_sha256  # one broken link is one finding
        findings += _check_cycle(conn, header)
    return findings


def _check_cycle(conn: Connection[Any], header: PostedCycle) -> list[Finding]:
    posting = queries.posted(conn, header.cycle)
    booked = queries.journals(conn, header.cycle)
    digest = content_sha256(posting)
    if digest == header.sha256:
        findings = _counts(header, posting, len(booked))
    else:
        place = f"rows of {header.cycle}"
        findings = [Finding(place=place, expected=f"SHA-256 {header.sha256.hex()}", was=digest.hex())]
    try:
        expected = journal.journals(posting)
    except LedgerRefused as error:
        return [*findings, Finding(place=f"journals of {header.cycle}", expected="balanced legs", was=str(error))]
    if booked != expected:
        place = f"journals of {header.cycle}"
        findings.append(Finding(place=place, expected=f"the legs {_told(expected)}", was=_told(booked)))
    return findings


def _counts(header: PostedCycle, posting: CyclePosting, n_journals: int) -> list[Finding]:
    """Return what the header counts otherwise than the rows are: the hashes of content and chain do not hold these."""
    counted = {
        "n_prices": (header.n_prices, len(posting.prices)),
        "n_lines": (header.n_lines, len(posting.lines)),
        "n_payments": (header.n_payments, len(posting.payments)),
        "n_journals": (header.n_journals, n_journals),
        "n_marks": (header.n_marks, len(posting.marks)),
        "n_outbox": (header.n_outbox, len(posting.outbox)),
    }
    wrong = {name: numbers for name, numbers in counted.items() if numbers[0] != numbers[1]}
    expected, was = (", ".join(f"{name}={numbers[at]}" for name, numbers in wrong.items()) for at in (1, 0))
    return [Finding(place=f"counts of {header.cycle}", expected=expected, was=was)] if wrong else []


def _told(booked: list[Journal]) -> str:
    """Return a few legs; the whole of a big cycle would bury the message."""
    legs = [f"{leg.account_id} {leg.amount_minor}" for one in booked for leg in one.legs]
    return ", ".join(legs[:8]) + (f" ... {len(legs)} in all" if len(legs) > 8 else "")
