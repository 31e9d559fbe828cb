"""YAML as text with lines: every scalar stays the text that the author wrote, so no number ever meets a float.

The tree is composed from the parser's events and not loaded: a loader would turn `2.350` into a float, `2026-11-23`
into a date and `14:28:00` into seconds, and would drop a key that stands twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent
from ruamel.yaml.reader import ReaderError

from settlement.scenario.errors import Fault, Problem

NODES_MAX: Final = 5_000_000
"""Nodes of one file, its aliases expanded: far above any real book, far below what nested aliases ask for."""
DEPTH_MAX: Final = 50
"""Nesting of one file; the language itself needs seven levels."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as it was written; `plain` when it stood without quotes."""

    line: int
    value: str
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether it is YAML's way to say nothing: empty, `~` or `null` without quotes."""
        return self.plain and self.value in _NULLS


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file; no key stands twice."""

    line: int
    entries: tuple[tuple[Text, Node], ...]

    def get(self, key: str) -> Node | None:
        """Return the value of a key, or None."""
        return next((node for text, node in self.entries if text.value == key), None)


Node: TypeAlias = Text | Items | Mapping


def describe(node: Node) -> str:
    """Return how an error names what came instead."""
    if isinstance(node, Mapping):
        return "a mapping" if node.entries else "an empty mapping"
    if isinstance(node, Items):
        return "a list" if node.items else "an empty list"
    if node.is_null:
        return "nothing"
    return repr(node.value)


def read_tree(content: bytes) -> tuple[Node, list[Problem]]:
    """Return the one YAML document of a file, and what is wrong with it that does not keep it from being read on.

    Such are a key that stands twice (the first counts) or is no text, and a tag.

    Raises:
        Fault: it is no UTF-8, no YAML, empty, has several documents or an alias without an anchor.
    """
    text = _decoded(content)
    try:
        return _Composer(text).document()
    except MarkedYAMLError as error:
        raise Fault([_syntax(error, text)]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Fault.at(line, "printable text", f"the character {chr(_code(error))!r}") from error
    except YAMLError as error:
        raise Fault.at(0, "YAML", str(error)) from error


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        was = f"the byte 0x{content[error.start]:02x}"
        raise Fault.at(line, "text in UTF-8", was, "Save the file as UTF-8.") from error


def _code(error: ReaderError) -> int:
    character: object = error.character
    return ord(character) if isinstance(character, str) else int(str(character))


def _syntax(error: MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = 1 if mark is None else mark.line + 1
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if re.match(r" *\t", written):
        hint = "Indent with spaces: YAML allows no tabs there."
        return Problem(line, "spaces at the beginning of a line", "a tab", hint)
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    return Problem(line, "YAML", f"{what or 'something else'} at {written.strip()[:60]!r}")


class _Composer:
    """Builds the tree from the parser's events."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
        self._anchors: dict[str, tuple[Node, int]] = {}  # with their number of values
        self._count = 0
        self._problems: list[Problem] = []

    def document(self) -> tuple[Node, list[Problem]]:
        kinds = ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent")
        roots: list[Node] = []
        for event in self._events:
            if type(event).__name__ in kinds:
                continue
            if roots:
                self._problems.append(Problem(_line(event), "one document a file", "a second one after `---`"))
                break
            roots.append(self._node(event, 0))
        if not roots or (isinstance(roots[0], Text) and roots[0].is_null):
            raise Fault.at(1, "a mapping with the key `events`", "an empty file")
        return roots[0], self._problems

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401  the parser's events have no common type
        if depth > DEPTH_MAX:
            raise Fault.at(_line(event), f"at most {DEPTH_MAX} levels", "more")
        if isinstance(event, AliasEvent):
            return self._alias(event)
        self._refuse_tag(event)
        before = self._count
        self._counted(_line(event), 1)
        node = self._scalar_or_whole(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._count - before
        return node

    def _scalar_or_whole(self, event: Any, depth: int) -> Node:  # noqa: ANN401  see above
        if isinstance(event, ScalarEvent):
            return Text(_line(event), event.value, event.style is None)
        if isinstance(event, SequenceStartEvent):
            inner_events = self._until_end("SequenceEndEvent")
            return Items(_line(event), tuple(self._node(inner, depth + 1) for inner in inner_events))
        if isinstance(event, MappingStartEvent):
            pairs = [
                (key := self._node(inner, depth + 1), _at_key(key, self._node(next(self._events), depth + 1)))
                for inner in self._until_end("MappingEndEvent")
            ]
            return Mapping(_line(event), tuple(self._keyed(pairs)))
        raise Fault.at(_line(event), "a mapping, a list or a text", type(event).__name__)

    def _until_end(self, kind: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == kind:
                return
            yield event

    def _alias(self, event: Any) -> Node:  # noqa: ANN401  see above
        if event.anchor not in self._anchors:
            known = ", ".join(f"`&{name}`" for name in self._anchors) or "there is none"
            raise Fault.at(_line(event), f"an anchor that stands before it ({known})", f"`*{event.anchor}`")
        node, values = self._anchors[event.anchor]
        self._counted(_line(event), values)
        return node

    def _refuse_tag(self, event: Any) -> None:  # noqa: ANN401  see above
        if event.tag is not None and str(event.tag) != "!":
            hint = "Leave it out: every value is read as text."
            self._problems.append(Problem(_line(event), "no tag", f"`{event.tag}`", hint))

    def _counted(self, line: int, values: int) -> None:
        self._count += values
        if self._count > NODES_MAX:
            raise Fault.at(line, f"at most {NODES_MAX} values", "more, aliases of aliases counted")

    def _keyed(self, pairs: list[tuple[Node, Node]]) -> Iterator[tuple[Text, Node]]:
        """Yield the entries with merged ones behind the mapping's own, which win; note keys that stand twice."""
        seen: dict[str, int] = {}
        merged: list[tuple[Text, Node]] = []
        for key, value in pairs:
            if not isinstance(key, Text) or key.is_null:
                self._problems.append(Problem(key.line, "a text as key", describe(key)))
            elif key.value == _MERGE and key.plain:
                merged += self._merged(key, value)
            elif key.value in seen:
                was = f"`{key.value}` a second time (first in line {seen[key.value]})"
                self._problems.append(Problem(key.line, "each key once", was))
            else:
                seen[key.value] = key.line
                yield key, value
        for key, value in merged:
            if key.value not in seen:
                seen[key.value] = key.line
                yield key, value

    def _merged(self, key: Text, value: Node) -> list[tuple[Text, Node]]:
        sources = value.items if isinstance(value, Items) else (value,)
        entries: list[tuple[Text, Node]] = []
        for source in sources:
            if isinstance(source, Mapping):
                entries += source.entries
            else:
                self._problems.append(Problem(key.line, "a mapping, or a list of them, after `<<`", describe(source)))
        return entries


def _at_key(key: Node, value: Node) -> Node:
    """Return a value that was left empty at the line of its key: the parser says where the next one begins."""
    return Text(key.line, "") if value == Text(value.line, "") else value


def _line(event: Any) -> int:  # noqa: ANN401  the parser's events have no common type
    line: int = event.start_mark.line + 1
    return line
