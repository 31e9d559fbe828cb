"""What the prices in `controls` claim, held against the market in the log (rule DSP-1).

The gateway cannot see the market: it takes a control's word for the tier of a price, and for what an override replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from settlement.domain.daily_settlement import Tier, choose
from settlement.domain.dates import format_date, parse_date
from settlement.domain.money import NANO, format_price, parse_decimal
from settlement.domain.versions import TermsBook
from settlement.folds.gateway.overrides import WOULD_HAVE_BEEN
from settlement.folds.orders import OrdersFold
from settlement.replay.report import Difference
from settlement.wire import codec
from settlement.wire.columns import Piece

Json: TypeAlias = dict[str, Any]
Given: TypeAlias = tuple[int, str]
"""A price, 1e-9 of the currency unit, and the tier that gave it."""
_TIERS: Final = frozenset(Tier)


@dataclass(slots=True)
class Tiers:
    """The records `tier_prices` of every cut, computed again from `orders`: by date, then partition and contract."""

    by_date: dict[int, dict[tuple[int, str], Json]] = field(default_factory=dict)

    def take(self, partition: int, batches: Iterable[Sequence[Piece]]) -> None:
        """Fold all of a partition of `orders`."""
        fold = OrdersFold(partition)
        for pieces in batches:
            for output in fold.apply(pieces):
                record = codec.decode(output.value)[1]
                self.by_date.setdefault(record["business_date"], {})[partition, record["contract"]] = record

    def answer_differences(self, logged: Iterable[Json]) -> Iterator[Difference]:
        """Yield what the topic `market` says otherwise; what it does not say yet is no difference."""
        for record in logged:
            key = record["partition"], record["contract"]
            expected = self.by_date.get(record["business_date"], {}).get(key)
            if expected != record:
                place = f"market-{key[0]} tier_prices of {format_date(record['business_date'])} {key[1]}".rstrip()
                yield Difference(place, str(expected or "none, since no cut asks for it"), str(record))

    def claim_differences(self, control: Json, payload: Json, terms: TermsBook) -> Iterator[Difference]:
        """Yield what the end-of-day prices of a control claim and the market does not say.

        terms: every version; after the last trading day, by the terms of the date, the tiers price nothing.
        """
        date = parse_date(payload["date"])
        chosen = choose(self.by_date.get(date, {}).values())
        for name, given in sorted(payload["prices"].items()):
            price = given if isinstance(given, dict) else {"price": given}
            said = chosen.get(name) if terms.trades_on(name, date) else None
            for what, claimed in _claims(price):
                if claimed != said:
                    place = f"controls {control['control_id']}, {what} of {name} (rule DSP-1)"
                    yield Difference(place, f"{_text(said)} of the market", f"{_text(claimed)} ({_people(control)})")


def _claims(price: Json) -> Iterator[tuple[str, Given | None]]:
    """Yield what a price says of the tiers; nothing when they were not asked."""
    if price.get("tier") in _TIERS:
        yield "the price", _given(price)
    if WOULD_HAVE_BEEN in price:
        instead = price[WOULD_HAVE_BEEN]
        yield "what would have been the price", None if instead is None else _given(instead)


def _given(price: Json) -> Given:
    return parse_decimal(str(price["price"]), NANO), str(price["tier"])


def _text(given: Given | None) -> str:
    return "no price" if given is None else f"{format_price(given[0])} ({given[1]})"


def _people(control: Json) -> str:
    approved = f", approved by {control['approved_by']}" if control["approved_by"] else ""
    return f"asked by {control['requested_by']}{approved}"
