"""Waiting for the platform, with a reason when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from settlement.cli.refusals import CommandError
from settlement.run.halt import HaltFile

LOOK_SECONDS: Final = 0.1


def wait_until(what: str, done: Callable[[], bool], seconds: float, *, data: Path) -> None:
    """Wait until something is done.

    Raises:
        CommandError: the settlement run halted, or the time is over; says which, and what to do.
    """
    end = time.monotonic() + seconds
    while not done():
        halted = HaltFile.of(data).read()
        if halted is not None:
            raise CommandError(
                f"Expected {what}, was a halt at {halted['cycle']}: {halted['message']}\n{halted['what_to_do']}"
            )
        if time.monotonic() > end:
            raise CommandError(
                f"Expected {what} within {seconds:.0f} s, was not. See novate status, and the logs in {data / 'logs'}."
            )
        time.sleep(LOOK_SECONDS)
