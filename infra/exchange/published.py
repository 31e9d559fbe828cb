"""The fixings that the market knows: what the clearing house's default methodology makes of the real offers.

A month that expires trades at their average so far, for that is what it will settle to.
"""

import json
from decimal import Decimal
from functools import cache

from infra.exchange.listing import series_payload
from infra.exchange.rental_prices import offers_by_date
from settlement.domain.dates import parse_date, parse_instant
from settlement.domain.exclusions import Observation
from settlement.domain.money import NANO, parse_decimal
from settlement.folds.index import Series


@cache
def fixings(series: str, month: str) -> dict[str, Decimal]:
    """Return a month's fixings by date ("YYYY-MM-DD"); dates without one are left out."""
    document = {key: value for key, value in series_payload(series).items() if key != "series"}
    index = Series(version=1, document=json.dumps(document))
    found: dict[str, Decimal] = {}
    for day, offers in sorted(offers_by_date().items()):
        if not day.startswith(month):
            continue
        for offer in offers:
            if offer.series == series:
                price_nano, at_us = parse_decimal(offer.price, NANO), parse_instant(offer.at)
                index.observe(
                    Observation(provider=offer.provider, price_nano=price_nano, quantity_nano=10**NANO, at_us=at_us)
                )
        made = index.fix(parse_date(day), parse_instant(f"{day}T23:59:59Z"))
        if made is not None and made.value_nano is not None:
            found[day] = Decimal(made.value_nano).scaleb(-NANO)
    return found


def month_so_far(series: str, month: str, day: str) -> Decimal:
    """Return the average of a month's fixings up to a date; the first one where there is none before it."""
    known = fixings(series, month)
    days = [one for one in known if one <= day] or [min(known)]
    return sum((known[one] for one in days), Decimal()) / len(days)
