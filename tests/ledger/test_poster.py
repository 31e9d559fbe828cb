"""Posting: once, whole, in order; read back as it was."""

from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection

from settlement.ledger import queries
from settlement.ledger.content import content_sha256
from settlement.ledger.errors import CycleOutOfOrder, LedgerError, LedgerRefused, PostedDifferently
from settlement.ledger.model import CycleId, CyclePosting, Outcome
from settlement.ledger.poster import post
from tests.ledger.books import a_cycle, chain


def test_a_chain_of_cycles_is_read_back_as_it_was_posted(conn: Connection[Any]) -> None:
    """What was posted is what is read, cycle by cycle, and its content hash is the stored one."""
    postings = chain(6)
    assert [post(conn, posting) for posting in postings] == [Outcome.POSTED] * 6
    for posting in postings:
        found = queries.posted(conn, posting.cycle)
        header = queries.find_cycle(conn, posting.cycle)
        assert header is not None
        assert content_sha256(found) == content_sha256(posting) == header.sha256
        assert found.outbox == posting.outbox
    assert [cycle.cycle for cycle in queries.cycles(conn)] == [posting.cycle for posting in postings]
