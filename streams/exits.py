"""How a process of ours ends when something is wrong: at once, with a note of where and why.

Nothing needs to be flushed or acknowledged (the fold owns its cursor), and a process that goes on after a broken record
pays wrong amounts. So the end is `os._exit`, which no framework's `except` can swallow, and a clean process started by
the supervisor is the one way to recover.
"""

import json
import logging
import os
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn, Self

BROKEN = 70  # a record, a fold or a connection is not as it must be (EX_SOFTWARE)
OUTSIDE_THE_LOG = 72  # the log does not hold the place where we stand: data was lost, a person must look (EX_OSFILE)

log = logging.getLogger(__name__)


class Exits:
    """Ends the process and leaves `<name>.died` for the supervisor, who counts how often it happened at the same place.

    note: the note's file; None leaves none.
    """

    def __init__(self, note: Path | None) -> None:
        self._note = note

    @classmethod
    def of_process(cls, name: str, folder: Path | None) -> Self:
        """Return what ends this process, whose log now goes to standard error under its name.

        folder: for the note, made when it is not there; None leaves none.
        """
        logging.basicConfig(
            level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s {name} %(levelname)s %(name)s: %(message)s"
        )
        if folder is None:
            return cls(None)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{name}.died")

    def die(self, place: str, why: str, code: int = BROKEN, *, until: int = -1) -> NoReturn:
        """End the process now.

        place: what it happened at, for example `fills-2@1017` (topic, partition, offset).  why: for a person.
        until: one behind the last offset that may be the culprit, where the place is the first of several.
        """
        try:
            note = {"place": place, "why": why, "code": code, "until": until, "pid": os.getpid(), "t": time.time()}
            self._write(note)
            log.critical("Ended at %s (exit code %d): %s", place, code, why)
            sys.stderr.flush()
        finally:
            os._exit(code)

    def die_of(self, place: str, error: BaseException, code: int = BROKEN, *, until: int = -1) -> NoReturn:
        """End the process because of an exception that nobody expected; the log gets its traceback."""
        log.critical("Unexpected at %s:\n%s", place, "".join(traceback.format_exception(error)))
        self.die(place, f"{type(error).__name__}: {error}", code, until=until)

    def suspect(self) -> tuple[str, int]:
        """Return the shard of the newest note, however old, and one behind its last suspect offset: ("fills-2", 3000).

        A fold that failed somewhere in a run of records is given the same stretch one by one after the restart, so that
        its next note names the very record.
        """
        try:
            note = json.loads(self._note.read_text(encoding="utf-8")) if self._note else {}
            return str(note["place"]).partition("@")[0], int(note["until"])
        except (OSError, ValueError, KeyError, TypeError):  # none, or not one of ours: it only decides how we read
            return "", -1

    def _write(self, note: dict[str, object]) -> None:
        if self._note is not None:
            half = self._note.with_suffix(".died.tmp")
            half.write_text(json.dumps(note), encoding="utf-8")
            half.replace(self._note)
