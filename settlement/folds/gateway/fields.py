"""Fields of a control's payload, each read with one clear refusal when it is not as agreed."""

from __future__ import annotations

from typing import Any

from settlement.domain.dates import DateTextError, parse_date, parse_instant
from settlement.domain.money import NANO, DecimalTextError, parse_decimal
from settlement.domain.rejection import Code, Refused

Payload = dict[str, Any]

FIRST_DATE, LAST_DATE = 19700101, 21991231
"""A business date beyond them is a slip of the keyboard, and counting days up to it would take the gateway's time."""


def malformed(key: str, expected: str, was: object) -> Refused:
    """Return the refusal of a field that is not of its form."""
    return Refused(Code.MALFORMED, f"{key}: Expected {expected}, was {was!r}.")


def text(payload: Payload, key: str) -> str:
    """Return a text that is not empty."""
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(key, "a text", value)
    return value


def mapping(payload: Payload, key: str) -> Payload:
    """Return a mapping."""
    value = payload.get(key)
    if not isinstance(value, dict):
        raise malformed(key, "a mapping", value)
    return value


def date(payload: Payload, key: str) -> int:
    """Return a date as yyyymmdd."""
    value = payload.get(key)
    try:
        day = parse_date(str(value))
    except DateTextError as error:
        raise malformed(key, "a date such as 2026-11-23", value) from error
    if not FIRST_DATE <= day <= LAST_DATE:
        raise malformed(key, "a date from 1970 to 2199", value)
    return day


def instant(payload: Payload, key: str) -> int:
    """Return an instant in microseconds since 1970 UTC; -1 when the key is missing."""
    value = payload.get(key)
    if value is None:
        return -1
    try:
        return parse_instant(str(value))
    except DateTextError as error:
        raise malformed(key, "an instant such as 2026-11-23T15:00:00Z", value) from error


def decimal(value: object, key: str, decimals: int = NANO) -> int:
    """Return decimal text as an integer of 10**-decimals."""
    try:
        return parse_decimal(str(value), decimals)
    except DecimalTextError as error:
        raise malformed(key, f"a decimal number of at most {decimals} decimals", value) from error


def lots(value: object, key: str = "lots") -> int:
    """Return whole lots greater than zero."""
    try:
        number = int(str(value))
    except ValueError as error:
        raise malformed(key, "a whole number of lots", value) from error
    if number <= 0:
        raise Refused(Code.BAD_LOTS, f"{key}: Expected whole lots greater than zero, was {number}.")
    return number
