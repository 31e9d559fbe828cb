"""A process for the supervisor to watch: beats, and does what its mode says.

child.py HEARTBEAT MODE [--partitions 0-1]; modes: well, silent (beats once), stuck (its cursor stays below the end),
poisoned (dies at fills-1@7 whenever it has partition 1), poisoned-alone (dies at fills-0@3), broken (exit 3 at once).
"""

import json
import os
import sys
import time
from pathlib import Path


def beat(path: Path, cursors: dict[str, dict[str, int]]) -> None:
    """Write a heartbeat that a reader sees whole."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(json.dumps({"t": time.time(), "pid": os.getpid(), "cursors": cursors}))
    fresh.replace(path)


def die(path: Path, place: str) -> None:
    """Leave an exit note and end."""
    path.with_suffix(".died").write_text(json.dumps({"place": place, "why": "bytes that do not decode"}))
    os._exit(70)


def main() -> None:
    """Beat until somebody ends us."""
    path, mode = Path(sys.argv[1]), sys.argv[2]
    if mode == "broken":
        sys.exit("no such topic: fills")
    for count in range(100_000):
        stuck = (
            {"fills-2": {"cursor": 5, "end": 9}} if mode == "stuck" else {"fills-2": {"cursor": count, "end": count}}
        )
        if mode != "silent" or count == 0:
            beat(path, stuck)
        if mode == "poisoned" and sys.argv[-1] != "0,2":
            die(path, "fills-1@7")
        if mode == "poisoned-alone":
            die(path, "fills-0@3")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
