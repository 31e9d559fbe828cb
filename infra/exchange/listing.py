"""What the exchange lists: contracts and their terms, members and accounts, index series, the calendar.

The methods of `Exchange` give these as the payloads of the clearing house's controls: prices as decimal text, dates
as "YYYY-MM-DD".
"""

import json
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Final

from settlement.domain.products.shipped import product as shipped_product

MEMBERS: Final = tuple(f"M{number:02}" for number in range(1, 25))
"""Clearing members; each has a house and a client account of either kind."""

MARKET_MAKERS: Final = MEMBERS[:5]
"""They quote both sides of every contract, for their house."""

HOLIDAYS: Final[tuple[str, ...]] = ()
"""No Monday to Friday of July and August 2026 from the 6th on is a holiday at either exchange."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is traded.

    hours, window: when it trades, and the settlement window within (None: the whole day's trades count), local to its
    zone.
    share: of a day's trades, in the near and in the far month, relative to the other products' shares.
    pace_ticks: how far the fair value moves at most between two steps.
    """

    name: str
    currency: str
    size: str
    tick_decimals: int
    fee: str
    zone: str
    hours: tuple[tuple[str, str], ...]
    window: tuple[str, str] | None
    share: tuple[int, int]
    pace_ticks: int

    @property
    def gross(self) -> bool:
        """Whether accounts keep long and short apart, as in Shanghai."""
        return self.window is None

    @property
    def tick(self) -> str:
        """The tick as decimal text."""
        return f"0.{'1':0>{self.tick_decimals}}"

    def price(self, ticks: int) -> str:
        """Return a price as decimal text on the tick."""
        whole, fraction = divmod(ticks, 10**self.tick_decimals)
        return f"{whole}.{fraction:0{self.tick_decimals}}"


def _gpu_hours(name: str, share: tuple[int, int], pace_ticks: int) -> Product:
    hours, window = (("08:30:00", "15:00:00"),), ("14:28:00", "14:30:00")
    return Product(name, "USD", "730", 3, "0.35", "America/Chicago", hours, window, share, pace_ticks)


SHANGHAI_HOURS: Final = (("09:00:00", "11:30:00"), ("13:30:00", "15:00:00"))

PRODUCTS: Final = (
    _gpu_hours("H100", (24, 14), 3),
    _gpu_hours("H200", (14, 8), 4),
    _gpu_hours("B200", (14, 6), 5),
    # Yuan per million tokens; a lot is 1,000 million tokens.
    Product("TOKEN", "CNY", "1000", 2, "1.20", "Asia/Shanghai", SHANGHAI_HOURS, None, (12, 8), 2),
)


@dataclass(frozen=True, slots=True)
class Contract:
    """A product's month.

    expires: whether its last trading day and final settlement are in its terms; then it is no month of the usual two.
    """

    product: Product
    month: str
    is_near: bool
    expires: bool = False

    @property
    def name(self) -> str:
        """The contract's id, like H100-2026-08."""
        return f"{self.product.name}-{self.month}"

    @property
    def share(self) -> int:
        """Its part of a day's trades, relative to the others."""
        return self.product.share[0 if self.is_near else 1]

    @property
    def trades_in_window(self) -> bool:
        """Far months but H100's are quiet while the window is open, so that their price comes of the later tiers."""
        return self.is_near or self.product.name == "H100"

    def terms(self) -> dict[str, object]:
        """Return the contract's terms, the payload of a `listing`."""
        if self.expires:
            return expiring_terms(self.name, self.product.name, self.month)
        window = self.product.window
        return {
            "contract": self.name,
            "product": self.product.name,
            "currency": self.product.currency,
            "size": self.product.size,
            "month": self.month,
            "tick": self.product.tick,
            "rounding": "half-up",
            "fee": self.product.fee,
            "correction_days": 5,
            "cap": None,
            "floor": None,
            "last_trade": None,
            "daily_settlement": {
                "window": "day" if window is None else list(window),
                "zone": self.product.zone,
                "tiers": ["vwap", "last-in-quote", "previous"],
            },
            "final_settlement": None,
        }


def expiring_terms(name: str, underlying: str, month: str) -> dict[str, object]:
    """Return the terms of a month that expires: the shipped gpu-hour-cme, but for two keys.

    The size is the month's hours, and a day without a fixing is left out of the average: the real prices begin on the
    6th of July 2026, so the days before it have none to carry.
    """
    terms = shipped_product("gpu-hour-cme").terms(underlying, month)
    final = {**terms["final_settlement"], "missing": "skip"}
    return {**terms, "contract": name, "size": "hours-in-month", "final_settlement": final}


def contracts_of(first_date: date, expiring: str | None = None) -> tuple[Contract, ...]:
    """Return the contracts listed on a run's first date: of each product that month and the next.

    expiring: a month whose H100 contract expires within the run; then the two months are those after it.
    """
    near = first_date.strftime("%Y-%m") if expiring is None else month_after(expiring)
    usual = [Contract(product, month, month == near) for product in PRODUCTS for month in (near, month_after(near))]
    return tuple(usual if expiring is None else [Contract(PRODUCTS[0], expiring, is_near=False, expires=True), *usual])


def month_after(month: str) -> str:
    """Return the month after one such as 2026-12."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def account_name(member: str, *, client: bool, gross: bool) -> str:
    """Return an account's id: M01-H and M01-C are net; M01-HG and M01-CG keep long and short apart."""
    return f"{member}-{'C' if client else 'H'}{'G' if gross else ''}"


def account_payloads() -> list[dict[str, object]]:
    """Return every account as the payload of an `account` control."""
    return [
        {
            "account": account_name(member, client=client, gross=gross),
            "member": member,
            "origin": "client" if client else "house",
            "positions": "gross" if gross else "net",
        }
        for member in MEMBERS
        for gross in (False, True)
        for client in (False, True)
    ]


def series_payload(series: str) -> dict[str, object]:
    """Return a series with the default methodology, the payload of a `series` control."""
    document = files("settlement.domain") / "methodologies" / "gpu-rental.json"
    return {"series": series, **json.loads(document.read_text(encoding="utf-8"))}
