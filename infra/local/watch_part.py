"""Keeps the embedded broker and database running."""

import threading
from collections.abc import Callable

from infra.local import proc
from infra.local.errors import LocalError
from infra.local.folder import DataFolder
from infra.local.kafka import START_SECONDS, Kafka
from infra.local.postgres import Postgres
from infra.local.watch import LOOK_SECONDS, State, Watch

Part = Kafka | Postgres


class PartWatch(Watch):
    """Keeps an embedded part running, and says through `up` whether the others can count on it."""

    def __init__(
        self, name: str, part: Part, folder: DataFolder, changed: Callable[[], None], restarted: Callable[[], None]
    ) -> None:
        """Name the part; `restarted` is called when it is ready again, before the others may start."""
        super().__init__(name, folder, changed)
        self.up = threading.Event()
        self._part = part
        self._restarted = restarted

    def start(self) -> None:
        """Start it here, in the caller's thread, so that Ctrl-C ends a long start; then watch it."""
        self._show(State.STARTING)
        self._part.start()
        self._announce()
        self._thread.start()

    def _live_once(self) -> bool:
        try:
            if self._part.pid is None and not self._relaunch():
                return False
        except (LocalError, OSError) as error:  # a full disk, perhaps: tried again until it works
            self.report.alarm = str(error)
            return True
        while self._part.pid is not None:
            if self._stopping.wait(LOOK_SECONDS):
                return False
        self.up.clear()
        self.report.last_exit = proc.exit_text(self._part.exit_code)
        return True

    def _relaunch(self) -> bool:
        """Start it again without giving the folder back in between; False when we are stopping meanwhile."""
        self._part.launch()
        if self._part.pid is not None:
            self._note_pid(self._part.pid)
            self._show(State.STARTING, self._part.pid)
        answered = proc.wait_until(
            lambda: self._stopping.is_set() or self._part.pid is None or self._part.is_ready(), START_SECONDS
        )
        if self._stopping.is_set():
            return False
        if not answered or self._part.pid is None:
            error = self._part.start_error()
            self._part.kill()
            raise error
        self._restarted()
        self._announce()
        return True

    def _announce(self) -> None:
        """Let the others count on it."""
        pid = self._part.pid
        if pid is not None:
            self._note_pid(pid)
            self.report.alarm = None
            self.up.set()
            self._show_ready(pid)

    def _end(self) -> None:
        self.up.clear()
        self._part.stop()

    def _start_error(self) -> LocalError:
        return self._part.start_error()
