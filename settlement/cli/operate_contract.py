"""`novate contract`: lists contracts and shows their terms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import print_json, print_rows, say
from settlement.cli.refusals import CommandError

COLUMNS: Final = ("contract", "product", "currency", "size", "tick", "fee", "last_trade", "tiers", "version")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Contracts: list them, and show their terms.")
    group.command("add")(contract_add)
    group.command("show")(contract_show)
    group.command("list")(contract_list)
    app.add_typer(group, name="contract")


def contract_add(
    file: Annotated[Path, typer.Argument(help="Terms document, or a list of them, as YAML or JSON.", metavar="FILE")],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """List contracts, or bring a new version of their terms into force.

    Each document is checked before it is sent; one that breaks a rule is told with file and line, the others are sent.
    Runs a platform for the length of the command where none runs.

    Exit code 0: each was accepted, or was applied before; 1: one was refused or could not be sent.
    """
    from settlement.cli.operate_command import Asked
    from settlement.cli.operate_documents import send_documents
    from settlement.cli.operate_terms import read_terms

    def ask(document: dict[str, Any]) -> Asked:
        name = document["contract"]
        return Asked("listing", document, (name,), f"contract {name}", newest_by=("contract",))

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    send_documents(read_terms(file), ask, request, as_json=as_json)


def contract_show(
    contract: Annotated[
        str, typer.Argument(help="The contract's name; for --rulebook a shipped product's too.", metavar="CONTRACT")
    ],
    as_rulebook: Annotated[
        bool, typer.Option("--rulebook", help="Print the rulebook page of the terms, as Markdown.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the terms in force of one contract, and who is over its position limit (rule POS-1).

    With --json the document as it was accepted.
    """
    from settlement.cli import limits
    from settlement.domain.products.shipped import PRODUCTS, product
    from settlement.domain.rulebook import rulebook

    if as_rulebook and contract in PRODUCTS:
        sys.stdout.write(rulebook(product(contract).document))
        return
    book, over = limits.book_and_excesses()
    listed = book.contracts
    if contract not in listed:
        from settlement.scenario.readers import suggestion

        hint = suggestion(contract, listed) or "See novate contract list."
        raise CommandError(f"Expected a listed contract, was {contract!r}. {hint}")
    document = listed[contract].document
    if as_rulebook:
        sys.stdout.write(rulebook(document))
        return
    if as_json:
        print_json(document)
        return
    rows = [{"term": key, "value": value} for key, value in flat(document)]
    print_rows(rows, ("term", "value"), title=f"{contract}, version {listed[contract].version}")
    limits.tell(one for one in over if one.contract == contract)


def contract_list(as_json: AsJson = False) -> None:
    """Print the listed contracts, in the order of their first listing."""
    rows = [_row(name, listing) for name, listing in _book().contracts.items()]
    print_rows(rows, COLUMNS, title="Contracts", as_json=as_json)


def _book() -> Any:  # noqa: ANN401  a ControlBook, imported late
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        return ControlBook.read(endpoints.kafka)


def _row(name: str, listing: Any) -> dict[str, Any]:  # noqa: ANN401  a Listing, imported late
    document = listing.document
    tiers = (document.get("daily_settlement") or {}).get("tiers") or []
    same = {key: document.get(key) for key in ("product", "size", "tick", "last_trade")}
    told = {"currency": document.get("currency") or "USD", "fee": document.get("fee") or "0", "tiers": ", ".join(tiers)}
    return {"contract": name, **same, **told, "version": listing.version}


def flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the keys of a document with their values, those of inner mappings as `outer.inner`."""
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value))
    return rows
