"""Records of the `orders` topic for tests, numbered as the gateway numbers them."""

import json
from collections.abc import Iterable
from typing import Any

from settlement.domain.dates import parse_instant
from settlement.domain.money import parse_decimal
from settlement.folds.fold import Output
from settlement.wire import codec
from settlement.wire.columns import Columns, Piece

D1, D2, D3 = 20261123, 20261124, 20261125
TERMS = {"window": ["14:28:00", "14:30:00"], "zone": "America/Chicago", "tiers": ["vwap", "last-in-quote", "previous"]}
IN_WINDOW = "2026-11-23T20:29:00Z"
"""14:29 in Chicago on D1."""

Named = tuple[str, dict[str, Any]]


def nano(price: str | None) -> int | None:
    """Return a price as 1e-9 of the unit."""
    return None if price is None else parse_decimal(price, 9)


def us(at: str | None) -> int:
    """Return an instant in microseconds; -1 without one."""
    return -1 if at is None else parse_instant(at)


def listing(
    contract: str, ordinal: int = 1, *, settlement: object = TERMS, version: int = 1, effective: int = D1
) -> Named:
    """Return a contract's listing, tick 0.001."""
    document = json.dumps({"contract": contract, "daily_settlement": settlement})
    facts = {
        "contract": contract,
        "ordinal": ordinal,
        "version": version,
        "effective_date": effective,
        "currency": "USD",
    }
    facts |= {
        "currency_decimals": 2,
        "size_nano": 730 * 10**9,
        "tick_nano": 10**6,
        "rounding": "half-up",
        "fee_minor": 0,
    }
    return "listing", {**facts, "document": document, "document_sha256": "", "control_id": "L"}


def trade(
    trade_id: str,
    lots: int,
    price: str,
    at: str | None = IN_WINDOW,
    *,
    contract: str = "A",
    date: int = D1,
    kind: str = "regular",
) -> Named:
    """Return a public trade; negative lots take back."""
    facts = {"business_date": date, "contract": contract, "trade_id": trade_id, "lots": lots, "price_nano": nano(price)}
    return "public_trade", {**facts, "trade_type": kind, "at_us": us(at), "control_id": ""}


def quote(bid: str | None, ask: str | None, *, contract: str = "A", date: int = D1) -> Named:
    """Return a quote."""
    sides = {"bid_nano": nano(bid), "ask_nano": nano(ask)}
    return "quote", {"business_date": date, "contract": contract, **sides, "at_us": us(IN_WINDOW)}


def order(order_id: str, side: str, price: str, remaining: int, action: str = "new", *, contract: str = "A") -> Named:
    """Return an order's report."""
    facts = {"contract": contract, "order_id": order_id, "action": action, "side": side, "lots": 10}
    return "order", {
        **facts,
        "remaining": remaining,
        "price_nano": nano(price),
        "at_us": 0,
        "feed": "x",
        "source_seq": 1,
    }


def cut(date: int = D1, next_date: int = D2) -> Named:
    """Return a cut."""
    sums = {"fills": 0, "lots": 0, "absolute_lots": 0, "lots_value_minor": 0, "sessions": [], "open_breaks": []}
    return "cut", {"business_date": date, "next_date": next_date, **sums, "control_id": "C"}


def prices(date: int, of: dict[str, str], *, kind: str = "end_of_day", effective: int | None = None) -> Named:
    """Return the settlement prices of a cycle."""
    listed = [{"contract": c, "price_nano": nano(p), "value_minor": 0, "tier": "given"} for c, p in sorted(of.items())]
    facts = {"business_date": date, "kind": kind, "number": 1, "effective_date": effective or date}
    return "prices", {**facts, "prices": listed, "control_id": "P"}


def values(named: Iterable[Named], first_seq: int = 0) -> list[bytes]:
    """Return records as framed values with contiguous stream_seq."""
    return [codec.encode(name, {"stream_seq": first_seq + n, **record}) for n, (name, record) in enumerate(named)]


def pieces(encoded: list[bytes]) -> list[Piece]:
    """Return framed values as a reader gets them."""
    return Columns({})(b"".join(encoded), [len(value) for value in encoded])


def decoded(outputs: Iterable[Output]) -> list[dict[str, Any]]:
    """Return what outputs say."""
    return [codec.decode(output.value)[1] for output in outputs]
