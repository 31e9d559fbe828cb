"""Heartbeats as the supervisor sees them: is the process alive, and does it move?

The file is JSON: {"t": unix seconds, "pid": pid, "cursors": {"fills-2": {"cursor": next, "end": log end}}}, and
what the process itself alarms of (`alarms_of`).
Ages are counted by looks at the file, never by its clock: a look adds the time since the last look, but no more than
`LOOK_SECONDS_MAX`. So a clock that jumps, or a machine that stood still, kills nobody.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STALE_SECONDS = 3.0
STALL_SECONDS = 10.0
GRACE_SECONDS = 20.0
LOOK_SECONDS_MAX = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a process must be killed, and the place in the log when there is one (`fills-2@1234`)."""

    why: str
    place: str | None = None


@dataclass(slots=True)
class _Still:
    cursor: int
    seconds: float = 0.0


@dataclass(slots=True)
class Pulse:
    """What the heartbeats of one run of one process have shown so far."""

    path: Path
    pid: int
    ready: bool = False
    age: float = 0.0
    cursors: dict[str, dict[str, int]] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    _last: bytes = b""
    _still: dict[str, _Still] = field(default_factory=dict)

    def look(self, elapsed: float, *, counts_stalls: bool = True) -> Verdict | None:
        """Look at the file, `elapsed` seconds after the last look; return why to kill the process, or None.

        counts_stalls: false while the broker is away, when no cursor can move.
        """
        elapsed = min(elapsed, LOOK_SECONDS_MAX)
        self.age += elapsed
        self._read()
        if self.age > (STALE_SECONDS if self.ready else GRACE_SECONDS):
            what = "its heartbeat stood still" if self.ready else "it sent no heartbeat after its start"
            return Verdict(f"{what} for {self.age:.1f} s")
        if not counts_stalls:
            self._still.clear()
            return None
        return self._stalled(elapsed)

    def _read(self) -> None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        beat = _parsed(content)
        if content == self._last or beat is None or beat.get("pid") != self.pid:
            return  # nothing new, half written, or of the run before
        self._last, self.ready, self.age = content, True, 0.0
        self.cursors, self.alarms = beat.get("cursors") or {}, alarms_of(beat)

    def _stalled(self, elapsed: float) -> Verdict | None:
        for partition, at in self.cursors.items():
            still = self._still.get(partition)
            if still is None or still.cursor != at["cursor"] or at["cursor"] >= at["end"]:
                self._still[partition] = _Still(at["cursor"])
                continue
            still.seconds += elapsed
            if still.seconds > STALL_SECONDS:
                where = f"its cursor on {partition} stood still at {at['cursor']}, below the end {at['end']}"
                return Verdict(f"{where}, for {still.seconds:.0f} s", f"{partition}@{at['cursor']}")
        return None


def alarms_of(beat: dict[str, Any]) -> list[str]:
    """Return what a process says of itself that a person must look at, a sentence each."""
    parked = [
        f"{place} is parked at offset {at['offset']}: {at['why']} Its neighbours go on; mend it, then restart."
        for place, at in (beat.get("parked") or {}).items()
    ]
    holes = [
        f"{place} waits for stream_seq {at['stream_seq']}, has seen up to {at['seen_to'] - 1}; the gateway repairs it."
        for place, at in (beat.get("holes") or {}).items()
    ]
    halted = [
        f"Feed {feed} is halted: {at['halted']}" for feed, at in (beat.get("feeds") or {}).items() if at.get("halted")
    ]
    refused = beat.get("refused_snapshots") or 0
    snapshots = [f"{refused} snapshots were refused, older ones or the log were read instead: see its log."]
    return parked + holes + halted + (snapshots if refused else [])


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        beat = json.loads(content)
    except ValueError:
        return None
    return beat if isinstance(beat, dict) else None
