"""A copy of what the gateway knows now, for questions: nothing is written, and the gateway is not disturbed."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from settlement.folds.gateway import GatewayFold
from streams.gateway.controls import CONTROLS
from streams.gateway.feeds import parse_line
from streams.gateway.instructions import Advance, Instruction, read_control
from streams.gateway.journals import Journals
from streams.gateway.lanes import BEGINNING, Place, sha256
from streams.gateway.snapshots import RefusedError, SnapshotFiles
from streams.log import LogReader

CONTROLS_A_READ = 10_000
LINES_A_READ = 5_000

log = logging.getLogger(__name__)


class NotCurrentError(RuntimeError):
    """The copy cannot be brought up to the log: a released record is not in its feed's journal."""


def current_fold(bootstrap: str, partitions: int, data: Path, *, name: str = "gateway") -> GatewayFold:
    """Return the gateway's fold after every control that is in the log now.

    data: the platform's folder, with the snapshots of the gateway `name` and the feeds' journals.

    Raises:
        NotCurrentError: a released record is not in its feed's journal.
        KafkaException: the broker does not answer.
    """
    with LogReader(bootstrap) as reader:
        fold, start = _begin(reader, partitions, SnapshotFiles(data / "gateway" / name))
        journals = Journals(data / "feeds")
        for value in _values(reader, start.offset):
            match read_control(value):
                case Advance() as advance:
                    _advance(fold, journals, advance)
                case Instruction(control):
                    fold.control(control)
                case _:
                    pass  # refused as malformed: it changes nothing
    return fold


def _begin(reader: LogReader, partitions: int, files: SnapshotFiles) -> tuple[GatewayFold, Place]:
    """Return the newest snapshot's fold that stands on this log, or an empty one, and where its controls go on."""
    for _, found in files.newest_first():
        if isinstance(found, RefusedError) or found.cluster_id != reader.cluster_id:
            continue
        value = reader.one(CONTROLS, 0, found.controls.offset - 1)
        if value is None or sha256(value) != found.controls.sha256:
            continue
        try:
            return GatewayFold.restore(found.state), found.controls
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError):
            log.info("A snapshot of another version is passed over")
    return GatewayFold(partitions), BEGINNING


def _values(reader: LogReader, start: int) -> Iterator[bytes]:
    _, end = reader.bounds(CONTROLS, 0)
    for first in range(start, end, CONTROLS_A_READ):
        yield from reader.read(CONTROLS, 0, first, min(first + CONTROLS_A_READ, end)).values()


def _advance(fold: GatewayFold, journals: Journals, advance: Advance) -> None:
    numbers = fold.advance(advance.control)
    journal, at = journals[advance.feed], numbers.start
    while at < numbers.stop:
        lines = journal.lines(at, min(LINES_A_READ, numbers.stop - at))
        if not lines:
            raise NotCurrentError(
                f"Expected record {at} of the feed {advance.feed}, which was released, was none in {journal.path}. "
                "Ask on the machine that has the feeds' journals."
            )
        for line in lines:
            fold.report(advance.feed, parse_line(line))
            at = line.source_seq + 1
