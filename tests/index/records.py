"""Observations and records of the `index-ticks` topic for tests."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from settlement.domain.dates import parse_date, parse_instant
from settlement.domain.exclusions import Observation
from settlement.domain.fixing import Fixing, fixing
from settlement.domain.methodology import Methodology
from settlement.domain.money import format_decimal, parse_decimal
from settlement.folds.fold import Output
from settlement.wire import codec
from settlement.wire.columns import Columns, Piece

DATE = "2026-08-10"
AT = "2026-08-10T20:00:00Z"
HOUR_US = 3_600_000_000
PLAIN: dict[str, Any] = {"value_per_provider": "last", "across_providers": "median", "precision": 4}
"""A methodology of the needed keys only."""

Named = tuple[str, dict[str, Any]]


def nano(price: str) -> int:
    """Return a price as 1e-9 of the unit."""
    return parse_decimal(price, 9)


def seen(provider: str, price: str, hours: int = 1, quantity: str = "1") -> Observation:
    """Return an observation of so many hours before AT."""
    at_us = parse_instant(AT) - hours * HOUR_US
    return Observation(provider=provider, price_nano=nano(price), quantity_nano=nano(quantity), at_us=at_us)


def fix(
    methodology: Mapping[str, Any],
    *observations: Observation,
    previous: Mapping[str, str] | None = None,
    outliers: Iterable[str] = (),
    date: str = DATE,
) -> Fixing:
    """Return the fixing at AT of a methodology that changes PLAIN."""
    before = {parse_date(day): nano(value) for day, value in (previous or {}).items()}
    rule = Methodology.of({**PLAIN, **methodology})
    at_us = parse_instant(AT)
    return fixing(rule, observations, date=parse_date(date), at_us=at_us, previous=before, outliers=frozenset(outliers))


def value(made: Fixing) -> str | None:
    """Return a fixing's value as decimal text."""
    return None if made.value_nano is None else format_decimal(made.value_nano, 9, least=0)


def reasons(made: Fixing) -> list[tuple[str, str]]:
    """Return each exclusion as (provider, reason)."""
    return [(one.provider, one.reason.value) for one in made.excluded]


def series(methodology: Mapping[str, Any], name: str = "H100", version: int = 1) -> Named:
    """Return a record series."""
    document = json.dumps({**PLAIN, **methodology, "series": name})
    return "series", {
        "series": name, "version": version, "document": document, "document_sha256": f"hash{version}",
        "control_id": "S",
    }  # fmt: skip


def tick(provider: str, price: str, at_us: int, name: str = "H100", quantity: str = "1") -> Named:
    """Return a record index_tick."""
    facts = {"series": name, "provider": provider, "price_nano": nano(price), "quantity_nano": nano(quantity)}
    return "index_tick", {**facts, "at_us": at_us, "feed": "x", "source_seq": 1}


def marker(date: int, at_us: int, name: str = "H100") -> Named:
    """Return a record fix."""
    return "fix", {"series": name, "date": date, "at_us": at_us, "control_id": "F"}


def printed(date: int, price: str, name: str = "H100") -> Named:
    """Return a record print."""
    return "print", {"series": name, "date": date, "value_nano": nano(price), "control_id": "P"}


def values(named: Iterable[Named], first_seq: int = 0) -> list[bytes]:
    """Return records as framed values with contiguous stream_seq."""
    return [codec.encode(name, {"stream_seq": first_seq + n, **record}) for n, (name, record) in enumerate(named)]


def pieces(encoded: list[bytes]) -> list[Piece]:
    """Return framed values as a reader gets them."""
    return Columns({})(b"".join(encoded), [len(one) for one in encoded])


def decoded(outputs: Iterable[Output]) -> list[dict[str, Any]]:
    """Return what outputs say."""
    return [codec.decode(output.value)[1] for output in outputs]
