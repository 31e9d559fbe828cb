"""`novate account`: opens clearing accounts and shows them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request
from settlement.cli.output import print_rows, say

COLUMNS: Final = ("account", "member", "origin", "positions")


class OriginWord(StrEnum):
    """Whose positions an account holds."""

    HOUSE = "house"
    CLIENT = "client"


class PositionsWord(StrEnum):
    """How an account keeps its lots."""

    NET = "net"
    GROSS = "gross"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Clearing accounts: open them, and show them.")
    group.command("add")(account_add)
    group.command("list")(account_list)
    app.add_typer(group, name="account")


def account_add(  # noqa: PLR0917  an option is an argument
    account: Annotated[
        str,
        typer.Argument(help="The account; or, without --member, a CSV file of accounts.", metavar="ACCOUNT|FILE"),
    ],
    member: Annotated[
        str, typer.Option("--member", metavar="MEMBER", help="The clearing member who answers for it.")
    ] = "",
    origin: Annotated[
        OriginWord | None, typer.Option("--origin", help="Whose positions it holds; the two never net.")
    ] = None,
    positions: Annotated[
        PositionsWord | None, typer.Option("--positions", help="Signed lots, or long and short apart.")
    ] = None,
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Open one account, or every account of a CSV file with the header account,member,origin,positions.

    A row that cannot be read is told with file and line, and the others are sent. Runs a platform for the length of
    the command where none runs.

    Exit code 0: each was accepted, or was applied before; 1: one was refused or could not be sent.
    """
    from settlement.cli.operate_accounts import one_account, read_accounts
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell

    if member or origin or positions:
        payloads, faults = [one_account(account, member, origin, positions)], list[str]()
    else:
        payloads, faults = read_accounts(Path(account))
    instructions = [
        Instruction(
            kind="account", payload=payload, stem=f"account/{payload['account']}", what=f"account {payload['account']}"
        )
        for payload in payloads
    ]
    if not instructions:
        tell([], as_json=as_json, faults=faults)
    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    with whole_platform(settings_of(), fresh=True) as endpoints, desk_at(endpoints, request) as desk:
        answers = desk.send_all(instructions)
    tell(answers, as_json=as_json, faults=faults)


def account_list(
    member: Annotated[str, typer.Option("--member", metavar="MEMBER", help="Only this clearing member's.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the open accounts, in the order of their opening."""
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook

    with endpoints_of(config.load(), say) as endpoints:
        accounts = ControlBook.read(endpoints.kafka).accounts.values()
    rows = [{column: str(account[column]) for column in COLUMNS} for account in accounts]
    rows = [{**row, "origin": row["origin"].lower(), "positions": row["positions"].lower()} for row in rows]
    print_rows([row for row in rows if member in {"", row["member"]}], COLUMNS, title="Accounts", as_json=as_json)
