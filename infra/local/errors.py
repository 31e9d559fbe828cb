"""The errors of the local platform."""

from pathlib import Path

QUOTED_LINES = 20


class LocalError(Exception):
    """Something of the local platform did not work; the text says what was expected, what was found, and what to do."""


def last_lines(log: Path, count: int = QUOTED_LINES) -> str:
    """Return the end of a log, indented, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            lines = file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return "    (no log was written)"
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
