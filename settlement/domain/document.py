"""Reading the parts of a terms document: every value in its form, or one error that says key, expected and was.

Numbers arrive as decimal text (scenario files, controls) or as integers (JSON); floats and booleans are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from settlement.domain.contract import TermsError
from settlement.domain.dates import DateTextError, parse_date
from settlement.domain.money import NANO, DecimalTextError, parse_decimal

Document = Mapping[str, Any]

_SHARE_DECIMALS: Final = 9
_Choice = TypeVar("_Choice", bound=StrEnum)


def canonical(document: Document) -> str:
    """Return a document as canonical JSON: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def mapping(value: object, key: str, allowed: frozenset[str]) -> Document:
    """Return a value as a mapping that has only known keys."""
    if not isinstance(value, Mapping):
        raise TermsError(key, "a mapping with " + ", ".join(sorted(allowed)), value)
    unknown = sorted(str(name) for name in value if name not in allowed)
    if unknown:
        raise TermsError(f"{key}.{unknown[0]}", "one of the keys " + ", ".join(sorted(allowed)), "unknown")
    return value


def sequence(value: object, key: str, expected: str) -> Sequence[Any]:
    """Return a value as a list with at least one entry."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise TermsError(key, expected, value)
    return value


def only_entry(value: object, key: str, expected: str) -> tuple[str, object]:
    """Return the key and the value of a mapping that has exactly one entry."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise TermsError(key, expected, value)
    ((name, inner),) = value.items()
    return str(name), inner


def text(value: object, key: str, expected: str = "a text") -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise TermsError(key, expected, value)
    return value


def zone(value: object, key: str) -> str:
    """Return the IANA name of a time zone."""
    name = text(value, key, "a zone such as America/Chicago")
    try:
        ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ) as error:  # OSError: the name of a folder of zones, like America
        raise TermsError(key, "a zone such as America/Chicago", value) from error
    return name


def choice(value: object, key: str, kind: type[_Choice]) -> _Choice:
    """Return the member of an enumeration that a text names."""
    if isinstance(value, str) and value in {member.value for member in kind}:
        return kind(value)
    raise TermsError(key, "one of " + ", ".join(member.value for member in kind), value)


def count(value: object, key: str, least: int, most: int) -> int:
    """Return a whole number within bounds."""
    shown = str(value)
    if not isinstance(value, int | str) or isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", shown):
        raise TermsError(key, f"a whole number from {least} to {most}", value)
    if not least <= int(shown) <= most:
        raise TermsError(key, f"a whole number from {least} to {most}", value)
    return int(shown)


def decimal(value: object, key: str, decimals: int, expected: str) -> int:
    """Return a decimal number as an integer of 10**-decimals, exactly."""
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise TermsError(key, expected, value)
    try:
        return parse_decimal(str(value), decimals)
    except DecimalTextError as error:
        raise TermsError(key, expected, value) from error


def share(value: object, key: str, expected: str) -> Fraction:
    """Return a decimal number of zero or more as an exact fraction."""
    number = decimal(value, key, _SHARE_DECIMALS, expected)
    if number < 0:
        raise TermsError(key, expected, value)
    return Fraction(number, 10**_SHARE_DECIMALS)


def precision(value: object, key: str) -> int:
    """Return how many decimals a price keeps: 0 to 9."""
    return count(value, key, 0, NANO)


def date(value: object, key: str) -> int:
    """Return a date as yyyymmdd."""
    try:
        return parse_date(value if isinstance(value, str) else str(value))
    except DateTextError as error:
        raise TermsError(key, "a date such as 2026-11-23", value) from error
