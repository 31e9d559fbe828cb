"""The audit's reader and second engine over the same topic, without a ledger to compare with.

`python -m tests.bench.audit BOOTSTRAP PREFIX`
"""

import sys

from settlement.replay.replay import Options, replay
from settlement.replay.source import KafkaSource
from tests.bench.measured import Clock, tell


def main(bootstrap: str, prefix: str) -> None:
    """Replay the whole log."""
    clock = Clock()
    report = replay(KafkaSource(bootstrap, prefix=prefix), None, Options(prefix=prefix))
    tell(clock.stop(report.records))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
