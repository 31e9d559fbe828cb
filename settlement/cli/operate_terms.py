"""Reads documents from a file, YAML or JSON, and checks each before it is sent; errors name file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from settlement.cli.refusals import CommandError
from settlement.domain.contract import TermsError
from settlement.domain.final_settlement import FinalSettlement
from settlement.scenario.errors import Fault, Problem, ScenarioError
from settlement.scenario.terms import broken_rule, check
from settlement.scenario.tree import Items, Node, Text, describe, read_tree
from settlement.scenario.tree import Mapping as Keys

BYTES_MAX: Final = 16 << 20
_NAME_LENGTH_MAX: Final = 128
Document = dict[str, Any]


def read_terms(path: Path) -> tuple[list[Document], list[str]]:
    """Return the sound terms documents of a file, and what is wrong with the others, a sentence each.

    Raises:
        CommandError: the file cannot be read as YAML or JSON, or holds no terms document.
    """
    return read_each(path, "a terms document", _document)


def read_each(path: Path, what: str, read: Callable[[Node], Document]) -> tuple[list[Document], list[str]]:
    """Return the sound documents of a file, one or a list of them, and what is wrong with the others.

    Every scalar stays text, so no number passes through binary floating point. what: a document, for people.

    Raises:
        CommandError: the file cannot be read as YAML or JSON, or holds no document.
    """
    root, problems = _tree(path, what)
    nodes = root.items if isinstance(root, Items) else (root,)
    if not nodes:
        raise CommandError(f"{path}: Expected {what} or a list of them, was an empty list.")
    documents = []
    for node in nodes:
        try:
            documents.append(read(node))
        except Fault as fault:
            problems += fault.problems
    return documents, [_sentence(path, problem) for problem in sorted(set(problems))]


def _tree(path: Path, what: str) -> tuple[Node, list[Problem]]:
    content = _content(path, what)
    if content.lstrip()[:1] in {b"{", b"["}:
        content = _as_yaml(path, content)
    try:
        return read_tree(content)
    except Fault as fault:
        raise CommandError("\n".join(_sentence(path, problem) for problem in fault.problems)) from fault


def _content(path: Path, what: str) -> bytes:
    if path.is_dir():
        raise CommandError(f"{path}: Expected a file with {what}, was a folder.")
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise CommandError(f"{path}: Expected a file of at most {BYTES_MAX} bytes, was {size}.")
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(
            f"{path}: Expected a file to read, was: {error.strerror}. Check its name and rights."
        ) from error
    if not content.strip():
        raise CommandError(f"{path}: Expected {what} or a list of them, was an empty file.")
    return content


def _as_yaml(path: Path, content: bytes) -> bytes:
    """Check JSON by its own rules; then YAML reads it too, with lines, once its tabs, which only indent, are blanks."""
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        if path.suffix.lower() == ".json":
            raise CommandError(
                f"{path}:{error.lineno}: Expected JSON, was not: {error.msg} in column {error.colno}."
            ) from error
        return content  # YAML may begin like this too
    except ValueError as error:
        raise CommandError(f"{path}: Expected text in UTF-8, was not: {error}.") from error
    return content.replace(b"\t", b" ")


def _document(node: Node) -> Document:
    if not isinstance(node, Keys):
        raise Fault.at(node.line, "a terms document: a mapping with contract, size, tick and so on", describe(node))
    document = plain(node)
    try:
        check(document)
        if document.get("final_settlement") is not None:
            FinalSettlement.of(document["final_settlement"])
        check_name("contract", document["contract"])
    except TermsError as error:
        raise broken_rule(node, error) from error
    return {key: value for key, value in document.items() if value is not None}


def check_name(key: str, name: str) -> None:
    """Refuse what cannot be the name of a contract or series.

    Raises:
        TermsError: of the key.
    """
    if name != name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH_MAX:
        raise TermsError(key, f"a name of 1 to {_NAME_LENGTH_MAX} printable characters without blanks around it", name)


def plain(node: Node) -> Any:  # noqa: ANN401  a document holds mappings, lists and texts
    """Return what a file holds as mappings, lists and texts."""
    if isinstance(node, Text):
        return None if node.is_null else node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key.value: plain(value) for key, value in node.entries}


def _sentence(path: Path, problem: Problem) -> str:
    return str(ScenarioError(str(path), problem.line, problem.expected, problem.was, problem.hint))
