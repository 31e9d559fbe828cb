"""The settlement run on a log that is settled: it changes nothing, and says so."""

from __future__ import annotations

from settlement.ledger.model import Outcome
from settlement.ledger.outbox import OutboxRelay
from settlement.ledger.session import connect
from settlement.run.collect import FILLS, RESULTS, Collector, LogReader
from settlement.run.run import Ledger, SettlementRun
from settlement.statements.publish import Statements
from tests.e2e.baseline import Baseline
from tests.e2e.books import books, compare, ledger_rows, records

UNCHANGED = "2026-08-04/end_of_day/1: posted before, unchanged, "


def test_a_second_run_over_every_cycle_changes_nothing(baseline: Baseline) -> None:
    """Every cycle was posted before, unchanged: no row, no announcement and no file is other or new."""
    house = baseline.house
    reader = LogReader(house.endpoints.kafka, (FILLS, RESULTS))
    statements = Statements(house.data / "statements")
    with connect(house.endpoints.database) as conn:
        before = dict(ledger_rows(conn)), _versions(conn)
    told = sum(1 for _ in records(house, "settlements", "statements"))
    run = SettlementRun(
        Collector(reader, threads=1),
        Ledger(
            connect=lambda: connect(house.endpoints.database), posted=statements.write, announce=statements.announced,
            relay=lambda: OutboxRelay.of(house.endpoints.kafka),
        ),
        every=True,
    )  # fmt: skip
    settled = run.settle_all()
    assert [one.outcome for one in settled] == [Outcome.UNCHANGED] * 10
    with connect(house.endpoints.database) as conn:
        assert (dict(ledger_rows(conn)), _versions(conn)) == before
    assert sum(1 for _ in records(house, "settlements", "statements")) == told
    found = books(house)
    assert compare(baseline.books, found).none, compare(baseline.books, found)


def test_the_settlement_process_started_again_says_that_nothing_is_new(baseline: Baseline) -> None:
    """The process finds the last cycle posted before, unchanged, and waits for the next one."""
    house = baseline.house
    log = house.data / "logs" / "settlement.log"
    said = len(log.read_text())
    house.run(house.process("settlement"))
    try:
        house.wait("the process to be up to date", lambda: UNCHANGED in log.read_text()[said:])
    finally:
        house.end("settlement")
    assert ": posted, " not in log.read_text()[said:]


def _versions(conn: object) -> list[tuple[object, ...]]:
    """Return which transaction wrote each row."""
    query = b"SELECT 'line', xmin::text, count(*) FROM ledger.margin_line GROUP BY 2 UNION ALL "
    query += b"SELECT 'posting', xmin::text, count(*) FROM ledger.posting GROUP BY 2 ORDER BY 1, 2"
    return conn.execute(query).fetchall()  # type: ignore[attr-defined,no-any-return]
