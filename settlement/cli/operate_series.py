"""`novate series`: defines index series by their methodologies, and shows them (rule IDX-1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from settlement.cli import operate_fixing
from settlement.cli.offline import AsJson
from settlement.cli.operate_command import sends
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import print_json, print_rows
from settlement.cli.refusals import CommandError

if TYPE_CHECKING:
    from settlement.cli.operate_log import ControlBook
    from settlement.scenario.tree import Node

COLUMNS: Final = ("series", "value_per_provider", "across_providers", "max_age_hours", "min_providers", "version")
SHIPPED: Final = "methodology"
"""The key that names a shipped methodology, whose keys the others override."""
Document = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Index series: define them, have them fixed, and show both.")
    group.command("add")(series_add)
    group.command("show")(series_show)
    group.command("list")(series_list)
    sends(group, "fix", operate_fixing.fix)
    sends(group, "print", operate_fixing.print_fixing)
    group.command("fixings")(operate_fixing.fixings)
    app.add_typer(group, name="series")


def series_add(
    file: Annotated[
        Path, typer.Argument(help="A series with its methodology, or a list of them, YAML or JSON.", metavar="FILE")
    ],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Define index series, or bring the next version of their methodologies into force (rule IDX-1).

    A document has `series`, its name, and the keys of a methodology (docs/reference/methodology.md), or `methodology`
    with the name of a shipped one and what differs from it. Each is checked before it is sent; one that breaks a rule
    is told with file and line, the others are sent. Runs a platform for the length of the command where none runs.

    Exit code 0: each was accepted, or was applied before; 1: one was refused or could not be sent.
    """
    from settlement.cli.operate_command import Asked
    from settlement.cli.operate_documents import send_documents
    from settlement.cli.operate_terms import read_each

    def ask(document: Document) -> Asked:
        name = document["series"]
        return Asked("series", document, (name,), f"index series {name}", newest_by=("series",))

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    read = read_each(file, "a series with its methodology", series_document)
    send_documents(read, ask, request, as_json=as_json)


def series_document(node: Node) -> Document:
    """Return the payload of a series, checked.

    Raises:
        Fault: of the first rule that it breaks.
    """
    from settlement.cli.operate_terms import check_name, plain
    from settlement.domain.contract import TermsError
    from settlement.domain.methodology import Methodology
    from settlement.scenario.errors import Fault
    from settlement.scenario.terms import broken_rule
    from settlement.scenario.tree import Mapping, describe

    if not isinstance(node, Mapping):
        raise Fault.at(
            node.line, "a mapping with series, value_per_provider, across_providers and so on", describe(node)
        )
    document = {key: value for key, value in plain(node).items() if value is not None}
    try:
        named = document.pop(SHIPPED, None)
        document = document if named is None else {**_shipped(named), **document}
        if not isinstance(document.get("series"), str):
            raise TermsError("series", "the name of the series", document.get("series"))
        check_name("series", document["series"])
        Methodology.of({key: value for key, value in document.items() if key != "series"})
    except TermsError as error:
        raise broken_rule(
            node, TermsError(error.key.removeprefix("methodology."), error.expected, error.was)
        ) from error
    return document


def _shipped(named: object) -> Document:
    """Return a shipped methodology, its numbers as text like those of a file."""
    from settlement.domain.contract import TermsError

    folder = files("settlement.domain") / "methodologies"
    known = sorted(one.name.removesuffix(".json") for one in folder.iterdir() if one.name.endswith(".json"))
    if named not in known:
        raise TermsError(SHIPPED, "a shipped methodology (" + ", ".join(known) + ")", named)
    found: Document = json.loads((folder / f"{named}.json").read_text(encoding="utf-8"), parse_int=str)
    return found


def series_show(
    series: Annotated[str, typer.Argument(help="The series' name.", metavar="SERIES")], as_json: AsJson = False
) -> None:
    """Print the methodology in force of one series; with --json the document as it was accepted."""
    from settlement.cli.operate_contract import flat

    known = _in_force(_book())
    if series not in known:
        from settlement.scenario.readers import suggestion

        raise CommandError(
            f"Expected a defined series, was {series!r}. {suggestion(series, known) or 'See novate series list.'}"
        )
    if as_json:
        print_json(known[series].document)
        return
    rows = [{"key": key, "value": value} for key, value in flat(known[series].document)]
    print_rows(rows, ("key", "value"), title=f"{series}, version {known[series].version}")


def series_list(as_json: AsJson = False) -> None:
    """Print the defined index series, in the order of their first definition."""
    rows = [
        {**{key: one.document.get(key) for key in COLUMNS}, "series": name, "version": one.version}
        for name, one in _in_force(_book()).items()
    ]
    print_rows(rows, COLUMNS, title="Index series", as_json=as_json)


def _book() -> ControlBook:
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.view import ledger_and_log

    with ledger_and_log() as (_, kafka):
        return ControlBook.read(kafka)


@dataclass(frozen=True, slots=True)
class _Defined:
    """A series' methodology in force, and how many versions there were."""

    document: Document
    version: int


def _in_force(book: ControlBook) -> dict[str, _Defined]:
    found: dict[str, _Defined] = {}
    for one in book.of("series"):
        before = found.get(one.payload.get("series", ""))
        if one.accepted and (before is None or before.document != one.payload):
            found[one.payload["series"]] = _Defined(one.payload, before.version + 1 if before else 1)
    return found
