"""A copy of what the gateway knows: from a sound snapshot that stands on this log, else from the log alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from settlement.folds.gateway import GatewayFold
from streams.gateway.controls import Accepted
from streams.gateway.current import NotCurrentError, current_fold
from streams.gateway.snapshots import Snapshot, SnapshotFiles
from tests.gateway.house import PARTITIONS, House, session, wait_until

PLANTED = [20300101]
"""A holiday that no control told: a copy that knows it was begun from the planted snapshot."""


@pytest.fixture
def alone(own_kafka: Kafka, tmp_path: Path) -> Iterator[House]:
    """A clearing house whose topics have no prefix, as a platform's."""
    made = House(own_kafka.bootstrap, "", tmp_path)
    yield made
    made.end()


class Copy:
    """What a reader of a folder gets that has the feeds and the snapshots that are put there."""

    def __init__(self, house: House, name: str) -> None:
        self._bootstrap, self.data = house.bootstrap, house.folder / name
        shutil.copytree(house.data / "feeds", self.data / "feeds")
        self.files = SnapshotFiles(self.data / "gateway" / "gateway")

    def fold(self) -> GatewayFold:
        """Return the copy."""
        return current_fold(self._bootstrap, PARTITIONS, self.data)


def _planted(sound: Snapshot) -> Snapshot:
    fold = GatewayFold.restore(sound.state)
    fold.state.holidays = list(PLANTED)
    return replace(sound, state=fold.snapshot())


def _altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _another_version(state: bytes) -> bytes:
    return state[:1] + bytes([state[1] + 1]) + state[2:]  # a list of two, whose first is the version


REFUSED: dict[str, Callable[[Snapshot], Snapshot]] = {
    "of another cluster": lambda one: replace(one, cluster_id="elsewhere"),
    "of another log": lambda one: replace(one, controls=replace(one.controls, sha256="0" * 64)),
    "ahead of the log": lambda one: replace(one, controls=replace(one.controls, offset=one.controls.offset + 999)),
    "of another version": lambda one: replace(one, state=_another_version(one.state)),
    "of no fold": lambda one: replace(one, state=b"nothing"),
}


def _run_two_days(house: House) -> Snapshot:
    """Trade two dates through a gateway, end it, and return its newest snapshot."""
    house.open()
    feed, gateway = house.feed(), house.gateway()
    for date, first in (("2026-08-03", 1), ("2026-08-04", 31)):
        feed.write(*session(date, first, 30))
        wait_until("the gateway to take the session", lambda: gateway.has_taken(feed))
        assert house.ask("cut", {"date": date}) == Accepted(repeated=False)
    files = SnapshotFiles(house.data / "gateway" / "gateway")
    wait_until("a snapshot", lambda: next(files.newest_first(), None))
    gateway.kill()
    _, sound = next(files.newest_first())
    assert isinstance(sound, Snapshot)
    return sound


def test_a_refused_snapshot_is_passed_over(alone: House) -> None:
    """Corrupt, foreign, of another log or version: an older sound one takes its place, else the log from its begin."""
    sound = _run_two_days(alone)
    of_log = Copy(alone, "no snapshot").fold()
    assert (len(of_log.state.trades), of_log.state.holidays) == (60, [])

    whole = Copy(alone, "sound")
    whole.files.write(_planted(sound))
    assert whole.fold().state.holidays == PLANTED

    for why, spoil in REFUSED.items():
        copy = Copy(alone, why)
        copy.files.write(spoil(_planted(sound)))
        assert copy.fold().snapshot() == of_log.snapshot(), why

    corrupt = Copy(alone, "corrupt")
    _altered(corrupt.files.write(_planted(sound)))
    assert corrupt.fold().snapshot() == of_log.snapshot()

    older = Copy(alone, "an older one")
    older.files.write(_planted(sound))
    _altered(older.files.write(sound))
    assert older.fold().state.holidays == PLANTED

    lost = Copy(alone, "without its feeds")
    shutil.rmtree(lost.data / "feeds")
    with pytest.raises(NotCurrentError, match=r"Expected record 1 of the feed exchange, .* was none in "):
        lost.fold()
