"""A process of the platform with one rule taken out: python -m tests.e2e.broken HOW MODULE ARGUMENTS.

So that the tests are seen to fail: each of these must be found by the platform itself, and by the comparison of books.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from settlement.domain.contract import Contract
from settlement.folds.continuity import Continuity
from settlement.folds.gateway.writing import Cause, Leg, Writer
from settlement.run.fills_log import sequence_numbers
from settlement.wire.columns import Piece

STEP: Final = 25  # every so many trades


def unbalanced() -> None:
    """Let the gateway novate some trades with a lot too many on the seller's side."""
    sound = Writer.fills

    def fills(self: Writer, contract: Contract, legs: Iterable[Leg], cause: Cause, first_number: int) -> list[str]:
        planned = list(legs)
        if planned and planned[-1].kind == "trade" and cause.source_seq % STEP == 0:
            planned[-1] = replace(planned[-1], lots=planned[-1].lots + 1)
        return sound(self, contract, planned, cause, first_number)

    Writer.fills = fills  # type: ignore[method-assign]


def no_continuity() -> None:
    """Let a worker apply whatever comes, also what it has applied before."""

    def fresh(self: Continuity, pieces: Sequence[Piece]) -> list[Piece]:
        for piece in pieces:
            self.next_seq = self.highest = max(self.next_seq, *(seq + 1 for seq in sequence_numbers(piece)))
        return list(pieces)

    Continuity.fresh = fresh  # type: ignore[method-assign]


WAYS: Final[Mapping[str, Callable[[], None]]] = {"unbalanced": unbalanced, "no-continuity": no_continuity}


def main() -> None:
    """Break it and run it."""
    how, module, *arguments = sys.argv[1:]
    WAYS[how]()
    name = module if module == "streams.worker" else f"{module}.__main__"
    importlib.import_module(name).main(arguments)


if __name__ == "__main__":
    main()
