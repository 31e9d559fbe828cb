"""What is wrong with a scenario file: values that name file and line, gathered before they are raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that cannot be read, at its line: what was expected and what came."""

    line: int
    expected: str
    was: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioError:
    """A problem of a file, as a person reads it; its text is one line.

    line: counted from 1; 0 when the file as a whole cannot be read.
    """

    file: str
    line: int
    expected: str
    was: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: Expected {self.expected}, was {self.was}." + (f" {self.hint}" if self.hint else "")


class Fault(Exception):  # noqa: N818  it carries problems, and never leaves this package
    """A part of the file that has problems; whoever reads a whole gathers them from its parts."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    @classmethod
    def at(cls, line: int, expected: str, was: str, hint: str = "") -> Fault:
        """Return a fault of one problem."""
        return cls([Problem(line, expected, was, hint)])


class UnreadableScenarioError(Exception):
    """A scenario file cannot be read; `errors` are all its problems, by line (exit code 2)."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.errors = tuple(
            ScenarioError(file, problem.line, problem.expected, problem.was, problem.hint)
            for problem in sorted(set(problems))
        )
        super().__init__("\n".join(str(error) for error in self.errors))
