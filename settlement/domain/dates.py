"""Business dates as they travel: integers yyyymmdd; and instants as microseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")


class DateTextError(ValueError):
    """A text is no date or no instant."""


def parse_date(text: str) -> int:
    """Return `2026-11-23` as 20261123.

    Raises:
        DateTextError: it is no date of the calendar in that form.
    """
    try:
        if len(text) != len("2026-11-23"):
            raise ValueError(text)
        return to_number(date.fromisoformat(text))
    except ValueError as error:
        message = f"Expected a date such as 2026-11-23, was {text!r}."
        raise DateTextError(message) from error


def parse_instant(text: str) -> int:
    """Return an ISO 8601 instant with its zone, such as `2026-11-23T15:00:00Z`, in microseconds since 1970 UTC.

    Raises:
        DateTextError: it is no instant, has no zone, or is finer than a microsecond.
    """
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except ValueError as error:
        message = f"Expected an instant with its zone, such as 2026-11-23T15:00:00Z, was {text!r}."
        raise DateTextError(message) from error


def format_date(number: int) -> str:
    """Return 20261123 as `2026-11-23`."""
    return to_date(number).isoformat()


def to_date(number: int) -> date:
    """Return 20261123 as a date."""
    return date(number // 10000, number // 100 % 100, number % 100)


def to_number(day: date) -> int:
    """Return a date as yyyymmdd."""
    return day.year * 10000 + day.month * 100 + day.day


def to_instant(at_us: int) -> datetime:
    """Return microseconds since 1970 as an aware instant in UTC."""
    return _EPOCH + at_us * _MICROSECOND
