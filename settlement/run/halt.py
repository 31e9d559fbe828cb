"""A halted run: the file that says why, and that keeps the run halted until a person has looked."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settlement.domain.margin import CycleKey
from settlement.run.breach import Breach

WHAT_TO_DO = (
    "Nothing of this cycle was posted. Look at the records named, mend the cause (waive a break, send the missing "
    "prices, repair the log), then: novate settle --retry"
)


@dataclass(frozen=True, slots=True)
class HaltFile:
    """`<data>/run/settlement.halt`."""

    path: Path

    @classmethod
    def of(cls, data: Path) -> HaltFile:
        """Return the halt file of a data folder."""
        return cls(data / "run" / "settlement.halt")

    def write(self, cycle: CycleKey | None, breaches: Sequence[Breach]) -> None:
        """Say why the run halted; the first breach in full, all of them as sentences."""
        first = breaches[0]
        told: dict[str, Any] = {
            "cycle": None if cycle is None else str(cycle),
            "rule": first.rule,
            "contract": first.contract,
            "accounts": list(first.accounts),
            "stream_seqs": [place._asdict() for place in first.stream_seqs],
            "message": first.message,
            "what_to_do": WHAT_TO_DO,
            "breaches": [str(breach) for breach in breaches],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(told, indent=1))
        fresh.replace(self.path)

    def read(self) -> dict[str, Any] | None:
        """Return what the file says; None when the run is not halted."""
        try:
            told: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        return told

    def clear(self) -> None:
        """Let the run start again (`novate settle --retry`)."""
        self.path.unlink(missing_ok=True)
