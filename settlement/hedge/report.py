"""The hedger's answer as one document, as tables, and against what a file expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from settlement.domain.currency import DECIMALS
from settlement.domain.money import NANO, format_decimal, format_price
from settlement.hedge.cost import MonthCost, per_unit_nano, totals
from settlement.hedge.held import Held
from settlement.hedge.plan import Plan
from settlement.scenario.tree import Items, Text
from settlement.scenario.tree import Mapping as Keys

Json = dict[str, Any]
AMOUNTS: Final = ("physical", "futures", "fees", "total", "locked", "basis", "open", "rounding")
MONTHS: Final = (
    "month", "index", "quantity", "hedged", "open_quantity", "index_price", "index_source", "futures_source", *AMOUNTS,
    "hedged_price", "cost_per_unit",
)  # fmt: skip
POSITIONS: Final = ("contract", "month", "index", "lots", "quantity", "price", "source", "cash", "fees")


def answer(plan: Plan, rows: Sequence[MonthCost], held: Sequence[Held]) -> Json:
    """Return the answer: `title`, `currency`, `months`, `totals`, `futures`; amounts + receives, - pays."""
    return {
        "title": plan.title,
        "currency": plan.currency,
        "months": [_month(row, plan.currency) for row in rows],
        "totals": {name: _money(amount, plan.currency) for name, amount in totals(rows).items()},
        "futures": [_position(one) for one in held],
    }


def _month(row: MonthCost, currency: str) -> Json:
    hedged_nano = per_unit_nano(row.bought_minor, row.hedged_nano, currency)
    unit_nano = per_unit_nano(-row.total_minor, row.quantity_nano, currency)
    return {
        "month": row.month,
        "index": row.index,
        "quantity": _units(row.quantity_nano),
        "hedged": _units(row.hedged_nano),
        "open_quantity": _units(row.open_nano),
        "index_price": _price(row.index_nano),
        "index_source": row.index_source,
        "futures_source": ", ".join(row.sources) or "none",
        **{name: _money(getattr(row, f"{name}_minor"), currency) for name in AMOUNTS},
        "hedged_price": None if hedged_nano is None else _price(hedged_nano),
        "cost_per_unit": None if unit_nano is None else _price(unit_nano),
    }


def _position(one: Held) -> Json:
    currency = one.contract.currency
    return {
        "contract": one.contract.contract,
        "month": one.month,
        "index": one.index,
        "lots": one.lots,
        "quantity": _units(one.quantity_nano),
        "price": format_price(one.price_nano, one.contract.tick_nano),
        "source": one.source,
        "cash": _money(one.cash_minor, currency),
        "fees": _money(one.fees_minor, currency),
    }


def _money(amount_minor: int, currency: str) -> str:
    return format_decimal(amount_minor, DECIMALS[currency])


def _units(quantity_nano: int) -> str:
    return format_decimal(quantity_nano, NANO, least=0)


def _price(price_nano: int) -> str:
    return format_decimal(price_nano, NANO, least=4)


def sentences(document: Json) -> list[str]:
    """Return the answer in words, one sentence a month."""
    return [_sentence(row, document["currency"]) for row in document["months"]]


def _sentence(row: Mapping[str, Any], currency: str) -> str:
    place = f"{row['month']} {row['index']}"
    used, hedged, left = (Decimal(row[name]) for name in ("quantity", "hedged", "open_quantity"))
    if not hedged:
        now = f"{row['index_price']} {currency}"
        return f"{place}: nothing is hedged; {row['quantity']} units move with the index, now {now}."
    at = f"{row['hedged']} units at {row['hedged_price']} {currency}"
    basis = f"and {row['basis']} of basis at today's prices"
    if not used:
        return f"{place}: {at}, and nothing is used: these futures are a bet of their own."
    if (hedged > 0) != (used > 0):
        return f"{place}: {at} are on the wrong side: {row['open_quantity']} units stay open, {basis}."
    locked = f"{place}: {at}, {row['locked']} locked in; "
    if not left:
        return f"{locked}no quantity stays open, {basis}."
    if (left > 0) != (used > 0):
        return f"{locked}that is more than is used: {abs(left)} units are a bet of their own, {basis}."
    return f"{locked}{row['open_quantity']} units stay open, {basis}."


def differences(plan: Plan, document: Json) -> list[str]:
    """Return where the answer is not as the file's `expect` says, a line each.

    `expect` is a list of months, each found by `month` and `index`, with any of their figures.
    """
    if not isinstance(plan.expect, Items):
        return []
    found: list[str] = []
    for item in plan.expect.items:
        if not isinstance(item, Keys):
            found.append(f"expect: expected a mapping of a month's figures (line {item.line})")
            continue
        named = {key: text.value for key in ("month", "index") if isinstance(text := item.get(key), Text)}
        rows = [row for row in document["months"] if all(row[key] == value for key, value in named.items())]
        label = " ".join(named.values())
        if len(rows) != 1:
            found.append(f"months[{label}]: expected one month, was {len(rows)} (line {item.line})")
            continue
        found += _row_differences(item, rows[0], label)
    return found


def _row_differences(item: Keys, row: Mapping[str, Any], label: str) -> list[str]:
    found = []
    for key, inner in item.entries:
        was = row.get(key.value, "no such figure")
        expected = inner.value if isinstance(inner, Text) else "a figure"
        if _number(expected) != _number(was) if _number(expected) is not None else expected != str(was):
            found.append(f"months[{label}].{key.value}: expected {expected}, was {was} (line {inner.line})")
    return found


def _number(text: object) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None
