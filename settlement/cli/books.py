"""What the ledger says, as rows for tables, JSON and CSV; amounts are decimal text in the currency's decimals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from psycopg import Connection

from settlement.domain.account import CLEARING_HOUSE, FEE_ACCOUNT
from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date, parse_date, to_date
from settlement.domain.money import format_decimal, format_price
from settlement.ledger import queries
from settlement.ledger.model import MarginLine

Row = dict[str, Any]
AMOUNTS: Final = ("tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee")
MARGIN: Final = (
    "date",
    "cycle",
    "account",
    "member",
    "origin",
    "contract",
    "currency",
    "start",
    "bought",
    "sold",
    "transferred",
    "expired",
    "end",
    "previous",
    "price",
    *AMOUNTS,
    "total",
)
PAYMENTS: Final = ("date", "cycle", "member", "origin", "currency", "amount", "value_date", "state", "payment")
OPEN_PAYMENTS: Final = (*PAYMENTS[:-1], "age_days", "payment")
HELD: Final = ("account", "member", "origin", "contract", "lots", "long", "short", "price", "date")
POSITIONS: Final = (*HELD, "limit", "over", "since")


def money(amount_minor: int, currency: str) -> str:
    """Return an amount as decimal text."""
    return format_decimal(amount_minor, DECIMALS[currency])


def grouped(amount: str) -> str:
    """Return decimal text with its thousands apart: 1234567.89 as 1,234,567.89."""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def margin(lines: Iterable[MarginLine]) -> list[Row]:
    """Return margin lines as rows of MARGIN."""
    return [_margin(line) for line in lines]


def _margin(line: MarginLine) -> Row:
    amounts = {name: money(getattr(line, f"{name}_minor"), line.currency) for name in AMOUNTS}
    same = {
        name: getattr(line, name)
        for name in (
            "account",
            "member",
            "contract",
            "currency",
            "start",
            "bought",
            "sold",
            "transferred",
            "expired",
            "end",
        )
    }
    return {
        "date": format_date(line.business_date),
        "cycle": f"{line.kind}/{line.number}",
        **same,
        "origin": line.origin.lower(),
        "previous": _price(line.previous_nano),
        "price": _price(line.price_nano),
        **amounts,
        "total": money(line.total_minor, line.currency),
    }


def _price(price_nano: int | None) -> str | None:
    return None if price_nano is None else format_price(price_nano)


def payments(conn: Connection[Any], *, business_date: int | None = None, member: str | None = None) -> list[Row]:
    """Return payments as rows of PAYMENTS; + the member receives, - pays."""
    return [
        {
            "date": format_date(row.cycle.business_date),
            "cycle": f"{row.cycle.kind}/{row.cycle.number}",
            "member": row.member,
            "origin": row.origin.lower(),
            "currency": row.currency,
            "amount": money(row.amount_minor, row.currency),
            "value_date": format_date(row.value_date),
            "state": row.state,
            "payment": row.payment,
        }
        for row in queries.payments(conn, business_date=business_date, member=member)
    ]


def open_payments(rows: Iterable[Row], today: int) -> list[Row]:
    """Return the payments that are not confirmed as rows of OPEN_PAYMENTS, the oldest first (rules PAY-1, PAY-2).

    today: the date that ages count to, yyyymmdd: the open business date, never the clock's.
    age_days: calendar days since the value date, of what failed or is overdue; None of what is not due before today.
    """
    still_open = [{**row, "age_days": _age_days(row, today)} for row in rows if row["state"] != "confirmed"]
    return sorted(still_open, key=lambda row: (row["value_date"], row["payment"]))


def _age_days(row: Row, today: int) -> int | None:
    days = (to_date(today) - to_date(parse_date(row["value_date"]))).days
    return max(days, 0) if days > 0 or row["state"] == "failed" else None


def positions(conn: Connection[Any], *, business_date: int | None = None, member: str | None = None) -> list[Row]:
    """Return what each account held at the end of a date, by default the last settled one, as rows of HELD."""
    held: dict[tuple[str, str], MarginLine] = {}
    for line in queries.lines(conn, member=member):
        if line.kind != "intraday" and (business_date is None or line.business_date <= business_date):
            held[line.account, line.contract] = line
    return [
        {
            "account": line.account,
            "member": line.member,
            "origin": line.origin.lower(),
            "contract": line.contract,
            "lots": line.end,
            "long": line.end_long,
            "short": line.end_short,
            "price": _price(line.price_nano),
            "date": format_date(line.business_date),
        }
        for _, line in sorted(held.items())
        if line.end or line.end_long or line.end_short
    ]


def by_member(conn: Connection[Any], business_date: int) -> tuple[list[Row], list[str]]:
    """Return what each member pays and collects on a date, by currency, fees included, and the columns of the rows.

    The clearing house's fee account stands last but for the sum, which is 0 in every currency (rule VM-4).
    """
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in queries.payments(conn, business_date=business_date):
        sums[row.member][row.currency] += row.amount_minor
    for journal in queries.journals(conn, business_date=business_date):
        for leg in journal.legs:
            if leg.account_id.startswith(f"{FEE_ACCOUNT}/"):
                sums[FEE_ACCOUNT][journal.currency] += leg.amount_minor
    currencies = sorted({currency for amounts in sums.values() for currency in amounts})
    rows = [
        _paid(member, sums[member], currencies)
        for member in sorted(sums, key=lambda member: (member == FEE_ACCOUNT, member))
    ]
    total = {currency: sum(amounts[currency] for amounts in sums.values()) for currency in currencies}
    rows.append(_paid("sum", total, currencies))
    return rows, ["member", *[f"{currency} {way}" for currency in currencies for way in ("pays", "collects")]]


def _paid(member: str, amounts: dict[str, int], currencies: list[str]) -> Row:
    row: Row = {"member": member}
    for currency in currencies:
        amount = amounts[currency]
        shown = grouped(money(abs(amount), currency))
        row[f"{currency} pays"] = shown if amount < 0 else None
        row[f"{currency} collects"] = shown if amount >= 0 else None
    return row


def balance(conn: Connection[Any]) -> list[Row]:
    """Return the ledger's balance by currency: what everybody was owed in all sums to 0."""
    totals: dict[str, dict[str, int]] = defaultdict(lambda: {"members": 0, "fees": 0, "bank": 0, "accounts": 0})
    for row in queries.balances(conn):
        entry = totals[row.currency]
        entry["members" if row.member != CLEARING_HOUSE else row.origin] += row.amount_minor
        entry["accounts"] += 1
    return [
        {
            "currency": currency,
            **{whose: money(entry[whose], currency) for whose in ("members", "fees", "bank")},
            "accounts": entry["accounts"],
            "sum": money(entry["members"] + entry["fees"] + entry["bank"], currency),
        }
        for currency, entry in sorted(totals.items())
    ]


BALANCE: Final = ("currency", "members", "fees", "bank", "accounts", "sum")
