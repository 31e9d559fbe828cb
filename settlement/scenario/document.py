"""The output of a scenario: one document of plain values, figures as decimal text (docs/reference/scenarios.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from settlement.domain.account import FEE_ACCOUNT, Account, Positions, is_clearing_house
from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract
from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date
from settlement.domain.margin import CycleKey, MarginLine, payments
from settlement.domain.money import NANO, format_decimal, format_price
from settlement.scenario.offline import cycle_key

_AMOUNTS: Final = {
    "TVAR": "tvar_minor",
    "SMTM": "smtm_minor",
    "IMTM": "imtm_minor",
    "FMTM": "fmtm_minor",
    "CRES": "cres_minor",
    "ADJ": "adj_minor",
    "FEE": "fee_minor",
}
Json: TypeAlias = dict[str, Any]
Expired: TypeAlias = Mapping[tuple[str, str], tuple[int, int]]
"""Long and short lots that a final closed, by account and contract."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes figures against the accounts and contracts that they are of."""

    accounts: Mapping[str, Account]
    contracts: Mapping[str, Contract]
    banks: Mapping[str, Calendar]

    def cycles(
        self, asked: Iterable[Json], lines: Mapping[CycleKey, Sequence[MarginLine]], expired: Expired
    ) -> list[Json]:
        """Return all cycles; asked: the records `prices` of the log, in its order."""
        settled: dict[str, int] = {}  # open interest as last settled: what a correction is about
        cycles = []
        for prices in asked:
            of_cycle = lines[cycle_key(prices)]
            interest = self.open_interest(of_cycle, [price["contract"] for price in prices["prices"]])
            if prices["kind"] == "correction":
                interest = {contract: settled.get(contract, 0) for contract in interest}
            elif prices["kind"] != "intraday":
                settled |= interest
            cycles.append(self._cycle(prices, of_cycle, interest, expired))
        return cycles

    def _cycle(self, prices: Json, lines: Sequence[MarginLine], interest: dict[str, int], expired: Expired) -> Json:
        key, effective = prices["kind"], format_date(prices["effective_date"])
        booked = format_date(prices["business_date"])
        head: Json = {"date": effective if key == "final" else booked, "kind": key}
        if key == "correction":
            head["effective_date"] = effective
        return {
            **head,
            "prices": {p["contract"]: self.price(p["contract"], p["price_nano"]) for p in prices["prices"]},
            "price_tiers": {p["contract"]: p["tier"] for p in prices["prices"]},
            "lines": [self.line(line, expired) for line in lines],
            "payments": self.payments(cycle_key(prices), lines),
            "open_interest": interest,
        }

    def line(self, line: MarginLine, expired: Expired) -> Json:
        """Return one margin line; zero amounts are left out."""
        gross = self.accounts[line.account].positions is Positions.GROSS
        lots: Json = {"start": line.start, "bought": line.bought, "sold": line.sold, "transferred": line.transferred}
        if line.kind == "final":
            lots["expired"] = line.expired
        lots["end"] = line.end
        if gross:
            sides = ("start_long", "start_short", "end_long", "end_short")
            lots |= {name: getattr(line, name) for name in sides}
            if line.kind == "final":
                lots["expired_long"], lots["expired_short"] = expired.get((line.account, line.contract), (0, 0))
        amounts = {name: getattr(line, field) for name, field in _AMOUNTS.items() if getattr(line, field)}
        currency = self.contracts[line.contract].currency
        return {
            "account": line.account,
            "contract": line.contract,
            "currency": currency,
            **lots,
            "previous": None if line.previous_nano is None else self.price(line.contract, line.previous_nano),
            "price": None if line.price_nano is None else self.price(line.contract, line.price_nano),
            "amounts": {name: money(amount, currency) for name, amount in amounts.items()},
            "total": money(line.total_minor, currency),
        }

    def payments(self, cycle: CycleKey, lines: Iterable[MarginLine]) -> list[Json]:
        """Return one payment per member, origin and currency that is not zero, and when it is due (PAY-1, PAY-2)."""
        return [
            {
                "member": payment.member,
                "origin": payment.origin.lower(),
                "currency": payment.currency,
                "amount": money(payment.amount_minor, payment.currency),
                "value_date": format_date(payment.value_date),
            }
            for payment in payments(cycle, lines, self.accounts, self._currencies(), self.banks)
        ]

    def open_interest(self, lines: Iterable[MarginLine], contracts: Iterable[str]) -> dict[str, int]:
        """Return the long lots of each contract of a cycle; a gross account counts its long side, not its net."""
        lots = dict.fromkeys(contracts, 0)
        for line in lines:
            gross = self.accounts[line.account].positions is Positions.GROSS
            lots[line.contract] = lots.get(line.contract, 0) + (line.end_long if gross else max(line.end, 0))
        return lots

    def positions(self, live: Iterable[Json]) -> dict[str, dict[str, Any]]:
        """Return what every account holds at the end, zeros included."""
        held: dict[str, dict[str, Any]] = {}
        for record in sorted(live, key=lambda record: (record["account"], record["contract"])):
            gross = self.accounts[record["account"]].positions is Positions.GROSS
            lots = {"long": record["long"], "short": record["short"]} if gross else record["lots"]
            held.setdefault(record["account"], {})[record["contract"]] = lots
        return held

    def totals(self, cycles: Iterable[Sequence[MarginLine]]) -> dict[str, dict[str, str]]:
        """Return the sums of all cycles by account and currency, fees included; and the house's own fee account."""
        currencies = self._currencies()
        sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for lines in cycles:
            for line in lines:
                currency = currencies[line.contract]
                sums[line.account][currency] += line.total_minor
                if self.contracts[line.contract].fee_minor:
                    sums[FEE_ACCOUNT][currency] -= line.fee_minor
        return {
            account: {currency: money(sums[account][currency], currency) for currency in sorted(sums[account])}
            for account in sorted(sums, key=lambda name: (is_clearing_house(name), name))
        }

    def price(self, contract: str, price_nano: int) -> str:
        """Return a price with the decimals of the contract's tick."""
        return format_price(price_nano, self.contracts[contract].tick_nano)

    def _currencies(self) -> dict[str, str]:
        return {name: contract.currency for name, contract in self.contracts.items()}


def fixing(record: Json) -> Json:
    """Return one fixing; its value is null where the series stopped, and figures of its quality where none made it."""
    carried = record["carried_date"]
    return {
        "series": record["series"],
        "date": format_date(record["date"]),
        "value": _figure(record["value_nano"]),
        "tier": record["tier"],
        "included": list(record["included"]),
        "excluded": [{"provider": one["provider"], "reason": one["reason"]} for one in record["excluded"]],
        **{name: record[name] for name in ("observations", "counted", "parts")},
        **{name: _figure(record[f"{name}_nano"]) for name in ("lowest", "highest", "deviation", "ignored")},
        "carried_date": None if carried is None else format_date(carried),
        **{name: record[name] for name in ("methodology_version", "methodology_sha256", "inputs_sha256")},
    }


def _figure(nano: int | None) -> str | None:
    return None if nano is None else format_decimal(nano, NANO, least=0)


def money(amount_minor: int, currency: str) -> str:
    """Return an amount in minor units as decimal text with the currency's decimals."""
    return format_decimal(amount_minor, DECIMALS[currency])
