"""A form: a mapping of the file with a fixed set of keys.

An event's form is its frozen dataclass: each field says its type and its reader, `lots: Annotated[int, readers.whole]`,
a field with a default may be left out, and a trailing underscore is dropped (`from_` is the key `from`). A document's
form is a table of readers, and gives the keys that were written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from settlement.scenario.errors import Fault, Problem
from settlement.scenario.readers import Reader, suggestion
from settlement.scenario.tree import Mapping as Keys
from settlement.scenario.tree import Node, Text, describe

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a form: the reader of its value, and whether it may be left out."""

    reader: Reader[Any]
    required: bool = False


def form(cls: Callable[..., F], what: str) -> Reader[F]:
    """Return a reader of a mapping into a dataclass; `what` names it in errors."""

    def read(node: Node) -> F:
        return fill(cls, node, what)

    return read


def fill(cls: Callable[..., F], node: Node, what: str) -> F:
    """Read a mapping into a dataclass.

    Raises:
        Fault: of every unknown or missing key and every value that its reader does not take.
    """
    names, keys = _definition(cls)
    return cls(**{names[key]: value for key, value in read_keys(node, keys, what).items()})


def table(readers: Mapping[str, Reader[Any]], what: str) -> Reader[dict[str, Any]]:
    """Return a reader of a mapping whose keys may all be left out."""
    keys = {name: Key(reader) for name, reader in readers.items()}

    def read(node: Node) -> dict[str, Any]:
        return read_keys(node, keys, what)

    return read


def read_keys(node: Node, keys: Mapping[str, Key], what: str) -> dict[str, Any]:
    """Return the values of a mapping by key, in the order of the file.

    Raises:
        Fault: of every unknown or missing key and every value that its reader does not take.
    """
    if not isinstance(node, Keys):
        raise Fault.at(node.line, f"a mapping of the keys of {what}", describe(node))
    values: dict[str, Any] = {}
    problems = [_missing(node, name, what) for name, key in keys.items() if key.required and node.get(name) is None]
    for key, value in node.entries:
        if key.value not in keys:
            problems.append(unknown(key, list(keys), what))
            continue
        try:
            values[key.value] = keys[key.value].reader(value)
        except Fault as fault:
            problems += [_named(problem, key.value, value) for problem in fault.problems]
    if problems:
        raise Fault(problems)
    return values


def unknown(key: Text, known: list[str], what: str) -> Problem:
    """Return the problem of a key that a mapping does not have."""
    hint = suggestion(key.value, known) or "Its keys are " + ", ".join(known) + "."
    return Problem(key.line, f"a key of {what}", f"`{key.value}`", hint)


def _missing(node: Keys, key: str, what: str) -> Problem:
    has = ", ".join(text.value for text, _ in node.entries)
    return Problem(node.line, f"the key `{key}` in {what}", f"only {has}" if has else "an empty mapping")


def _named(problem: Problem, key: str, value: Node) -> Problem:
    """Return a scalar's problem with the name of its key; a problem inside a mapping or a list has its own."""
    if not isinstance(value, Text):
        return problem
    return Problem(problem.line, f"{problem.expected} for `{key}`", problem.was, problem.hint)


@cache
def _definition(cls: Callable[..., Any]) -> tuple[dict[str, str], dict[str, Key]]:
    """Return the field and the key by each name in the file."""
    hints = get_type_hints(cls, include_extras=True)
    names: dict[str, str] = {}
    keys: dict[str, Key] = {}
    for field in fields(cls):  # type: ignore[arg-type]
        name = field.name.rstrip("_")
        names[name] = field.name
        keys[name] = Key(_reader(hints[field.name]), field.default is MISSING and field.default_factory is MISSING)
    return names, keys


def _reader(hint: Any) -> Reader[Any]:  # noqa: ANN401  a type hint
    """Return the reader that a type hint carries, also inside a union such as `Name | None`."""
    annotated = next(inner for inner in (hint, *get_args(hint)) if get_origin(inner) is Annotated)
    reader: Reader[Any] = annotated.__metadata__[0]
    return reader
