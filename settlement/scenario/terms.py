"""The keys of a contract in a scenario, and the terms document that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from settlement.domain import market_terms
from settlement.domain.contract import HOURS_IN_MONTH, PRICE_LIMIT_NANO, Contract, TermsError
from settlement.domain.daily_settlement import DailySettlement, Tier
from settlement.domain.dates import format_date
from settlement.domain.feed import TRADE_TYPES
from settlement.domain.final_settlement import FinalSettlement
from settlement.domain.rulebook import leaves
from settlement.scenario import readers
from settlement.scenario.errors import Fault
from settlement.scenario.forms import table
from settlement.scenario.tree import Items, Node, Text, describe
from settlement.scenario.tree import Mapping as Keys

Document: TypeAlias = dict[str, Any]
Shipped: TypeAlias = Mapping[str, Callable[[str | None], Document]]
"""The shipped terms documents by name, each a function of the contract's month, None where the file has none."""

WHOLE_DAY: Final = "day"


def _window(node: Node) -> list[str] | str:
    if isinstance(node, Text) and node.value == WHOLE_DAY:
        return WHOLE_DAY
    if not isinstance(node, Items) or len(node.items) != 2:
        raise Fault.at(node.line, "`day`, or two times such as [14:28:00, 14:30:00]", describe(node))
    start, end = readers.items(readers.time, "times")(node)
    if start > end:
        raise Fault.at(node.line, "a window whose end is not before its start", f"[{start}, {end}]")
    return [start, end]


def _text_date(node: Node) -> str:
    return format_date(readers.date(node))


_DAILY = table(
    {
        "window": _window,
        "zone": readers.zone,
        "tiers": readers.items(readers.choice(*Tier), "tiers", least=1),
    },
    "`daily_settlement`",
)

_FINAL = table(
    {
        "method": readers.choice("average"),
        "series": readers.name,
        "days": readers.choice("calendar", "business", "listed"),
        "list": readers.items(_text_date, "dates", least=1),
        "from": _text_date,
        "to": _text_date,
        "missing": readers.choice("carry", "skip", "error"),
        "precision": readers.precision,
        "quote": readers.choice("average", "100-average"),
        "closing_lag": readers.count,
    },
    "`final_settlement`",
)

_TICKS = table({str(kind): readers.positive for kind in TRADE_TYPES}, "`ticks`")

_TRADING = table({"calendar": readers.text, "zone": readers.zone, "hours": readers.text}, "`trading`")

_TERMS = table(
    {
        "terms": readers.name,
        "currency": readers.currency,
        "size": readers.either(HOURS_IN_MONTH, readers.positive),
        "month": readers.month,
        "tick": readers.positive,
        "ticks": readers.or_null(_TICKS),
        "rounding": readers.choice("half-up", "half-even", "down"),
        "fee": readers.not_negative,
        "correction_days": readers.count,
        "cap": readers.or_null(readers.nano),
        "floor": readers.or_null(readers.nano),
        "administrator": readers.or_null(readers.text),
        "position_limit": readers.or_null(readers.lots_most),
        "trading": readers.or_null(_TRADING),
        "last_trade": readers.or_null(_text_date),
        "daily_settlement": readers.or_null(_DAILY),
        "final_settlement": readers.or_null(_FINAL),
    },
    "a contract",
)


def read_contract(contract: str, node: Node, shipped: Shipped) -> Document:
    """Return a contract's terms document, as a listing carries it.

    Raises:
        Fault: of every key that is unknown or of the wrong form, or else of the first rule that the terms break.
    """
    written = _TERMS(node)
    named = written.pop("terms", None)
    try:
        document = _merged(_shipped(named, node, shipped)(written.get("month")) if named else {}, written)
        document["contract"] = contract
        if (document.get("final_settlement") or {}).get("days") == "listed":  # the list is all the days there are
            final = document["final_settlement"]
            document["final_settlement"] = {key: final[key] for key in final if key not in {"from", "to"}}
        check(document)
    except TermsError as error:
        raise broken_rule(node, error) from error
    return document


def check(document: Document) -> None:
    """Check the rules that a terms document must keep.

    Raises:
        TermsError: of the first that it breaks.
    """
    terms = Contract.of(document)
    market_terms.check(document)
    if terms.cap_nano is not None and terms.floor_nano is not None and terms.cap_nano < terms.floor_nano:
        raise TermsError("cap", f"a cap that is not below the floor {document['floor']}", document["cap"])
    ticks = [(f"ticks.{kind}", tick_nano) for kind, tick_nano in terms.ticks_nano.items()]
    for key, number in (("size", terms.size_nano), ("tick", terms.tick_nano), *ticks):
        if number >= PRICE_LIMIT_NANO:
            raise TermsError(key, "a number below 9200000000", dict(leaves(document))[key])
    if document.get("daily_settlement"):
        DailySettlement.of(document["daily_settlement"])
    if set(document.get("final_settlement") or {}) - {"closing_lag"}:
        FinalSettlement.of(document["final_settlement"])


def broken_rule(node: Node, error: TermsError) -> Fault:
    """Return a document's broken rule as a fault at its key; `daily_settlement.window` is the key `window` inside."""
    line = node.line
    for key in error.key.split("."):
        if not isinstance(node, Keys):
            break
        lines = [text.line for text, _ in node.entries if text.value == key]
        line, node = (lines[0] if lines else line), node.get(key) or node
    return Fault.at(line, f"{error.expected} for `{error.key}`", "nothing" if error.was is None else repr(error.was))


def _shipped(named: str, node: Node, shipped: Shipped) -> Callable[[str | None], Document]:
    if named not in shipped:
        assert isinstance(node, Keys)  # noqa: S101  its key `terms` was read
        line = next(text.line for text, _ in node.entries if text.value == "terms")
        known = "one of " + ", ".join(sorted(shipped)) if shipped else "there is none"
        hint = readers.suggestion(named, shipped)
        raise Fault.at(line, f"a shipped terms document ({known}) for `terms`", repr(named), hint)
    return shipped[named]


def _merged(below: Document, above: Document) -> Document:
    """Return a document with keys overridden, inside its mappings too."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
