"""The real rental offers that the index observes and that the simulated exchange's fair values follow.

A series takes the firm offers of its models: `on-demand` and `secure`, which a buyer can rely on. `spot` and
`community` can be taken back at any moment and `serverless` is billed per second: other goods with other prices. H100
means the SXM part, named `h100` or `h100-sxm` by the providers; NVL and PCIe cards rent for less, as h200-nvl does
beside h200. The licence stands beside the data.
"""

import csv
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from statistics import median

MODELS = {"H100": ("h100", "h100-sxm"), "H200": ("h200",), "B200": ("b200",)}
"""The models that a series observes."""

FIRM_KINDS = ("on-demand", "secure")

_NANO = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Offer:
    """One observed offer: USD per GPU and hour as decimal text of at most 9 decimals, and when it was fetched."""

    series: str
    provider: str
    price: str
    at: str


@cache
def offers_by_date() -> dict[str, tuple[Offer, ...]]:
    """Return the firm offers of every snapshot date ("YYYY-MM-DD"), in order of when they were fetched."""
    series_of = {model: series for series, models in MODELS.items() for model in models}
    found: dict[str, list[Offer]] = {}
    source = files("infra.exchange") / "data" / "gpu-rental-prices.csv"
    with source.open("r", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            series = series_of.get(row["gpu"])
            offers = found.setdefault(row["snapshot_date"], [])
            if series is not None and row["kind"] in FIRM_KINDS:
                offers.append(Offer(series, row["provider"], _price(row["usd_per_gpu_hour"]), _at(row["fetched_at"])))
    ordered = attrgetter("at", "series", "provider", "price")
    return {date: tuple(sorted(offers, key=ordered)) for date, offers in found.items()}


@cache
def index_value(date: str, series: str) -> Decimal:
    """Return a series' value of a date in USD per GPU and hour: the median over providers of their median offers."""
    offers = sorted((offer for offer in offers_by_date()[date] if offer.series == series), key=attrgetter("provider"))
    by_provider = groupby(offers, key=attrgetter("provider"))
    return median(median(Decimal(offer.price) for offer in group) for _, group in by_provider)


def _price(text: str) -> str:
    price = Decimal(text).quantize(_NANO, ROUND_HALF_UP).normalize()
    return f"{price:f}"


def _at(text: str) -> str:
    """Return the instant with microseconds, like every instant of the feed."""
    seconds, fraction = text.removesuffix("Z").split(".")
    return f"{seconds}.{fraction:0<6}Z"
