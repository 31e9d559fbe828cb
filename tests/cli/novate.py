"""The command line in this process: `run("day", "open", "2026-08-03")` as a person's shell would see it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from settlement.cli.main import main


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def all(self) -> str:
        """Everything, for a failure's text."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"


def run(*arguments: str | Path, data: Path, env: Mapping[str, str] | None = None) -> Told:
    """Run `novate` with these arguments on a data folder; any exception but an exit is a traceback, and passes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    told = {"NOVATE_DATA": str(data), **(env or {})}
    argv = ["novate", *map(str, arguments)]
    code = 0
    with patch.dict("os.environ", told), patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    return Told(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
