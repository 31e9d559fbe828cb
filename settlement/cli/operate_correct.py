"""`novate bust` and `novate waive`: what is wrong is reversed or waived, never edited."""

from __future__ import annotations

from typing import Annotated

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import ApprovedBy, By, ControlId, Reason, Reference, Request


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(bust)
    app.command()(waive)


def bust(
    trade: Annotated[str, typer.Argument(help="The trade's id.", metavar="TRADE")],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Bust a trade: everything that stands of it is reversed, in the open date (rule COR-1).

    Exit code 0: accepted, or applied before; 1: refused.
    """
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    instruction = Instruction(kind="bust", payload={"trade": trade}, stem=f"bust/{trade}", what=f"bust of {trade}")
    with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
        answer = desk.send(instruction)
    tell([answer], as_json=as_json)


def waive(
    feed: Annotated[str, typer.Argument(help="The feed.", metavar="FEED")],
    source_seq: Annotated[int, typer.Argument(help="Number of the refused record there.", metavar="SOURCE_SEQ", min=0)],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    control_id: ControlId = "",
    as_json: AsJson = False,
) -> None:
    """Waive a refused trade that is neither sent again nor cancelled, so that its date can post; two people do it.

    --by and --approved-by must be two different people.

    Exit code 0: accepted, or applied before; 1: refused.
    """
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import Instruction, desk_at, tell

    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference, control_id=control_id)
    instruction = Instruction(
        kind="waive", payload={"feed": feed, "source_seq": source_seq}, stem=f"waive/{feed}/{source_seq}",
        what=f"waiver of {feed} number {source_seq}",
    )  # fmt: skip
    with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
        answer = desk.send(instruction)
    tell([answer], as_json=as_json)
