"""What stops a settlement run: a broken rule, with the events that broke it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """A record's place in the log of fills."""

    partition: int
    stream_seq: int

    def __str__(self) -> str:
        """Return it as `fills/2 stream_seq 17`."""
        return f"fills/{self.partition} stream_seq {self.stream_seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One broken rule; contract, accounts and places are empty where none is meant.

    stream_seqs: places of the records concerned, at most 20 or so.  message: what was expected and what was.
    """

    rule: str
    message: str
    contract: str = ""
    accounts: tuple[str, ...] = ()
    stream_seqs: tuple[Place, ...] = ()

    def __str__(self) -> str:
        """Return one line for people."""
        named = [self.rule, self.contract, ", ".join(self.accounts), "; ".join(map(str, self.stream_seqs))]
        return f"{self.message} ({': '.join(part for part in named if part)})"


class BreachError(Exception):
    """A cycle cannot be computed or posted; `breaches` says why."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        """Keep the breaches; the text is theirs."""
        super().__init__("\n".join(map(str, breaches)))
        self.breaches = tuple(breaches)
