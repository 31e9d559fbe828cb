"""Heartbeats of a process without Faust, in the form that infra/local/heartbeat.py reads.

A thread writes them, so that a long step (a snapshot, a restore) is no death; but only while the process's own loop
has shown itself lately, so that a hung loop is.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEAT_SECONDS = 0.5
HUNG_SECONDS = 60.0


class Heart:
    """Writes `<name>.heartbeat` twice a second.

    content: called by the thread; what the file says besides time and pid.
    """

    def __init__(self, path: Path, content: Callable[[], dict[str, Any]]) -> None:
        self._path, self._content = path, content
        self._half = path.with_suffix(f".{os.getpid()}.half")
        self._shown = time.monotonic()
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def tick(self) -> None:
        """Show that the process's loop moves."""
        self._shown = time.monotonic()

    def _run(self) -> None:
        while True:
            if time.monotonic() - self._shown < HUNG_SECONDS:
                beat = {"t": time.time(), "pid": os.getpid(), **self._content()}
                self._half.write_text(json.dumps(beat), encoding="utf-8")
                self._half.replace(self._path)
            time.sleep(BEAT_SECONDS)
