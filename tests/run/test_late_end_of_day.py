"""A date that waits for its prices while the next one has cycles of other contracts: posted and audited in order."""

from __future__ import annotations

import pytest

from settlement.domain.margin import CycleKey
from settlement.ledger.model import Outcome
from settlement.ledger.session import connect
from settlement.replay import KafkaSource, Options, SingleRecordSource, replay
from tests.run.logbook import MONDAY, TUESDAY, WEDNESDAY, Logbook
from tests.run.parts import Platform

THURSDAY = 20261126


def late_log() -> Logbook:
    """Return a Tuesday that is cut and priced only after Wednesday's first intraday cycle and correction."""
    log = Logbook()
    log.listing(fee="0.35")
    log.listing("TOKEN", currency="CNY", size="100")
    log.accounts("A", "B", "C", "D")
    log.trade("A", "B", 10, "2.3500")
    log.settle({"GPUH": "2.3620"}, TUESDAY)
    log.trade("A", "B", 2, "2.3600")
    log.cut(WEDNESDAY)
    log.trade("C", "D", 4, "2.00", contract="TOKEN")
    log.prices("intraday", {"TOKEN": "2.10"})
    log.prices("correction", {"GPUH": "2.3650"}, effective=MONDAY)
    log.prices("end_of_day", {"GPUH": "2.3420"}, date=TUESDAY)
    log.settle({"GPUH": "2.3500", "TOKEN": "2.15"}, THURSDAY)
    return log


@pytest.mark.rule("ENT-8", "CUT-1")
def test_cycles_of_the_next_date_are_posted_before_a_late_end_of_day(platform: Platform) -> None:
    """The ledger takes the log's order, not the dates': all is posted, twice the same, and both audits pass."""
    log = late_log()
    platform.send_log(log)
    platform.send_results(log)
    order = [
        CycleKey(MONDAY, "end_of_day", 1),
        CycleKey(WEDNESDAY, "intraday", 1),
        CycleKey(WEDNESDAY, "correction", 1),
        CycleKey(TUESDAY, "end_of_day", 1),
        CycleKey(WEDNESDAY, "end_of_day", 1),
    ]
    settled = platform.run().settle_all()
    assert [(one.cycle, one.outcome) for one in settled] == [(cycle, Outcome.POSTED) for cycle in order]
    assert {one.outcome for one in platform.run(every=True).settle_all()} == {Outcome.UNCHANGED}
    paid = platform.query("SELECT sum(amount_minor) FROM ledger.posting WHERE account_id = 'A/HOUSE/USD'")
    assert paid == [(-1880,)]  # as novate calc has it: 84.10 + 21.90 - 194.88 + 70.08
    options = Options(prefix=platform.prefix)
    sources = (KafkaSource, SingleRecordSource)
    with connect(platform.dsn) as conn:
        for source in sources:
            report = replay(source(platform.bootstrap, prefix=platform.prefix), conn, options)
            assert (report.differences, report.unposted, report.cycles) == ([], [], 5)
