"""Single fields of feed records: exact decimals, instants, dates, names, whole numbers.

Each function takes what stood in the record and returns a value or raises `FieldError`, whose text says what was
expected and what came. Numbers never pass through binary floating point.
"""

import json
import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar, cast

TEXT_CHARACTERS_MAX = 128
"""Ids of orders, trades, contracts and accounts are names, not documents."""

_REPEATED_TEXTS = 8_192
"""Prices and instants repeat from line to line; each is read once in so many."""

_NANO_DECIMALS = 9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DECIMAL = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,30}))?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Word = TypeVar("Word", bound=str)


class FieldError(ValueError):
    """A field is missing or cannot be read; the text says what was expected, what came and where."""


def _refuse_constant(name: str) -> object:
    raise FieldError(f"Expected a number, was {name}")


_DECODER = json.JSONDecoder(parse_float=str, parse_constant=_refuse_constant)


def loads(line: bytes | str) -> object:
    """Return the JSON value of a line, its decimals as text; raise ValueError when it is not JSON in UTF-8."""
    text = line if isinstance(line, str) else line.decode("utf-8")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise FieldError("Expected a flat JSON object, was one nested too deep") from None


def shown(value: object) -> str:
    """Return a value as it appears in an error text: quoted when it is text, cut when it is long."""
    text = "null" if value is None else json.dumps(value, ensure_ascii=True) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_source_seq(value: object) -> int | None:
    """Return a sequence number of a feed, or None when it is not a whole number from 0 to 10**18 - 1."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    return None


def nano(name: str, value: object) -> int:
    """Return a decimal text in 1e-9 of its unit, exactly: "2.35" is 2350000000."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    found = _nano_of_text(str(value)) if is_whole or isinstance(value, str) else None
    if found is None:
        raise FieldError(f'Expected {name} to be a decimal text like "2.350", was {shown(value)}')
    if isinstance(found, str):
        raise FieldError(f"Expected {name} to have at most {_NANO_DECIMALS} decimals, was {shown(value)}")
    return found


@lru_cache(maxsize=_REPEATED_TEXTS)
def _nano_of_text(text: str) -> int | str | None:
    """Return a decimal in nanos; the text itself when it is too fine; None when it is no decimal."""
    matched = _DECIMAL.fullmatch(text)
    if matched is None:
        return None
    sign, whole, decimals = matched[1], matched[2], matched[3] or ""
    if decimals[_NANO_DECIMALS:].strip("0"):
        return text
    magnitude: int = int(whole) * 10**_NANO_DECIMALS + int(decimals[:_NANO_DECIMALS].ljust(_NANO_DECIMALS, "0"))
    return -magnitude if sign else magnitude


def whole(name: str, value: object) -> int:
    """Return a whole number; whether it may be zero or negative is the gateway's rule, not the reader's."""
    if isinstance(value, int) and not isinstance(value, bool) and -(10**18) < value < 10**18:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise FieldError(f"Expected {name} to be a whole number, was {shown(value)}")


def text(name: str, value: object) -> str:
    """Return a name: text of 1 to 128 printable characters without blanks around it."""
    if (
        isinstance(value, str)
        and 0 < len(value) <= TEXT_CHARACTERS_MAX
        and value.isprintable()
        and value == value.strip()
    ):
        return value
    raise FieldError(
        f"Expected {name} to be a text of 1 to {TEXT_CHARACTERS_MAX} printable characters, was {shown(value)}"
    )


def word(name: str, value: object, words: Collection[Word]) -> Word:
    """Return one of a closed set of words."""
    if isinstance(value, str) and value in words:
        return cast("Word", value)
    raise FieldError(f"Expected {name} to be one of {', '.join(words)}, was {shown(value)}")


def instant_us(name: str, value: object) -> int:
    """Return an instant with its zone in microseconds since the epoch UTC, exactly."""
    found = _us_of_text(value) if isinstance(value, str) else None
    if found is not None:
        return found
    raise FieldError(
        f"Expected {name} to be an instant with a zone like 2026-08-03T14:00:00.000000Z, was {shown(value)}"
    )


@lru_cache(maxsize=_REPEATED_TEXTS)
def _us_of_text(text: str) -> int | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):  # a month 13, or an hour 25
        return None


def business_date(name: str, value: object) -> int:
    """Return a date "YYYY-MM-DD" as yyyymmdd."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            pass  # a February 30: refused below, with the text
        else:
            return day.year * 10_000 + day.month * 100 + day.day
    raise FieldError(f"Expected {name} to be a date like 2026-08-03, was {shown(value)}")
