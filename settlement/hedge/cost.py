"""What computing costs with the futures held, month by month, split into what is locked in and what stays open.

Amounts are in minor units, + receives, - pays. With Q units used at the index I plus a premium, and futures on H units
bought for L in all that are worth W now:

    physical = -Q x (I + premium)     futures = W - L     fees     total = physical + futures + fees
    locked   = -L - Q x premium + fees        does not move with any price
    basis    = -(H x I - W)                   how far index and futures are apart; open until the final settlement
    open     = -(Q - H) x I                   what is not hedged (or hedged too much)

Their sum is the total but for the cents of `rounding`: each amount is rounded once, and a lot's value per lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from settlement.domain.averages import average, rounded
from settlement.domain.currency import DECIMALS
from settlement.domain.money import NANO, Rounding, value_minor
from settlement.hedge.held import Held
from settlement.hedge.plan import Plan, Use

PRECISION: Final = 4
"""Decimals of an average of fixings and of prices per unit, as the shipped final settlements have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCost:
    """One month of one index; amounts in minor units of the plan's currency, + receives, - pays.

    quantity_nano, hedged_nano: units used and hedged, 1e-9.  index_nano, index_source: the month's index and where it
    comes from: `given`, `fixings of N days`, `futures`.  sources: of the futures' prices.
    """

    month: str
    index: str
    quantity_nano: int
    hedged_nano: int
    index_nano: int
    index_source: str
    sources: tuple[str, ...]
    physical_minor: int
    futures_minor: int
    fees_minor: int
    locked_minor: int
    basis_minor: int
    open_minor: int
    bought_minor: int

    @property
    def total_minor(self) -> int:
        """What the month costs in all."""
        return self.physical_minor + self.futures_minor + self.fees_minor

    @property
    def rounding_minor(self) -> int:
        """What separates the total from locked, basis and open together: cents."""
        return self.total_minor - self.locked_minor - self.basis_minor - self.open_minor

    @property
    def open_nano(self) -> int:
        """Units that are not hedged; one unit of price costs as many units of the currency."""
        return self.quantity_nano - self.hedged_nano


def costs(plan: Plan, held: Sequence[Held]) -> list[MonthCost]:
    """Return every month and index of the plan in the order of the file, then those that only futures have.

    Raises:
        UnreadableScenarioError: a month has no index price, no fixings and no future.
    """
    places = list(
        dict.fromkeys([*((one.month, one.index) for one in plan.use), *((one.month, one.index) for one in held)])
    )
    return [
        _cost(
            plan,
            place,
            [one for one in plan.use if (one.month, one.index) == place],
            [one for one in held if (one.month, one.index) == place],
        )
        for place in places
    ]


def _cost(plan: Plan, place: tuple[str, str], use: Sequence[Use], held: Sequence[Held]) -> MonthCost:
    month, index = place
    index_nano, source = _index(plan, month, index, held)
    quantity_nano, hedged_nano = sum(one.quantity_nano for one in use), sum(one.quantity_nano for one in held)
    cash_minor, worth_minor = sum(one.cash_minor for one in held), sum(one.worth_minor for one in held)
    fees_minor = sum(one.fees_minor for one in held)
    premium_minor = sum(_value(plan, one.premium_nano, one.quantity_nano) for one in use)
    bought_minor = worth_minor - cash_minor
    return MonthCost(
        month=month,
        index=index,
        quantity_nano=quantity_nano,
        hedged_nano=hedged_nano,
        index_nano=index_nano,
        index_source=source,
        sources=tuple(sorted({one.source for one in held})),
        physical_minor=-sum(_value(plan, index_nano + one.premium_nano, one.quantity_nano) for one in use),
        futures_minor=cash_minor,
        fees_minor=fees_minor,
        locked_minor=-bought_minor - premium_minor + fees_minor,
        basis_minor=worth_minor - _value(plan, index_nano, hedged_nano),
        open_minor=-_value(plan, index_nano, quantity_nano - hedged_nano),
        bought_minor=bought_minor,
    )


def _value(plan: Plan, price_nano: int, quantity_nano: int) -> int:
    return value_minor(price_nano, quantity_nano, DECIMALS[plan.currency], Rounding.HALF_UP)


def _index(plan: Plan, month: str, index: str, held: Sequence[Held]) -> tuple[int, str]:
    """Return a month's index and where it comes from: what the file says, its fixings so far, what the futures say."""
    if (index, month) in plan.index:
        return plan.index[index, month], "given"
    first = int(month.replace("-", "")) * 100
    values = [value for date, value in plan.fixings.get(index, {}).items() if first < date < first + 100]
    if values:
        return _rounded(average([Fraction(value) for value in values])), f"fixings of {len(values)} days"
    lots = sum(abs(one.quantity_nano) for one in held)
    if lots:
        return _rounded(Fraction(sum(abs(one.quantity_nano) * one.price_nano for one in held), lots)), "futures"
    hint = "Give it in `index`, give fixings of the month, or hold a future on it."
    raise plan.unreadable("use", f"an index price of {index} in {month}", "none", hint)


def _rounded(value: Fraction) -> int:
    return rounded(value, 10 ** (NANO - PRECISION))


def per_unit_nano(amount_minor: int, quantity_nano: int, currency: str) -> int | None:
    """Return an amount per unit as a price (1e-9) of PRECISION decimals; None for no units."""
    if not quantity_nano:
        return None
    return _rounded(Fraction(amount_minor * 10 ** (2 * NANO), quantity_nano * 10 ** DECIMALS[currency]))


def totals(rows: Iterable[MonthCost]) -> Mapping[str, int]:
    """Return the sum of each amount over all months."""
    names = ("physical", "futures", "fees", "total", "locked", "basis", "open", "rounding")
    made = list(rows)
    return {name: sum(getattr(row, f"{name}_minor") for row in made) for name in names}
