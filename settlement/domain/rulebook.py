"""A contract's or a product's rulebook page as Markdown, from the document that drives the engine.

Every key of the document stands in the specification table, with its value and its name; the sections behind it say in
words what the keys mean. A key that is not known here is printed all the same, so that no term is ever left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from settlement.domain.contract import DEFAULT_CORRECTION_DAYS, HOURS_IN_MONTH
from settlement.domain.daily_settlement import Tier
from settlement.domain.feed import TRADE_TYPES
from settlement.domain.final_settlement import Days, Missing, Quote, closing_lag

Document = Mapping[str, Any]

_LABELS: Final = {
    "title": "Title",
    "contract": "Contract",
    "product": "Product",
    "version": "Version of the terms",
    "effective_date": "In force from",
    "underlyings": "Underlyings",
    "unit": "Unit of the price",
    "administrator": "Index administrator",
    "currency": "Currency",
    "size": "Size of one lot, in units",
    "month": "Contract month",
    "tick": "Price increment (tick)",
    **{f"ticks.{kind}": f"Price increment of {kind.replace('_', ' ')} trades" for kind in TRADE_TYPES},
    "rounding": "Rounding of a lot's value",
    "fee": "Fee per side and lot",
    "cap": "Highest price",
    "floor": "Lowest price",
    "correction_days": "Correction period, business days",
    "last_trade": "Last trading day",
    "positions": "Positions of an account",
    "position_limit": "Position limit, lots",
}
_TIERS: Final = {
    Tier.VWAP: "the average price of the regular trades in the window, weighted by lots, rounded to the nearest tick; "
    "exactly between two ticks, the one nearer to the previous settlement price",
    Tier.LAST_IN_QUOTE: "the last regular trade of the day, or the previous settlement price on a day without one, "
    "moved to the nearer of the last bid and ask where it lies outside them",
    Tier.CURVE: "the previous settlement price plus the day's net change of the contract listed before this one",
    Tier.PREVIOUS: "the previous settlement price",
}
_DAYS: Final = {
    Days.CALENDAR: "every date",
    Days.BUSINESS: "every business day of the venue's calendar",
    Days.LISTED: "each of the dates",
}
_MISSING: Final = {
    Missing.CARRY: "takes the last fixing before it",
    Missing.SKIP: "is left out of the average",
    Missing.ERROR: "leaves the contract without a final price until the fixing is there or people decide",
}
_ROUNDING: Final = {
    "half-up": "a half goes away from zero",
    "half-even": "a half goes to the even neighbour",
    "down": "toward zero",
}


def rulebook(document: Document) -> str:
    """Return the rulebook page of a contract's terms, or of a product's document, as Markdown."""
    name = document.get("title") or document.get("contract") or document.get("product") or "Contract"
    parts = [
        f"# {name}",
        *_section("Contract specification", _table(document)),
        *_section("Daily settlement", _daily(document)),
        *_section("Final settlement", _final(document)),
        *_section("Money: value, variation margin and fees", _money(document)),
        *_section("Position accounting", _positions(document)),
        *_section("Corrections", _corrections(document)),
        *_section("Price limits", _limits(document)),
        *_notes(document),
    ]
    return "\n\n".join(parts) + "\n"


def leaves(document: Document, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key of a document with its value, those of mappings inside as `daily_settlement.zone`."""
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _section(title: str, body: str) -> tuple[str, str]:
    return f"## {title}", body


def _table(document: Document) -> str:
    ranks = {name: rank for rank, name in enumerate(_LABELS)}  # a listed document comes with its keys sorted
    ordered = sorted(leaves(document), key=lambda leaf: ranks.get(leaf[0], len(ranks)))
    rows = [f"| {_label(key)} | {_cell(value)} | `{key}` |" for key, value in ordered]
    return "\n".join(("| term | value | key |", "|---|---|---|", *rows))


def _label(key: str) -> str:
    return _LABELS.get(key) or key.replace("_", " ").replace(".", ": ").capitalize()


