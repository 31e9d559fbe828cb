"""`novate calendar`: proposes calendars from a library, sends them as events, and shows those in force."""

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
    from settlement.scenario.tree import Node

VENUE: Final = "venue"
"""The name of the venue's own calendar among those in force; every other one is a currency."""
COLUMNS: Final = ("calendar", "holidays", "first", "last", "source")
Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Holidays of the venue and of each currency's bank: propose, add, show them."
    )
    group.command("propose")(calendar_propose)
    group.command("add")(calendar_add)
    group.command("list")(calendar_list)
    group.command("show")(calendar_show)
    app.add_typer(group, name="calendar")


def calendar_propose(
    name: Annotated[str, typer.Argument(help="A currency (USD), or a venue by its code (XNYS).", metavar="NAME")],
    year: Annotated[int, typer.Argument(help="For example 2027.", metavar="YEAR")],
    as_json: AsJson = False,
) -> None:
    """Print a calendar document as the library `holidays` knows it, for a person to check (rule PAY-2).

    Nothing is sent, and nothing follows the library: what novate calendar add sends and the gateway accepts counts.
    """
    from settlement.cli.calendar_proposal import propose

    proposal = propose(name, year)
    if as_json:
        print_json(proposal.document)
    else:
        sys.stdout.write(proposal.text())


def calendar_add(
    file: Annotated[
        Path, typer.Argument(help="A calendar document, or a list of them, as YAML or JSON.", metavar="FILE")
    ],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Add holidays of the venue, or of a currency's bank where the document has a `currency` (rule PAY-2).

    Its other keys: `holidays`, and for a bank `withdrawn` (dates); `venue` and `source` are kept with it. Payments of
    cycles behind it follow it. Runs a platform for the length of the command where none runs.

    Exit code 0: each was accepted, or was applied before; 1: one was refused or could not be sent.
    """
    from settlement.cli.operate_command import Asked
    from settlement.cli.operate_documents import send_documents
    from settlement.cli.operate_terms import read_each

    def ask(document: Json) -> Asked:
        name, newest_by = _name(document), ("currency",) if "currency" in document else ()
        what = f"{len(document['holidays'])} holidays of {name}"
        return Asked("calendar", document, (name,), what, newest_by=newest_by)

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    send_documents(read_each(file, "a calendar", calendar_document), ask, request, as_json=as_json)


def calendar_document(node: Node) -> Json:
    """Return the payload of a calendar, its dates checked.

    Raises:
        Fault: of every key and date that is not as agreed.
    """
    from settlement.domain.dates import format_date
    from settlement.scenario import readers
    from settlement.scenario.errors import Fault
    from settlement.scenario.forms import Key, read_keys

    days = readers.items(readers.date, "dates")
    keys = {
        "holidays": Key(days, required=True), "currency": Key(readers.currency), "withdrawn": Key(days),
        "venue": Key(readers.name), "source": Key(readers.text),
    }  # fmt: skip
    read = read_keys(node, keys, "a calendar")
    if "withdrawn" in read and "currency" not in read:
        raise Fault.at(node.line, "`withdrawn` with a `currency`", "one of the venue, whose holidays only add up")
    return read | {key: [format_date(day) for day in read[key]] for key in ("holidays", "withdrawn") if key in read}


def _name(document: Json) -> str:
    return str(document.get("currency") or VENUE)


def calendar_list(as_json: AsJson = False) -> None:
    """Print the calendars in force: the venue's, and of each currency's bank; a currency without one has weekdays."""
    rows = [_row(name, one["holidays"], one["source"]) for name, one in _in_force().items()]
    print_rows(rows, COLUMNS, title="Calendars", as_json=as_json)


def _row(name: str, days: list[str], source: str) -> Json:
    first, last = (days[0], days[-1]) if days else (None, None)
    return {"calendar": name, "holidays": len(days), "first": first, "last": last, "source": source}


def calendar_show(
    name: Annotated[str, typer.Argument(help=f"A currency, or {VENUE}.", metavar="CALENDAR")], as_json: AsJson = False
) -> None:
    """Print every holiday of one calendar in force."""
    known = _in_force()
    if name not in known:
        raise CommandError(f"Expected a calendar in force ({', '.join(known) or 'there is none'}), was {name!r}.")
    if as_json:
        print_json({"calendar": name, **known[name]})
        return
    print_rows([{"holiday": day} for day in known[name]["holidays"]], ("holiday",), title=f"Holidays of {name}")


def _in_force() -> dict[str, Json]:
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        return in_force(ControlBook.read(endpoints.kafka))


def in_force(book: ControlBook) -> dict[str, Json]:
    """Return by calendar its holidays, as dates in order, and where the last event said they come from."""
    found: dict[str, Json] = {}
    for one in book.of("calendar"):
        if one.accepted:
            name = _name(one.payload)
            known = set(found.get(name, {}).get("holidays", ()))
            days = (known | set(one.payload["holidays"])) - set(one.payload.get("withdrawn") or ())
            found[name] = {"holidays": sorted(days), "source": one.payload.get("source") or ""}
    return dict(sorted(found.items(), key=lambda entry: (entry[0] != VENUE, entry[0])))
