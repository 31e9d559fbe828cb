"""Children that are being started when we are told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

import pytest

from infra.local import spawn


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit])
def test_a_signal_in_the_middle_of_a_start_leaves_no_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ends: type[BaseException]
) -> None:
    """Ctrl-C and SIGTERM, whose handlers raise while the caller waits for its child: the child is ended, and reaped."""
    started: list[subprocess.Popen[bytes]] = []
    start = spawn._start

    def start_then_signal(launch: spawn.Launch) -> subprocess.Popen[bytes]:
        started.append(start(launch))
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.2)  # the caller does not know its child yet
        return started[0]

    def end(_number: int, _frame: FrameType | None) -> None:
        raise ends

    monkeypatch.setattr(spawn, "_start", start_then_signal)
    before = signal.signal(signal.SIGUSR1, end)
    try:
        with pytest.raises(ends):
            spawn.spawn(spawn.Launch(argv=["sleep", "60"], log=tmp_path / "log"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert started[0].returncode == -signal.SIGKILL