def _cell(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "<br>".join(_cell(one) for one in value)
    return str(value).replace("|", "\\|").replace("\n", " ")


def _bullets(*lines: str) -> str:
    return "\n".join(f"- {line}" for line in lines if line)


def _daily(document: Document) -> str:
    terms = document.get("daily_settlement")
    if not terms:
        return (
            "The clearing house is given a settlement price for each business day; no procedure is part of these terms."
        )
    window, zone = terms.get("window"), terms.get("zone") or "UTC"
    if window in (None, "day"):
        span = f"The window is the whole local day in {zone}; trades without an instant count in it."
    else:
        span = f"The window is {window[0]} to {window[1]} in {zone}, both ends included, in summer and in winter."
    tiers = [f"{place}. `{tier}`: {_TIERS[Tier(tier)]}." for place, tier in enumerate(terms["tiers"], 1)]
    lead = "The first of these that gives a price is the day's settlement price, and its name is recorded with it:"
    rest = (
        f"{span} Only regular trades count, at the price that stands; busted ones do not. Two different people may "
        "override the price, with a reason; what it would have been stays on record."
    )
    return "\n".join((lead, "", *tiers, "", rest))


def _final(document: Document) -> str:
    terms = document.get("final_settlement") or {}
    closing = (
        f"Trading ends on {_last_trade(document)}. From then on the contract settles at its prior price, and "
        f"corrections are paid as trades. The closing day is {closing_lag(terms)} business days after the last "
        "trading day; until then prints correct the price, later ones are recorded and ignored."
        if document.get("last_trade")
        else "There is no last trading day in these terms: the first final print pays and closes the contract."
    )
    end = (
        "The final line pays lots x (V(final) - V(prior)) and ends the position. A final price need not be on the tick."
    )
    if not terms.get("method"):
        return _bullets("The final settlement price is given to the clearing house.", closing, end)
    days = Days(terms["days"])
    span = f" from {terms['from']} to {terms['to']}" if terms.get("from") and terms.get("to") else ""
    if days is Days.LISTED:
        span = " " + ", ".join(str(day) for day in terms["list"])
    elif not span:
        span = " of the contract month"
    average = (
        f"The final settlement price is the average of the fixings of {terms['series']} over {_DAYS[days]}{span}, "
        f"rounded half-up to {terms['precision']} decimals."
    )
    missing = f"A day without a fixing {_MISSING[Missing(terms['missing'])]}."
    quote = Quote(terms.get("quote") or Quote.AVERAGE)
    less = "The price is 100 less the rounded average." if quote is Quote.HUNDRED_LESS_AVERAGE else ""
    return _bullets(average, missing, less, closing, end)


def _last_trade(document: Document) -> str:
    rule = str(document["last_trade"])
    return "the last business day of the contract month" if rule == "last-business-day" else rule


def _money(document: Document) -> str:
    currency, unit = document.get("currency") or "USD", document.get("unit") or "unit"
    size = document.get("size")
    hours = "the hours of the contract month" if size == HOURS_IN_MONTH else f"{size}"
    rounding = document.get("rounding") or "half-up"
    fee = document.get("fee")
    return _bullets(
        f"V(p), the value of one lot at a price p in {currency} per {unit}, is p x {hours}, rounded once to the minor "
        f"unit of {currency} ({rounding}: {_ROUNDING[rounding]}). Positions and changes are never rounded (VAL-1).",
        f"Each business day a position pays or receives, in {currency}: lots carried x (V(settlement) - V(prior)), and "
        "for each trade of the day lots x (V(settlement) - V(trade price)) (rules VM-1, VM-2).",
        f"The fee is {fee} {currency} per side and lot; a bust takes it back (rule FEE-1)."
        if fee is not None
        else "There is no fee.",
    )


def _positions(document: Document) -> str:
    kind = document.get("positions")
    net = "Net accounts keep one signed number of lots: a sale lowers a long position."
    gross = (
        "Gross accounts keep long and short apart: each order says whether it opens or closes, a close beyond what is "
        "open is refused, and a close-out lowers both sides without cash."
    )
    either = "An account is opened as net or as gross with the clearing house, not by these terms."
    told = {"net": net, "gross": gross}.get(str(kind))
    limit = document.get("position_limit")
    return _bullets(
        *((told,) if told else (net, gross, either)),
        "House and client positions are never netted with each other.",
        f"No member should hold more than {limit} lots, long or short, for itself or for its clients: the lots of its "
        "house accounts, and those of its client accounts, are summed side by side and never netted. What is over the "
        "limit at the end of a date is told to the operators, and stands (rule POS-1)."
        if limit is not None
        else "",
    )


def _corrections(document: Document) -> str:
    told = document.get("correction_days")
    days = DEFAULT_CORRECTION_DAYS if told is None else told
    return _bullets(
        f"A bust, a price adjustment, a give-up, an average price and a corrected settlement price are taken up to "
        f"{days} business days after the date of the trade or the price, and until the final settlement.",
        "A correction never edits: it reverses what stands and enters it anew, on the open date (rule COR-1).",
        "A corrected settlement price is paid as an adjustment to those who held the book at that date (rule COR-2).",
        "Afterwards only a cash adjustment between two accounts is left.",
    )


def _limits(document: Document) -> str:
    cap, floor = document.get("cap"), document.get("floor")
    bounds = [f"at or {side} {bound}" for side, bound in (("below", cap), ("above", floor)) if bound is not None]
    own = [f"of {kind} trades {tick}" for kind, tick in (document.get("ticks") or {}).items()]
    tick = f"A trade and a daily settlement price are multiples of the tick {document.get('tick')}" + (
        f"; the price increment {' and '.join(own)}." if own else "."
    )
    if not bounds:
        return _bullets(tick, "These terms have neither a highest nor a lowest price.")
    return _bullets(
        tick,
        f"A trade and a daily settlement price must be {' and '.join(bounds)}; others are refused.",
        "A final settlement price beyond a bound is set to the bound.",
    )


def _notes(document: Document) -> Sequence[str]:
    notes = document.get("notes")
    if not isinstance(notes, Mapping):
        return ()
    titles = {"public": "What is public", "assumed": "What is assumed"}
    return [
        part
        for kind, lines in notes.items()
        for part in _section(titles.get(kind, str(kind)), _bullets(*(str(line) for line in lines)))
    ]
