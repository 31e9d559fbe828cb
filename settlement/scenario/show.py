"""The output of a scenario as tables for people; the figures are the document's, word for word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from settlement.domain.account import FEE_ACCOUNT
from settlement.scenario.limits import over_limits
from settlement.scenario.run import Result

Json = Mapping[str, Any]

_LOTS = ("start", "bought", "sold", "transferred", "expired", "end")
_RARE = frozenset(("transferred", "expired"))
_AMOUNTS = ("TVAR", "SMTM", "IMTM", "FMTM", "CRES", "ADJ", "FEE")
_KINDS = {"intraday": "Intraday", "end_of_day": "End of day", "final": "Final settlement", "correction": "Correction"}


def show(result: Result, console: Console) -> None:
    """Print everything that came out, cycle by cycle."""
    document = result.document
    if result.scenario.title:
        console.print(f"[bold]{escape(result.scenario.title)}[/]\n")
    for cycle in document["cycles"]:
        _show_cycle(cycle, console)
    _show_rows("Fixings", [_fixing(row) for row in document["fixings"]], console)
    _show_rows("Final settlement prices", document["finals"], console)
    _show_rows("Refused", document["rejections"], console, red=True)
    console.print(_positions(document["positions"]), _totals(document["totals"]))
    for excess in over_limits(result.scenario, result.document):
        console.print(f"[red]OVER THE LIMIT[/] {escape(str(excess))}", soft_wrap=True)
    _show_verdict(result, console)


def _show_cycle(cycle: Json, console: Console) -> None:
    of = f" of {cycle['effective_date']}" if "effective_date" in cycle else ""
    console.rule(f"[bold]{_KINDS[cycle['kind']]} {cycle['date']}[/]{of}", align="left")
    prices = ", ".join(f"{name} {price} ({cycle['price_tiers'][name]})" for name, price in cycle["prices"].items())
    interest = ", ".join(f"{name} {lots}" for name, lots in cycle["open_interest"].items())
    console.print(f"Settlement prices: {escape(prices) or 'none'}")
    console.print(f"Open interest: {escape(interest) or 'none'}")
    if cycle["lines"]:
        console.print(_lines(cycle["lines"]), _payments(cycle))
    else:
        console.print("Nothing to pay.")
    console.print()


def _lines(lines: Sequence[Json]) -> Table:
    amounts = [name for name in _AMOUNTS if any(name in line["amounts"] for line in lines)]
    lots = [name for name in _LOTS if name not in _RARE or any(line.get(name) for line in lines)]
    table = _table("Margin")
    for name in ("account", "contract"):
        table.add_column(name)
    for name in (*lots, "previous", "price", *amounts, "total"):
        table.add_column(name, justify="right")
    for line in lines:
        held = [_held(line, name) for name in lots]
        paid = [_figure(line["amounts"].get(name)) for name in amounts]
        prior = str(line["previous"] or "-")
        table.add_row(
            escape(line["account"]),
            escape(line["contract"]),
            *held,
            prior,
            str(line["price"] or "-"),
            *paid,
            _figure(line["total"]),
        )
    return table


def _held(line: Json, name: str) -> str:
    """Return lots; a gross account's two sides as 10L 4S."""
    if f"{name}_long" in line:
        return f"{line[f'{name}_long']}L {line[f'{name}_short']}S"
    return str(line.get(name, 0))


def _payments(cycle: Json) -> Table:
    """Return who pays and who collects, with the fee account, which makes each currency sum to zero (rule VM-4)."""
    rows = [(p["member"], p["origin"], p["currency"], Decimal(p["amount"]), p["value_date"]) for p in cycle["payments"]]
    fees = _fees(cycle["lines"])
    rows += [(FEE_ACCOUNT, "house", currency, amount, "") for currency, amount in fees.items() if amount]
    table = _table("Payments")
    for name in ("member", "origin", "currency"):
        table.add_column(name)
    for name in ("pays", "collects"):
        table.add_column(name, justify="right")
    table.add_column("due")
    for member, origin, currency, amount, due in rows:
        sides = (str(-amount), "") if amount < 0 else ("", str(amount))
        table.add_row(escape(member), origin, currency, *sides, due)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, _, currency, amount, _ in rows:
        sums[currency] += amount
    for currency, amount in sums.items():
        table.add_row("sum", "", currency, "", str(amount), style="bold")
    return table


def _fees(lines: Iterable[Json]) -> dict[str, Decimal]:
    received: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        received[line["currency"]] -= Decimal(line["amounts"].get("FEE", "0"))
    return received


def _fixing(row: Json) -> Json:
    """Return a fixing with its lists as one cell each."""
    excluded = ", ".join(f"{one['provider']} {one['reason']}" for one in row["excluded"])
    told = {**row, "value": row["value"] or "none", "included": ", ".join(row["included"]), "excluded": excluded}
    return {name: told[name] for name in ("series", "date", "value", "tier", "included", "excluded")}


def _show_rows(title: str, rows: Sequence[Json], console: Console, *, red: bool = False) -> None:
    if not rows:
        return
    table = _table(title, style="red" if red else "")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    console.print(table)


def _positions(positions: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("Positions")
    for name in ("account", "contract"):
        table.add_column(name)
    table.add_column("lots", justify="right")
    for account, held in positions.items():
        for contract, lots in held.items():
            shown = f"{lots['long']}L {lots['short']}S" if isinstance(lots, Mapping) else str(lots)
            table.add_row(escape(account), escape(contract), shown)
    return table


def _totals(totals: Mapping[str, Mapping[str, str]]) -> Table:
    table = _table("Totals over all cycles")
    for name in ("account", "currency"):
        table.add_column(name)
    table.add_column("amount", justify="right")
    for account, amounts in totals.items():
        for currency, amount in amounts.items():
            table.add_row(escape(account), currency, _figure(amount))
    return table


def _show_verdict(result: Result, console: Console) -> None:
    if result.disagreements:
        console.print("[bold red]The engines disagree.[/]")
        for disagreement in result.disagreements:
            console.print(escape(disagreement), style="red", soft_wrap=True)
    else:
        console.print("Both engines agree: every line of every cycle.")
    if result.scenario.expect is None:
        return
    if not result.differences:
        console.print("[green]As expected.[/]")
        return
    console.print(f"[bold red]Not as expected: {len(result.differences)}[/]")
    for difference in result.differences:
        console.print(escape(str(difference)), style="red", soft_wrap=True)


def _figure(amount: str | None) -> str:
    if amount is None:
        return ""
    return f"[red]{amount}[/]" if amount.startswith("-") else amount


def _table(title: str, style: str = "") -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, style=style)
