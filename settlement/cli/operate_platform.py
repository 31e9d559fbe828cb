"""The platform as an operator command needs it: the one that runs, or one started for the length of the command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infra.local.process import Endpoints
from infra.local.status import read_status, running_endpoints
from settlement import config
from settlement.cli.composition import running_platform
from settlement.cli.output import say
from settlement.cli.refusals import CommandError
from settlement.config import Settings

STARTING_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.1


def settings_of(data: Path | None = None) -> Settings:
    """Return the settings, with another data folder where one is named."""
    settings = config.load()
    return settings if data is None else settings.model_copy(update={"data": data})


@contextmanager
def whole_platform(settings: Settings, *, fresh: bool = False) -> Iterator[Endpoints]:
    """Yield where the running platform is; where none runs, run all of it for the length of the block.

    fresh: the folder may be new; otherwise a folder without a platform's data is refused: it is another one than meant.

    Raises:
        CommandError: there is nothing to run, or a platform is starting and does not get ready.
    """
    state = _settled_state(settings)
    if state == "running":
        url = settings.database_url.get_secret_value() if settings.database_url else None
        yield running_endpoints(settings.data, url)
        return
    if not fresh and not (settings.data / "run").is_dir():
        raise CommandError(
            f"Expected a platform's data in {settings.data}, was none. Start one (novate up), or name its folder: "
            "NOVATE_DATA=FOLDER."
        )
    say(f"No platform runs on {settings.data}: running one for this command")
    with running_platform(settings, lambda _: None) as platform:
        yield platform.endpoints


def _settled_state(settings: Settings) -> str:
    """Return the platform's state, waiting while it starts or stops."""
    until = time.monotonic() + STARTING_SECONDS
    while (state := read_status(settings.data).state) in {"starting", "stopping"}:
        if time.monotonic() > until:
            raise CommandError(
                f"Expected the platform on {settings.data} to run within {STARTING_SECONDS} s, was {state}. "
                "See novate status."
            )
        time.sleep(LOOK_SECONDS)
    return state


def read_heartbeat(data: Path, name: str) -> dict[str, Any]:
    """Return what a process of the platform says of itself, the gateway of its feeds; {} when it never ran."""
    try:
        beat: dict[str, Any] = json.loads((data / "run" / f"{name}.heartbeat").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return beat
