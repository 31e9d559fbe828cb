"""Reads a scenario file: YAML to values with lines, or all that is wrong with it.

What is an error of the file and what is a refused event: whatever cannot be read as written (keys, types, words, terms
that break a rule) is an error and nothing runs; whatever reads but breaks a rule of clearing (an unknown trade, a price
off the tick, lots of zero) is the gateway's to refuse, event by event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from settlement.domain.account import Account, Origin, Positions, is_clearing_house
from settlement.scenario import readers
from settlement.scenario.errors import Fault, Problem, UnreadableScenarioError
from settlement.scenario.events import Entry, read_event
from settlement.scenario.expectation import read_expectation
from settlement.scenario.forms import Key, read_keys
from settlement.scenario.methodology import read_methodology
from settlement.scenario.terms import Document, Shipped, read_contract
from settlement.scenario.tree import Items, Node, Text, describe, read_tree
from settlement.scenario.tree import Mapping as Keys

BYTES_MAX: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario that can be read.

    contracts: terms documents in the order of the file.  accounts: those that the file lists.  series: methodology
    documents.  expect: what the output must say, None where nothing is expected.  lines: where each contract, account
    and series stands, by section and name.
    """

    file: str
    title: str = ""
    contracts: Mapping[str, Document] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    series: Mapping[str, Document] = field(default_factory=dict)
    holidays: tuple[int, ...] = ()
    banks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    events: tuple[Entry, ...] = ()
    expect: Node | None = None
    lines: Mapping[tuple[str, str], int] = field(default_factory=dict)


def read_scenario(path: Path, shipped: Shipped | None = None) -> Scenario:
    """Return the scenario of a file; shipped: the terms documents that it may name.

    Raises:
        UnreadableScenarioError: with every problem of the file.
    """
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise UnreadableScenarioError(str(path), [Problem(0, "a scenario file", "a directory")])
        if size > BYTES_MAX:
            raise UnreadableScenarioError(str(path), [Problem(0, f"a file of at most {BYTES_MAX} bytes", str(size))])
        content = path.read_bytes()
    except OSError as error:
        was = (error.strerror or str(error)).lower()
        raise UnreadableScenarioError(str(path), [Problem(0, "a readable file", was)]) from error
    return parse_scenario(content, str(path), shipped)


def parse_scenario(content: bytes | str, file: str = "scenario.yaml", shipped: Shipped | None = None) -> Scenario:
    """Return the scenario that a text describes; `file` names it in errors.

    Raises:
        UnreadableScenarioError: with every problem of the text.
    """
    problems: list[Problem] = []
    try:
        root, problems = read_tree(content.encode() if isinstance(content, str) else content)
        scenario = _scenario(root, file, shipped or {})
    except Fault as fault:
        raise UnreadableScenarioError(file, [*problems, *fault.problems]) from fault
    if problems:
        raise UnreadableScenarioError(file, problems)
    return scenario


def _scenario(root: Node, file: str, shipped: Shipped) -> Scenario:
    def contracts(node: Node) -> dict[str, Document]:
        return _named(node, "contract: terms", lambda name, inner: read_contract(name, inner, shipped))

    keys = {
        "title": Key(readers.text),
        "contracts": Key(contracts),
        "accounts": Key(lambda node: _named(node, "account: member, origin, positions", _account)),
        "series": Key(lambda node: _named(node, "series: methodology", lambda _, inner: read_methodology(inner))),
        "calendar": Key(_calendar),
        "events": Key(_events, required=True),
        "expect": Key(read_expectation),
    }
    read = read_keys(root, keys, "a scenario")
    read |= read.pop("calendar", {})
    assert isinstance(root, Keys)  # noqa: S101  read_keys takes mappings only
    return Scenario(file=file, lines=_lines(root), **read)


def _named(node: Node, what: str, reader: Any) -> dict[str, Any]:  # noqa: ANN401  a reader that takes the name too
    if not isinstance(node, Keys):
        raise Fault.at(node.line, f"a mapping of {what}", describe(node))
    return dict(readers.gather(lambda entry: (readers.name(entry[0]), reader(entry[0].value, entry[1])), node.entries))


def _account(account: str, node: Node) -> Account:
    """Return an account of `accounts`; what is left out is as of one that is not listed there."""
    keys = {
        "member": Key(readers.name),
        "origin": Key(readers.choice("house", "client")),
        "positions": Key(readers.choice("net", "gross")),
    }
    if is_clearing_house(account):
        expected = "a name that is not the clearing house's own (CCP, or CCP/ and more)"
        raise Fault.at(node.line, expected, repr(account))
    read = {"member": account, "origin": "house", "positions": "net", **read_keys(node, keys, "an account")}
    origin, positions = Origin(read["origin"].upper()), Positions(read["positions"].upper())
    return Account(account=account, member=read["member"], origin=origin, positions=positions)


def _calendar(node: Node) -> dict[str, Any]:
    days = readers.items(readers.date, "dates")
    keys = {"holidays": Key(days), "banks": Key(readers.by_name(days, "currency: holidays", key=readers.currency))}
    return read_keys(node, keys, "`calendar`")


def _events(node: Node) -> tuple[Entry, ...]:
    if isinstance(node, Text) and node.is_null:
        return ()
    if not isinstance(node, Items):
        raise Fault.at(node.line, "a list of events", describe(node))
    read = enumerate(readers.gather(read_event, node.items), 1)
    return tuple(Entry(number=number, line=line, event=event) for number, (line, event) in read)


def _lines(root: Keys) -> dict[tuple[str, str], int]:
    return {
        (section.value, key.value): key.line
        for section, inner in root.entries
        if isinstance(inner, Keys)
        for key, _ in inner.entries
    }
