"""Deaths at the same place: after the third, the place's partition is parked, not its neighbours."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEATHS_MAX = 3
WINDOW_SECONDS = 600.0  # older deaths are forgotten: a place is poisoned when it kills again and again
OPTION = "--partitions"
PLACE = re.compile(r".+-(?P<partition>\d+)@\d+")


@dataclass(frozen=True, slots=True)
class Death:
    """A process's end as its exit note tells it."""

    place: str
    why: str


def read_note(path: Path) -> Death | None:
    """Return the exit note; None when there is none, or it is not one."""
    try:
        note = json.loads(path.read_bytes())
        return Death(str(note["place"]), str(note.get("why", "")))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(slots=True)
class Places:
    """Counts deaths by place."""

    _times: dict[str, list[float]] = field(default_factory=dict)

    def count(self, place: str, now: float) -> int:
        """Add a death at a place (now: monotonic seconds) and return how many there were within the window."""
        recent = [time for time in self._times.get(place, []) if now - time < WINDOW_SECONDS]
        self._times[place] = [*recent, now]
        return len(recent) + 1


def partition_of(place: str) -> int | None:
    """Return the partition that a place like `fills-2@1234` names; None when it names none."""
    found = PLACE.fullmatch(place)
    return int(found["partition"]) if found else None


def without_partition(argv: Sequence[str], partition: int) -> list[str] | None:
    """Return the command without that partition; None when it was told only this one, or none at all."""
    arguments = list(argv)
    for index, argument in enumerate(arguments):
        name, equals, text = argument.partition("=")
        if name != OPTION:
            continue
        at = index if equals else index + 1
        text = text if equals else arguments[index + 1]
        left = [number for number in _numbers(text) if number != partition]
        if not left or len(left) == len(_numbers(text)):
            return None
        arguments[at] = f"{OPTION}={_joined(left)}" if equals else _joined(left)
        return arguments
    return None


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


def _numbers(text: str) -> list[int]:
    """Return the partitions of a text like `0-3` or `0,2,5-6`."""
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
