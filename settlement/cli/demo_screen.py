"""What the demo shows at its end: the month's end, the last day's margin, the ledger, the audit, what to type next."""

from __future__ import annotations

import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from rich.console import Console

from infra.exchange import Exchange
from settlement.cli import books
from settlement.cli.demo_events import Event
from settlement.cli.demo_people import OVERRIDDEN
from settlement.cli.output import table
from settlement.config import Settings
from settlement.domain.contract import Contract
from settlement.domain.dates import to_number
from settlement.domain.money import NANO, parse_decimal
from settlement.folds.gateway.overrides import WOULD_HAVE_BEEN
from settlement.ledger import queries
from settlement.ledger.model import BankAnswer, CycleId, MarginLine
from settlement.replay.report import Report

HAPPENED: Final = ("date", "what", "cash effect")
ANSWERS: Final = ("payment", "state", "amount", "reason")
Json = dict[str, Any]


class Effects:
    """The cash of each event, out of the books: of fills at the day's settlement price, of a cycle its payments."""

    def __init__(self, conn: Connection[Any], statements: Path, contracts: dict[str, Contract]) -> None:
        self._conn, self._statements, self._contracts = conn, statements, contracts

    def rows(self, happened: Iterable[tuple[date, Event]]) -> list[Json]:
        """Return a row for each event."""
        return [
            {"date": day.isoformat(), "what": one.what, "cash effect": self._effect(day, one)} for day, one in happened
        ]

    def _effect(self, day: date, event: Event) -> str:
        if event.members:
            cash = [(member, self._of_fills(day, member, event)) for member in event.members]
            return ", ".join(f"{member} {_signed(amount)}" for member, amount in cash)
        if event.kind == "prices":
            return self._of_override(day, event)
        kind, amount = ("final", "FMTM") if event.kind == "final" else ("correction", "ADJ")
        return f"{amount} {_between_members(queries.lines(self._conn, CycleId(to_number(day), kind, 1)))}"

    def _of_override(self, day: date, event: Event) -> str:
        """Return what the overridden price moved beside the tiers': all lots of the day's end, marked at both."""
        moved: dict[str, int] = defaultdict(int)
        for line in queries.lines(self._conn, CycleId(to_number(day), "end_of_day", 1)):
            price = event.payload["prices"].get(line.contract, {})
            if WOULD_HAVE_BEEN in price:
                given, would_be = (parse_decimal(one["price"], NANO) for one in (price, price[WOULD_HAVE_BEEN]))
                value = self._contracts[line.contract].value_minor
                moved[line.member] += line.end * (value(given) - value(would_be))
        return f"margin {_shared(moved)}"

    def _of_fills(self, day: date, member: str, event: Event) -> int:
        """Return what a member's fills of an event are worth at the date's settlement price, fees included."""
        told = json.loads((self._statements / day.isoformat() / f"{member}.json").read_text(encoding="utf-8"))
        prices = {line["contract"]: line["price"] for line in told["lines"] if line["cycle"].startswith("end_of_day/")}
        fills = [fill for fill in told["fills"] if (fill["trade_id"], fill["kind"]) == (event.trade_id, event.kind)]
        return sum(self._worth(fill, prices[fill["contract"]]) for fill in fills)

    def _worth(self, fill: Json, price: str) -> int:
        contract = self._contracts[fill["contract"]]
        value, *cash = (parse_decimal(fill[name], contract.currency_decimals) for name in ("value", "fee", "cres"))
        lots = int(fill["lots"]) if fill["side"] == "buy" else -int(fill["lots"])
        return lots * (contract.value_minor(parse_decimal(price, NANO)) - value) + sum(cash)


def _between_members(lines: Iterable[MarginLine]) -> str:
    by_member: dict[str, int] = defaultdict(int)
    for line in lines:
        by_member[line.member] += line.total_minor
    return _shared(by_member)


def _shared(by_member: dict[str, int]) -> str:
    paid = sum(amount for amount in by_member.values() if amount > 0)
    count = sum(amount != 0 for amount in by_member.values())
    return f"{_signed(paid).lstrip('+')} between {count} members"


def _signed(amount_minor: int) -> str:
    sign = "-" if amount_minor < 0 else "+"
    return f"{sign}{books.grouped(books.money(abs(amount_minor), 'USD'))}"


def left_out(events: list[str]) -> str:
    """Say what a short run has no room for."""
    return f"Left out, as the run is too short: {', '.join(events)}. All of it: --days 3.\n" if events else ""


def tables(
    conn: Connection[Any], exchange: Exchange, happened: Sequence[tuple[date, Event]], statements: Path
) -> list[Any]:
    """Return the tables of the books."""
    day = exchange.dates[-1]
    contracts = {str(terms["contract"]): Contract.of(terms) for terms in exchange.listings()}
    effects = Effects(conn, statements, contracts).rows(happened)
    rows, columns = books.by_member(conn, to_number(day))
    return [
        table(
            effects,
            HAPPENED,
            title="The month's end, and the cash each event moved (day's prices, fees included)",
        ),
        table(rows, columns, title=f"Variation margin of {day}"),
        table(
            [_answer(one.answer) for one in queries.bank_answers(conn)],
            ANSWERS,
            title="The bank: only a confirmation moves cash, what failed stays open",
        ),
        table([_grouped(row) for row in books.balance(conn)], books.BALANCE, title="The ledger"),
    ]


def _answer(answer: BankAnswer) -> Json:
    amount = books.grouped(books.money(answer.amount_minor, answer.currency))
    return {"payment": answer.payment, "state": answer.state, "amount": amount, "reason": answer.reason}


def _grouped(row: Json) -> Json:
    return {**row, **{name: books.grouped(row[name]) for name in ("members", "fees", "bank", "sum")}}


def show(screen: Console, settings: Settings, shown: Iterable[Any], report: Report, following: dict[str, str]) -> None:
    """Print everything; following: what to run next, and what it tells."""
    for one in shown:
        screen.print(one)
    screen.print("The audit: the log replayed through the second engine, compared with the ledger", style="bold")
    screen.print("\n".join(report.text()), markup=False, soft_wrap=True)
    screen.print(
        f"\nThe data lies in {settings.data}: the log, the ledger, the statements. Next:", markup=False, soft_wrap=True
    )
    commands = {f"{_command()} {arguments}": what for arguments, what in following.items()}
    width = max(map(len, commands))
    for command, what in commands.items():
        screen.print(f"  {command:<{width}}   {what}", markup=False, soft_wrap=True)


def following(first: date, happened: Iterable[tuple[date, Event]]) -> dict[str, str]:
    """Return what to run next: the arguments of each command, and what it tells; first: the first business date."""
    overridden = {
        f"explain price {OVERRIDDEN} {day}": "the overridden price, and what it would have been"
        for day, one in happened
        if one.kind == "prices"
    }
    return {
        f"margin --date {first}": "every margin line of the first day",
        f"payments --date {first}": "each payment, and how far it is at the bank",
        "bank list": "every answer of the bank",
        **overridden,
        f"statement M01 {first}": "what a member gets",
        "replay": "the audit again",
        "up": "run on from here",
    }


def _command() -> str:
    """Return how `novate` is called from here: by its name where a shell finds it, else by the path of its script."""
    script = Path(sys.executable).with_name("novate")
    if shutil.which("novate") is not None or not script.is_file():
        return "novate"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
