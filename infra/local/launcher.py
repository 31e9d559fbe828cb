"""Become another program that dies with its parent: `python -I -S launcher.py SIGNAL UID GID PARENT PROGRAM ARGUMENTS`.

It runs between fork and exec in a process of its own, because a `preexec_fn` may deadlock in a parent that has threads.
UID and GID are numbers, or -1 to stay who we are. The order matters: the kernel forgets the parent-death signal
when the user changes, so it is asked for last.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop to the user, ask for the signal at the parent's death, and become the program."""
    death_signal, user, group, parent = (int(text) for text in sys.argv[1:5])
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before we asked
            os._exit(1)
    try:
        os.execv(sys.argv[5], sys.argv[5:])
    except OSError as error:
        sys.stderr.write(f"Expected to run {sys.argv[5]}, was refused: {error}.\n")
        sys.stderr.flush()
        os._exit(127)


if __name__ == "__main__":
    main()
