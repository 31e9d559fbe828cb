"""What a value of the language may be: one reader a type, each naming what it expected where something else came.

A reader takes a node of the tree and returns the value, or raises `Fault`. Numbers stay decimal text as far as they can
be money: the gateway turns them into integers against the contract's terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from settlement.domain.currency import DECIMALS
from settlement.domain.dates import DateTextError, parse_date, parse_instant
from settlement.domain.market_terms import LOTS_MOST
from settlement.domain.money import NANO, DecimalTextError, parse_decimal
from settlement.scenario.errors import Fault, Problem
from settlement.scenario.tree import Items, Mapping, Node, Text, describe

T = TypeVar("T")
P = TypeVar("P")
Reader = Callable[[Node], T]

_DECIMAL: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_WHOLE: Final = re.compile(r"[+-]?\d+")
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
FIRST_DATE: Final = 19700101
LAST_DATE: Final = 21991231
"""The dates that the gateway takes: later ones are typing errors, and calendars end."""
DIGITS_MAX: Final = 60
"""Digits of a number: beyond every limit of the gateway, which refuses by rule what is merely too large."""


def text(node: Node) -> str:
    """Read one line of text."""
    if not isinstance(node, Text) or node.is_null:
        raise Fault.at(node.line, "a text", describe(node))
    if "\n" in node.value.strip("\n"):
        raise Fault.at(node.line, "one line of text", "several")
    return node.value.strip("\n")


def name(node: Node) -> str:
    """Read the name of a contract, an account, a trade, a series or a provider."""
    if not isinstance(node, Text) or node.is_null:
        raise Fault.at(node.line, "a name", describe(node))
    if not node.value.isprintable() or node.value != node.value.strip() or not node.value:
        raise Fault.at(node.line, "a name without blanks around it and without control characters", repr(node.value))
    return node.value


def decimal(node: Node) -> str:
    """Read a plain decimal number of any size, as text."""
    if not isinstance(node, Text) or not _DECIMAL.fullmatch(node.value):
        raise Fault.at(node.line, "a decimal number such as 2.350", describe(node))
    if len(node.value) > DIGITS_MAX:
        raise Fault.at(node.line, f"a number of at most {DIGITS_MAX} digits", f"{len(node.value)} characters")
    return node.value


def nano(node: Node) -> str:
    """Read a decimal number of at most nine decimals, as text."""
    value = decimal(node)
    try:
        parse_decimal(value, NANO)
    except DecimalTextError as error:
        raise Fault.at(node.line, f"a number of at most {NANO} decimals", repr(value)) from error
    return value


def positive(node: Node) -> str:
    """Read a decimal number above zero of at most nine decimals, as text."""
    value = nano(node)
    if parse_decimal(value, NANO) <= 0:
        raise Fault.at(node.line, "a number above zero", repr(value))
    return value


def not_negative(node: Node) -> str:
    """Read a decimal number of zero or more and at most nine decimals, as text."""
    value = nano(node)
    if parse_decimal(value, NANO) < 0:
        raise Fault.at(node.line, "zero or more", repr(value))
    return value


def share(node: Node) -> str:
    """Read a share between 0 and 1, as text."""
    value = nano(node)
    if not 0 <= parse_decimal(value, NANO) < parse_decimal("1", NANO):
        raise Fault.at(node.line, "a share from 0 to below 1, such as 0.10", repr(value))
    return value


def whole(node: Node) -> int:
    """Read a whole number, of either sign: lots of zero or less are the gateway's to refuse."""
    if not isinstance(node, Text) or not _WHOLE.fullmatch(node.value):
        raise Fault.at(node.line, "a whole number", describe(node))
    if len(node.value) > DIGITS_MAX:
        raise Fault.at(node.line, f"a number of at most {DIGITS_MAX} digits", f"{len(node.value)} characters")
    return int(node.value)


def count(node: Node) -> int:
    """Read a small whole number of zero or more."""
    value = whole(node)
    if not 0 <= value <= 10_000:
        raise Fault.at(node.line, "a whole number from 0 to 10000", repr(value))
    return value


def lots_most(node: Node) -> int:
    """Read a limit of lots, greater than zero."""
    value = whole(node)
    if not 1 <= value <= LOTS_MOST:
        raise Fault.at(node.line, f"a whole number from 1 to {LOTS_MOST}", repr(value))
    return value


def precision(node: Node) -> int:
    """Read a number of decimals, 0 to 9."""
    value = whole(node)
    if not 0 <= value <= NANO:
        raise Fault.at(node.line, f"a number of decimals from 0 to {NANO}", repr(value))
    return value


