"""Where downloads are kept between runs: the first folder that has them, else the first that we can write to.

`~/.cache/novate`, then the installation's own `share/novate` (the venv), then a private folder under the temporary one.
So an empty HOME, a read-only one, or one that does not exist all work, and a second run needs no network.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.local.errors import LocalError


def cache_folders(chosen: Path | None = None) -> list[Path]:
    """Return the folders to look in, best first; a chosen one is the only one."""
    if chosen is not None:
        return [chosen.expanduser().absolute()]
    temporary = Path(tempfile.gettempdir(), f"novate-cache-{os.geteuid()}")
    return [*_home(), Path(sys.prefix, "share", "novate"), temporary]


def find_cache(is_complete: Callable[[Path], bool], chosen: Path | None = None) -> Path:
    """Return the first folder that is complete already, else the first that can be written.

    Raises:
        LocalError: no folder is either.
    """
    folders = cache_folders(chosen)
    trusted = [folder for folder in folders if _is_trusted(folder)]
    for folder in trusted:
        if is_complete(folder):
            return folder
    for folder in folders:
        if _is_writable(folder):
            return folder
    raise LocalError(
        f"Expected a folder to keep downloads in, was none: {', '.join(map(str, folders))} cannot be written. "
        "Name one that can: NOVATE_CACHE."
    )


def _home() -> list[Path]:
    try:
        return [Path.home() / ".cache" / "novate"]
    except RuntimeError:  # no HOME, and no entry for this uid
        return []


def _is_trusted(folder: Path) -> bool:
    """Tell whether only root and we can have written there: what lies there is run."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid in {0, os.geteuid()} and not found.st_mode & 0o022


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError:
        return False
    return _is_trusted(folder) and os.access(folder, os.W_OK | os.X_OK)
