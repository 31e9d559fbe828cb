"""A clearing member's statement of a business date: positions, every fill, lines, payments; as JSON and CSV.

It is made of the log and of nothing else, so the same date gives the same bytes on every machine.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from settlement.domain.account import Account
from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date, to_instant
from settlement.domain.margin import MarginLine, Payment
from settlement.domain.money import format_decimal, format_price

Row = dict[str, Any]
AMOUNTS: Final = ("tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee")
COLUMNS: Final = (
    "record",
    "date",
    "cycle",
    "account",
    "origin",
    "contract",
    "currency",
    "fill_id",
    "trade_id",
    "kind",
    "side",
    "open_close",
    "trade_date",
    "executed_at",
    "corrects",
    "lots",
    "long",
    "short",
    "start",
    "bought",
    "sold",
    "transferred",
    "expired",
    "end",
    "previous",
    "price",
    "value",
    *AMOUNTS,
    "total",
    "amount",
    "value_date",
)
"""Of the CSV: one kind of row a `record` (position, fill, line, payment); what a record does not have is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One member's statement of a business date: its two files by name, and their bytes."""

    member: str
    business_date: int
    files: Mapping[str, bytes]

    @property
    def sha256(self) -> list[str]:
        """The files' hashes in the order of their names, hex."""
        return [hashlib.sha256(self.files[name]).hexdigest() for name in sorted(self.files)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the log says of one business date, whole.

    lines: of every cycle of the date, in the order of the cycles.  fills: records `fill` of the date.  payments: by
    cycle id.
    """

    business_date: int
    accounts: Mapping[str, Account]
    currencies: Mapping[str, str]
    lines: Sequence[MarginLine]
    fills: Sequence[Mapping[str, Any]]
    payments: Mapping[str, Sequence[Payment]]


def statements_of(day: Day) -> list[Statement]:
    """Return the statement of every member, in order of name; a member without anything gets an empty one."""
    members = sorted({account.member for account in day.accounts.values()})
    return [_statement(day, member) for member in members]


def file_stem(member: str) -> str:
    """Return a member's name as part of a file's name."""
    return quote(member, safe="")


def _statement(day: Day, member: str) -> Statement:
    mine = {name for name, account in day.accounts.items() if account.member == member}
    last = [line for line in day.lines if line.account in mine and line.kind == "end_of_day"]
    document = {
        "member": member,
        "date": format_date(day.business_date),
        "positions": [_position(day, line) for line in last if line.end or line.end_long or line.end_short],
        "fills": [_fill(day, fill) for fill in day.fills if fill["account"] in mine],
        "lines": [_line(day, line) for line in day.lines if line.account in mine],
        "payments": [
            _payment(cycle, paid)
            for cycle, payments in day.payments.items()
            for paid in payments
            if paid.member == member
        ],
    }
    stem = file_stem(member)
    return Statement(
        member=member,
        business_date=day.business_date,
        files={f"{stem}.csv": _csv(document), f"{stem}.json": _json(document)},
    )


def _json(document: Row) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _csv(document: Row) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for record, key in (("position", "positions"), ("fill", "fills"), ("line", "lines"), ("payment", "payments")):
        for row in document[key]:
            flat = {**row, **row.get("amounts", {})}
            writer.writerow(
                {
                    "record": record,
                    "date": document["date"],
                    **{name: flat[name] for name in COLUMNS if flat.get(name) is not None},
                }
            )
    return out.getvalue().encode()


def _held(day: Day, account: str, contract: str) -> Row:
    return {
        "account": account,
        "origin": day.accounts[account].origin.value.lower(),
        "contract": contract,
        "currency": day.currencies[contract],
    }


def _money(amount_minor: int | None, currency: str) -> str | None:
    return None if amount_minor is None else format_decimal(amount_minor, DECIMALS[currency])


def _price(price_nano: int | None) -> str | None:
    return None if price_nano is None else format_price(price_nano)


def _position(day: Day, line: MarginLine) -> Row:
    return {
        **_held(day, line.account, line.contract),
        "lots": line.end,
        "long": line.end_long,
        "short": line.end_short,
        "price": _price(line.price_nano),
    }


def _fill(day: Day, fill: Mapping[str, Any]) -> Row:
    held = _held(day, fill["account"], fill["contract"])
    currency, at_us = held["currency"], fill["executed_at_us"]
    amounts = {name: _money(fill[f"{name}_minor"], currency) for name in ("fee", "cres", "adj")}
    return {
        **held,
        "fill_id": fill["fill_id"],
        "trade_id": fill["trade_id"],
        "kind": fill["kind"],
        "side": fill["side"].lower(),
        "open_close": fill["position_effect"].lower(),
        "lots": fill["lots"],
        "price": _price(fill["price_nano"]),
        "value": _money(fill["value_minor"], currency),
        **amounts,
        "trade_date": format_date(fill["trade_date"]),
        "executed_at": None if at_us < 0 else to_instant(at_us).isoformat(),
        "corrects": fill["corrects"] or None,
    }


def _line(day: Day, line: MarginLine) -> Row:
    held = _held(day, line.account, line.contract)
    lots = {name: getattr(line, name) for name in ("start", "bought", "sold", "transferred", "expired", "end")}
    amounts = {name: _money(getattr(line, f"{name}_minor"), held["currency"]) for name in AMOUNTS}
    return {
        "cycle": f"{line.kind}/{line.number}",
        **held,
        **lots,
        "previous": _price(line.previous_nano),
        "price": _price(line.price_nano),
        "amounts": amounts,
        "total": _money(line.total_minor, held["currency"]),
    }


def _payment(cycle: str, paid: Payment) -> Row:
    amount = _money(paid.amount_minor, paid.currency)
    named = {"cycle": cycle, "origin": paid.origin.value.lower(), "currency": paid.currency}
    return {**named, "amount": amount, "value_date": format_date(paid.value_date)}