def date(node: Node) -> int:
    """Read a date as yyyymmdd."""
    if not isinstance(node, Text):
        raise Fault.at(node.line, "a date such as 2026-11-23", describe(node))
    try:
        day = parse_date(node.value)
    except DateTextError as error:
        raise Fault.at(node.line, "a date such as 2026-11-23", describe(node)) from error
    if not FIRST_DATE <= day <= LAST_DATE:
        raise Fault.at(node.line, "a date from 1970 to 2199", describe(node))
    return day


def instant(node: Node) -> int:
    """Read an instant with its zone, in microseconds since 1970 UTC."""
    expected = "an instant with its zone, such as 2026-11-23T15:00:00Z"
    if not isinstance(node, Text):
        raise Fault.at(node.line, expected, describe(node))
    try:
        return parse_instant(node.value)
    except DateTextError as error:
        raise Fault.at(node.line, expected, describe(node)) from error


def month(node: Node) -> str:
    """Read a delivery month, as text."""
    if not isinstance(node, Text) or not _MONTH.fullmatch(node.value):
        raise Fault.at(node.line, "a month such as 2027-02", describe(node))
    return node.value


def time(node: Node) -> str:
    """Read a time of day, as text with seconds."""
    if not isinstance(node, Text) or not _TIME.fullmatch(node.value):
        raise Fault.at(node.line, "a time such as 14:28:00", describe(node))
    return node.value if len(node.value) == len("14:28:00") else node.value + ":00"


def zone(node: Node) -> str:
    """Read the name of a time zone."""
    value = name(node)
    if value not in available_timezones():
        hint = suggestion(value, available_timezones())
        raise Fault.at(node.line, "a time zone such as America/Chicago", repr(value), hint)
    return ZoneInfo(value).key


def currency(node: Node) -> str:
    """Read an ISO 4217 code."""
    value = name(node)
    if value not in DECIMALS:
        raise Fault.at(node.line, "an ISO 4217 code such as USD", repr(value), suggestion(value, DECIMALS))
    return value


def choice(*choices: str) -> Reader[str]:
    """Return a reader of one of these words."""

    def read(node: Node) -> str:
        if not isinstance(node, Text) or node.value not in choices:
            hint = suggestion(node.value, choices) if isinstance(node, Text) else ""
            raise Fault.at(node.line, one_of(choices), describe(node), hint)
        return node.value

    return read


def either(word: str, reader: Reader[T]) -> Reader[T | str]:
    """Return a reader of a word, or of what another reader takes."""

    def read(node: Node) -> T | str:
        if isinstance(node, Text) and node.value == word:
            return word
        try:
            return reader(node)
        except Fault as fault:
            first = fault.problems[0]
            if first.line != node.line or len(fault.problems) > 1 or not isinstance(node, Text):
                raise
            raise Fault.at(first.line, f"`{word}` or {first.expected}", first.was, first.hint) from fault

    return read


def or_null(reader: Reader[T]) -> Reader[T | None]:
    """Return a reader that takes `null` too."""

    def read(node: Node) -> T | None:
        return None if isinstance(node, Text) and node.is_null else reader(node)

    return read


def items(reader: Reader[T], what: str, *, least: int = 0) -> Reader[tuple[T, ...]]:
    """Return a reader of a list of at least so many."""

    def read(node: Node) -> tuple[T, ...]:
        if not isinstance(node, Items):
            raise Fault.at(node.line, f"a list of {what}", describe(node))
        if len(node.items) < least:
            raise Fault.at(node.line, f"at least {least} of {what}", describe(node))
        return tuple(gather(reader, node.items))

    return read


def by_name(reader: Reader[T], what: str, *, least: int = 0, key: Reader[str] = name) -> Reader[dict[str, T]]:
    """Return a reader of a mapping from names, or from what `key` reads."""

    def read(node: Node) -> dict[str, T]:
        if not isinstance(node, Mapping):
            raise Fault.at(node.line, f"a mapping of {what}", describe(node))
        if len(node.entries) < least:
            raise Fault.at(node.line, f"at least {least} of {what}", describe(node))
        return dict(gather(lambda entry: (key(entry[0]), reader(entry[1])), node.entries))

    return read


def gather(read: Callable[[P], T], parts: Iterable[P]) -> list[T]:
    """Return what each part reads as.

    Raises:
        Fault: of the problems of all of them.
    """
    results: list[T] = []
    problems: list[Problem] = []
    for part in parts:
        try:
            results.append(read(part))
        except Fault as fault:
            problems += fault.problems
    if problems:
        raise Fault(problems)
    return results


def one_of(words: Sequence[str]) -> str:
    """Return a choice as an error says it."""
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a hint to the known word that is nearest, or nothing."""
    near = get_close_matches(word, list(known), 1, 0.7)
    return f"Did you mean `{near[0]}`?" if near else ""
