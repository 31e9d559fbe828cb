"""Who the embedded database runs as: ourselves, or an unprivileged user when we are root (Postgres refuses root)."""

import os
import pwd

from infra.local.errors import LocalError
from infra.local.spawn import User

FIRST_ORDINARY_UID = 1000


def database_user() -> User | None:
    """Return the user to switch to; None when we are an ordinary user and stay who we are.

    Raises:
        LocalError: the machine has no unprivileged user, or does not know ours (initdb needs a name for the uid).
    """
    if os.geteuid() == 0:
        return _unprivileged()
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise LocalError(
            f"Expected a user name for uid {os.geteuid()}, was none: Postgres's initdb refuses a uid without a name. "
            "Run as root or as a user of the machine, or use your own database: NOVATE_DATABASE_URL."
        ) from None
    return None


def _unprivileged() -> User:
    entries = sorted(pwd.getpwall(), key=lambda entry: (entry.pw_name != "nobody", entry.pw_uid))
    for entry in entries:
        if entry.pw_name == "nobody" or entry.pw_uid >= FIRST_ORDINARY_UID:
            return User(entry.pw_uid, entry.pw_gid)
    raise LocalError(
        "Expected an unprivileged user for Postgres, which refuses to run as root; was none on this machine. "
        "Add one (useradd novate), or use your own database: NOVATE_DATABASE_URL."
    )
