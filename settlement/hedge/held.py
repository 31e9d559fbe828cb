"""The futures that hedge a month: from a file with its prices, or from a platform's books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract
from settlement.domain.final_settlement import FinalSettlement, Print, final_price
from settlement.domain.money import NANO, parse_decimal
from settlement.hedge.plan import AUTO, Plan, Series
from settlement.ledger.model import MarginLine

_LASTING: Final = frozenset(("end_of_day", "final"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A position in one contract, as it is valued.

    lots: + bought, - sold.  price_nano: what it is valued at.  cash_minor: what it paid out (+) or cost (-) up to that
    price, fees apart.  fees_minor: zero or less.  source: `market` (a settlement price) or `final`.
    """

    contract: Contract
    month: str
    index: str
    lots: int
    price_nano: int
    cash_minor: int
    fees_minor: int
    source: str

    @property
    def quantity_nano(self) -> int:
        """Units hedged, 1e-9, signed."""
        return self.lots * self.contract.size_nano

    @property
    def worth_minor(self) -> int:
        """Lots x V(price)."""
        return self.lots * self.contract.value_minor(self.price_nano)


def hedged_index(terms: Mapping[str, Any], indices: Mapping[str, str]) -> str:
    """Return the index that a contract hedges: as the plan says, else its final series, else its product."""
    final = terms.get("final_settlement") or {}
    name = str(terms["contract"])
    return str(indices.get(name) or final.get("series") or terms.get("product") or name)


def held_by_file(plan: Plan) -> list[Held]:
    """Return the futures of a file, each contract's together, at the prices of the file.

    Raises:
        UnreadableScenarioError: a price is `auto`, and the fixings of the file do not make it.
    """
    futures = defaultdict(list)
    for future in plan.futures:
        futures[future.contract].append(future)
    held = []
    for name, trades in futures.items():
        contract = Contract.of(plan.contracts[name])
        price_nano = _price(plan, contract)
        value = contract.value_minor(price_nano)
        held.append(
            Held(
                contract=contract,
                month=str(contract.document["month"]),
                index=hedged_index(contract.document, plan.indices),
                lots=sum(trade.lots for trade in trades),
                price_nano=price_nano,
                cash_minor=sum(trade.lots * (value - contract.value_minor(trade.price_nano)) for trade in trades),
                fees_minor=-contract.fee_minor * sum(abs(trade.lots) for trade in trades),
                source="final" if plan.prices[name] == AUTO else "market",
            )
        )
    return held


def _price(plan: Plan, contract: Contract) -> int:
    text = plan.prices[contract.contract]
    if text != AUTO:
        return parse_decimal(text, NANO)
    terms = FinalSettlement.of(contract.document.get("final_settlement"))
    fixings = {
        date: Print(value_nano=value, tier="print") for date, value in plan.fixings.get(terms.series, {}).items()
    }
    calendar = Calendar(frozenset(plan.holidays))
    found = final_price(terms, fixings, calendar)
    last = terms.dates(calendar)[-1] if terms.dates(calendar) else 0
    if found.price_nano is None or max(fixings, default=0) < last:
        reason = found.reason or f"Expected fixings of {terms.series} to the last day of the average, was less."
        raise plan.unreadable("prices", f"fixings that make the final price of {contract.contract}", "too few", reason)
    return _bounded(contract, found.price_nano)


def _bounded(contract: Contract, price_nano: int) -> int:
    below = price_nano if contract.cap_nano is None else min(price_nano, contract.cap_nano)
    return below if contract.floor_nano is None else max(below, contract.floor_nano)


def held_by_books(lines: Iterable[MarginLine], terms: Mapping[str, Mapping[str, Any]], plan: Plan) -> list[Held]:
    """Return the futures that the plan's accounts have in a platform's books, at their last settlement price.

    lines: the margin lines of all posted cycles, in their order.  terms: the terms documents in force, by contract.
    A contract without a month hedges none and is left out; so is one in another currency than the plan's.
    """
    theirs: dict[str, list[MarginLine]] = defaultdict(list)
    for line in lines:
        if line.account in plan.accounts and line.currency == plan.currency:
            theirs[line.contract].append(line)
    found = (_of_lines(mine, terms.get(name), plan) for name, mine in sorted(theirs.items()))
    return [held for held in found if held is not None]


def _of_lines(mine: list[MarginLine], terms: Mapping[str, Any] | None, plan: Plan) -> Held | None:
    last = {line.account: line for line in mine if line.kind in _LASTING and line.price_nano is not None}
    last |= {line.account: line for line in mine if line.kind == "final"}  # a later cash adjustment leaves it the last
    if terms is None or not terms.get("month") or not last:
        return None
    final = any(line.kind == "final" for line in last.values())
    fees_minor = sum(line.fee_minor for line in mine)
    newest = list(last.values())[-1]
    return Held(
        contract=Contract.of(terms),
        month=str(terms["month"]),
        index=hedged_index(terms, plan.indices),
        lots=sum(line.expired if line.kind == "final" else line.end for line in last.values()),
        price_nano=newest.price_nano or 0,
        cash_minor=sum(line.total_minor for line in mine) - fees_minor,
        fees_minor=fees_minor,
        source="final" if final else "market",
    )


def fixings_by_series(records: Iterable[Mapping[str, Any]]) -> dict[str, Series]:
    """Return the fixings that stand of records `fixing` in the log's order; those without a value are none."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for record in records:
        if record["value_nano"] is not None:
            found[record["series"]][record["date"]] = record["value_nano"]
    return dict(found)
