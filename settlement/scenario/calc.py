"""What `novate calc` and `novate value` do, as functions that return an exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from settlement.domain.contract import Contract, TermsError
from settlement.domain.money import NANO, DecimalTextError, format_decimal, parse_decimal
from settlement.domain.products.shipped import shipped_terms
from settlement.scenario.document import money
from settlement.scenario.errors import UnreadableScenarioError
from settlement.scenario.parse import read_scenario
from settlement.scenario.run import Result, run_scenario
from settlement.scenario.show import show
from settlement.scenario.terms import Document, Shipped

UNREADABLE: Final = 2
_WIDTH: Final = 140  # of tables that go to a file or a pipe, where there is no terminal to ask


def main_calc(path: Path, *, as_json: bool = False, shipped: Shipped | None = None) -> int:
    """Settle a scenario file and print what comes out; return the exit code.

    0 when the engines agree and all is as expected, 1 when not (each difference on a line), 2 when the file cannot be
    read (each error on a line of standard error). as_json: the document alone on standard output, differences on
    standard error.
    """
    try:
        result = run_scenario(read_scenario(path, shipped_terms() if shipped is None else shipped))
    except UnreadableScenarioError as error:
        return _unreadable(error)
    if as_json:
        _print_json(result)
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_WIDTH)
        show(result, console)
    return result.exit_code


def _print_json(result: Result) -> None:
    sys.stdout.write(json.dumps(result.document, indent=2, ensure_ascii=False) + "\n")
    for line in (*result.disagreements, *result.differences):
        sys.stderr.write(f"{line}\n")


def _unreadable(error: UnreadableScenarioError) -> int:
    for one in error.errors:
        sys.stderr.write(f"{one}\n")
    return UNREADABLE


def main_value(
    name: str,
    price: str,
    *,
    path: Path | None = None,
    month: str | None = None,
    shipped: Shipped | None = None,
    as_json: bool = False,
) -> int:
    """Print V, the money value of ONE lot of a contract at a price (rule VAL-1); return the exit code.

    path: a scenario file that has the contract; without one, `name` is a shipped terms document, of `month` where its
    size is that of a month.
    """
    try:
        document = _terms(name, path, month, shipped_terms() if shipped is None else shipped)
        contract = Contract.of(document)
        price_nano = parse_decimal(price, NANO)
    except UnreadableScenarioError as error:
        return _unreadable(error)
    except (LookupError, DecimalTextError, TermsError) as error:
        sys.stderr.write(f"{error.args[0]}\n")
        return UNREADABLE
    value = money(contract.value_minor(price_nano), contract.currency)
    note = "" if contract.on_tick(price_nano) else f"; the price is off the tick {document['tick']}"
    if as_json:
        figures = {"contract": name, "price": price, "value": value, "currency": contract.currency}
        sys.stdout.write(json.dumps({**figures, "on_tick": contract.on_tick(price_nano)}, ensure_ascii=False) + "\n")
    else:
        size = format_decimal(contract.size_nano, NANO, least=0)
        sys.stdout.write(f"V({price}) of {name}: {value} {contract.currency} a lot of {size}{note}\n")
    return 0


def _terms(name: str, path: Path | None, month: str | None, shipped: Shipped) -> Document:
    """Return a contract's terms document.

    Raises:
        LookupError: there is none of that name.
        UnreadableScenarioError: the scenario file cannot be read.
    """
    if path is None:
        found = {**shipped[name](month), "contract": name} if name in shipped else None
        known, where = list(shipped), "a shipped terms document"
    else:
        scenario = read_scenario(path, shipped)
        found = scenario.contracts.get(name)
        known, where = list(scenario.contracts), f"a contract of {path}"
    if found is None:
        raise LookupError(f"Expected {where} ({', '.join(known) or 'there is none'}), was {name!r}.")
    return found
