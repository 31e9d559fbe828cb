"""What the supervisor decides from heartbeats, exit notes and commands: pure, without processes."""

import json
from pathlib import Path

import pytest

from infra.local.heartbeat import GRACE_SECONDS, Pulse
from infra.local.parking import DEATHS_MAX, WINDOW_SECONDS, Places, partition_of, read_note, without_partition


class _Heart:
    """A heartbeat file, and looks at it half a second apart."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pulse = Pulse(path, pid=7)
        self.beats = 0

    def beat(self, pid: int = 7, **cursors: tuple[int, int]) -> None:
        """Write the next heartbeat."""
        self.beats += 1
        at = {name.replace("_", "-"): {"cursor": cursor, "end": end} for name, (cursor, end) in cursors.items()}
        self.path.write_text(json.dumps({"t": self.beats, "pid": pid, "cursors": at}))

    def look(self, seconds: float, *, counts_stalls: bool = True) -> str | None:
        """Look twice a second for that long; return the first reason to kill."""
        for _ in range(int(seconds * 2)):
            verdict = self.pulse.look(0.5, counts_stalls=counts_stalls)
            if verdict is not None:
                return f"{verdict.place}: {verdict.why}"
        return None


@pytest.fixture
def heart(tmp_path: Path) -> _Heart:
    """Return a heart that has not beaten yet."""
    return _Heart(tmp_path / "worker.heartbeat")


def test_a_start_has_twenty_seconds(heart: _Heart) -> None:
    """Before its first heartbeat a process has the grace of a start, and not a second more."""
    assert heart.look(GRACE_SECONDS) is None
    assert heart.look(1) is not None


def test_a_heartbeat_three_seconds_old_kills(heart: _Heart) -> None:
    """After its first heartbeat a process has three seconds to the next."""
    heart.beat()
    assert heart.look(3.5) is None
    heart.beat()
    assert heart.look(3.5) is None
    assert heart.look(0.5) == "None: its heartbeat stood still for 3.5 s"


def test_a_heartbeat_of_the_run_before_does_not_count(heart: _Heart) -> None:
    """A file that another pid wrote makes nothing ready."""
    heart.beat(pid=6)
    heart.look(1)
    assert not heart.pulse.ready


def test_a_machine_that_stood_still_kills_nobody(heart: _Heart) -> None:
    """However long the pause between two looks, it counts as half a second: all stood still, the supervisor too."""
    heart.beat()
    heart.look(0.5)
    assert heart.pulse.look(3600.0) is None


def test_half_a_heartbeat_is_none(heart: _Heart) -> None:
    """A file that is not whole JSON is looked at again later."""
    heart.path.write_text('{"t": 1, "pi')
    assert heart.look(1) is None
    heart.path.write_text("[]")
    assert heart.look(1) is None
    assert not heart.pulse.ready


def test_a_cursor_that_stands_still_below_the_end_for_ten_seconds_kills(heart: _Heart) -> None:
    """One partition that does not move while the log goes on is enough, and is the place."""
    for second in range(10):
        heart.beat(fills_2=(5, 9 + second), fills_3=(second, 99))
        assert heart.look(1) is None
    heart.beat(fills_2=(5, 30), fills_3=(11, 99))
    assert (heart.look(1) or "").startswith("fills-2@5: its cursor on fills-2 stood still at 5, below the end 30")


def test_a_cursor_at_the_end_may_stand_still(heart: _Heart) -> None:
    """Who has read everything waits as long as it likes."""
    for _ in range(40):
        heart.beat(fills_2=(9, 9))
        assert heart.look(1) is None


def test_cursors_may_stand_still_while_the_broker_is_away(heart: _Heart) -> None:
    """A dead broker moves nobody's cursor: the ten seconds begin anew when it is back."""
    for _ in range(40):
        heart.beat(fills_2=(5, 9))
        assert heart.look(1, counts_stalls=False) is None
    for _ in range(9):
        heart.beat(fills_2=(5, 9))
        assert heart.look(1) is None


def test_three_deaths_at_a_place_are_counted_apart_from_others_and_from_old_ones() -> None:
    """Deaths count by place, and only within ten minutes."""
    places = Places()
    assert [places.count("fills-2@7", now) for now in (0, 1)] == [1, 2]
    assert places.count("fills-3@7", 2) == 1
    assert places.count("fills-2@7", 3) == DEATHS_MAX
    assert places.count("fills-2@7", 3 + WINDOW_SECONDS) == 1


@pytest.mark.parametrize(
    ("place", "partition"),
    [
        ("fills-2@1234", 2),
        ("index-ticks-11@0", 11),
        ("fills.g2-3@9", 3),
        ("start", None),
        ("fills-2", None),
        ("@1", None),
    ],
)
def test_a_place_names_its_partition(place: str, partition: int | None) -> None:
    """The partition of a place is what stands between the last dash and the at sign."""
    assert partition_of(place) == partition


@pytest.mark.parametrize(
    ("argv", "partition", "rest"),
    [
        (["w", "--partitions", "0-3"], 2, ["w", "--partitions", "0,1,3"]),
        (["w", "--partitions=0,2", "-v"], 2, ["w", "--partitions=0", "-v"]),
        (["w", "--partitions", "0-1,5-6"], 5, ["w", "--partitions", "0,1,6"]),
        (["w", "--partitions", "2"], 2, None),
        (["w", "--partitions", "0-3"], 4, None),
        (["w"], 2, None),
    ],
)
def test_a_parked_partition_is_taken_out_of_the_command(
    argv: list[str], partition: int, rest: list[str] | None
) -> None:
    """The command keeps its other partitions; with none left there is no command."""
    assert without_partition(argv, partition) == rest


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"why": "x"}', "null"])
def test_an_exit_note_that_is_not_one_is_none(tmp_path: Path, text: str) -> None:
    """A process that dies while it writes its note leaves no note."""
    note = tmp_path / "worker.died"
    assert read_note(note) is None
    note.write_text(text)
    assert read_note(note) is None
