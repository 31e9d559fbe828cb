"""`novate contract`: lists contracts and shows their terms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import print_json, print_rows, say
from settlement.cli.refusals import CommandError

if TYPE_CHECKING:
    from settlement.cli.operate_log import ControlBook
    from settlement.domain.versions import Version, Versions

COLUMNS: Final = ("contract", "product", "currency", "size", "tick", "fee", "last_trade", "tiers", "version", "pending")
VERSION_COLUMNS: Final = ("version", "from", "state", "sha256")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Contracts: list them, and show their terms.")
    group.command("add")(contract_add)
    group.command("show")(contract_show)
    group.command("list")(contract_list)
    app.add_typer(group, name="contract")


def contract_add(
    file: Annotated[Path, typer.Argument(help="Terms document, or a list of them, as YAML or JSON.", metavar="FILE")],
    since: Annotated[
        str,
        typer.Option("--from", help="First business date of the new terms; without it, at once.", metavar="DATE"),
    ] = "",
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """List contracts, or give them a new version of their terms, at once or from a business date on.

    With --from the new version waits until that date opens; earlier dates keep their terms, also when they settle
    later. Another version for the same date replaces the one that waits. Size, month, currency and rounding of a
    version that waits are those in force.

    Each document is checked before it is sent; one that breaks a rule is told with file and line, the others are sent.
    Runs a platform for the length of the command where none runs.

    Exit code 0: each was accepted, or was applied before; 1: one was refused or could not be sent.
    """
    from settlement.cli.operate_command import Asked
    from settlement.cli.operate_documents import send_documents
    from settlement.cli.operate_terms import read_terms
    from settlement.domain.dates import format_date, parse_date

    effective = {"effective_date": format_date(parse_date(since))} if since else {}

    def ask(document: dict[str, Any]) -> Asked:
        dated = {**document, **effective}
        return Asked("listing", dated, (dated["contract"],), _what(dated), newest_by=("contract",))

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    send_documents(read_terms(file), ask, request, as_json=as_json)


def _what(document: dict[str, Any]) -> str:
    since = document.get("effective_date")
    return f"contract {document['contract']}" + (f" from {since} on" if since else "")


def contract_show(
    contract: Annotated[
        str, typer.Argument(help="The contract's name; for --rulebook a shipped product's too.", metavar="CONTRACT")
    ],
    on: Annotated[
        str,
        typer.Option(help="The terms of this business date; of a later one as they stand now.", metavar="DATE"),
    ] = "",
    as_rulebook: Annotated[
        bool, typer.Option("--rulebook", help="Print the rulebook page of the terms, as Markdown.")
    ] = False,
    versions: Annotated[
        bool, typer.Option("--versions", help="Print the versions alone: from when on, state, hash.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the terms of one contract in force, its versions, and who is over its position limit (rules TRM-1, POS-1).

    With --json the document as it was accepted. The hash is SHA-256 of its canonical JSON, as the log carries it.
    """
    from settlement.cli import limits
    from settlement.domain.dates import parse_date
    from settlement.domain.products.shipped import PRODUCTS, product
    from settlement.domain.rulebook import rulebook

    if as_rulebook and contract in PRODUCTS:
        sys.stdout.write(rulebook(product(contract).document))
        return
    book, over = limits.book_and_excesses()
    listed = _versions_of(book, contract)
    if versions:
        print_rows(_version_rows(listed), VERSION_COLUMNS, title=f"Versions of {contract}", as_json=as_json)
        return
    shown = listed.planned(parse_date(on) if on else listed.shown_from)
    if shown is None:
        raise CommandError(f"Expected a date on which {contract} is listed, was {on}. See --versions.")
    if as_rulebook:
        sys.stdout.write(rulebook(shown.document))
    elif as_json:
        print_json(shown.document)
    else:
        _print(contract, listed, shown)
        limits.tell(one for one in over if one.contract == contract)


def _print(contract: str, listed: Versions, shown: Version) -> None:
    rows = [{"term": key, "value": value} for key, value in flat(shown.document)]
    number = [*listed.reached, *listed.pending].index(shown) + 1
    print_rows(rows, ("term", "value"), title=f"{contract}, version {number}")
    print_rows(_version_rows(listed), VERSION_COLUMNS, title="Versions")


def contract_list(as_json: AsJson = False) -> None:
    """Print the listed contracts, in the order of their first listing."""
    rows = [_row(name, versions) for name, versions in _book().terms.versions.items()]
    print_rows(rows, COLUMNS, title="Contracts", as_json=as_json, aside=("pending",))


def _versions_of(book: ControlBook, contract: str) -> Versions:
    from settlement.scenario.readers import suggestion

    terms = book.terms
    if contract not in terms.versions:
        hint = suggestion(contract, terms.versions) or "See novate contract list."
        raise CommandError(f"Expected a listed contract, was {contract!r}. {hint}")
    return terms.of(contract)


def _version_rows(listed: Versions) -> list[dict[str, Any]]:
    """Return a row for each version, those that wait at the end."""
    states = ["was in force"] * (len(listed.reached) - 1) + ["in force"] * bool(listed.reached)
    states += ["pending"] * len(listed.pending)
    return [
        {"version": number, "from": _from(version), "state": state, "sha256": version.sha256}
        for number, (version, state) in enumerate(
            zip([*listed.reached, *listed.pending], states, strict=True), 1
        )
    ]  # fmt: skip


def _from(version: Version) -> str | None:
    """Return the first date of a version; None for one from before the first date."""
    from settlement.domain.dates import format_date

    return format_date(version.since) if version.since else None


def _book() -> ControlBook:
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        return ControlBook.read(endpoints.kafka)


def _row(name: str, versions: Versions) -> dict[str, Any]:
    shown = versions.planned(versions.shown_from)
    document = shown.document if shown else {}
    tiers = (document.get("daily_settlement") or {}).get("tiers") or []
    same = {key: document.get(key) for key in ("product", "size", "tick", "last_trade")}
    told = {"currency": document.get("currency") or "USD", "fee": document.get("fee") or "0", "tiers": ", ".join(tiers)}
    pending = ", ".join(_from(version) or "" for version in versions.pending)
    return {"contract": name, **same, **told, "version": len(versions.reached), "pending": pending}


def flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the keys of a document with their values, those of inner mappings as `outer.inner`."""
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value))
    return rows
