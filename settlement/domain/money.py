"""Exact integers for money: parsing, printing and the one rounding there is (rule VAL-1)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

NANO: Final = 9  # decimals of prices and sizes: FIX PRICE9
NANO_SQUARED: Final = 10**18

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?")


class Rounding(StrEnum):
    """How V is rounded to the minor unit; a contract names its mode."""

    HALF_UP = "half-up"
    """A half goes away from zero; the default."""
    HALF_EVEN = "half-even"
    """A half goes to the even neighbour."""
    DOWN = "down"
    """Toward zero."""


class DecimalTextError(ValueError):
    """A text is not a plain decimal number of the decimals that its field allows."""


def parse_decimal(text: str, decimals: int) -> int:
    """Return a plain decimal text as an integer of 10**-decimals, exactly; `parse_decimal("2.35", 9)` is 2350000000.

    Raises:
        DecimalTextError: it is no plain decimal number (no exponent, no blanks), or has more decimals than the field
        keeps.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        message = f"Expected a decimal number such as 2.350, was {text!r}."
        raise DecimalTextError(message)
    sign, whole, fraction = match.group(1), match.group(2), (match.group(3) or "").rstrip("0")
    if len(fraction) > decimals:
        message = f"Expected at most {decimals} decimals, was {text!r}."
        raise DecimalTextError(message)
    number = int(whole + fraction.ljust(decimals, "0"))
    return -number if sign == "-" else number


def format_decimal(number: int, decimals: int, *, least: int | None = None) -> str:
    """Return an integer of 10**-decimals as decimal text, with at least `least` decimals (default: all of them)."""
    keep = decimals if least is None else least
    digits = str(abs(number)).rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    fraction = fraction.rstrip("0").ljust(keep, "0")
    return ("-" if number < 0 else "") + whole + ("." + fraction if fraction else "")


def format_price(price_nano: int, tick_nano: int = 10**NANO) -> str:
    """Return a price as decimal text with the decimals of its tick, or more where the price has more."""
    tick = format_decimal(tick_nano, NANO, least=0)
    return format_decimal(price_nano, NANO, least=len(tick.partition(".")[2]))


def divide(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Return numerator / denominator rounded to an integer; the denominator is positive."""
    whole, rest = divmod(abs(numerator), denominator)
    if rounding is Rounding.HALF_UP:
        whole += 2 * rest >= denominator
    elif rounding is Rounding.HALF_EVEN:
        whole += 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return -whole if numerator < 0 else whole


def value_minor(price_nano: int, size_nano: int, currency_decimals: int, rounding: Rounding) -> int:
    """Return V(price): the money value of ONE contract in minor units, rounded once (rule VAL-1)."""
    return divide(price_nano * size_nano * 10**currency_decimals, NANO_SQUARED, rounding)
