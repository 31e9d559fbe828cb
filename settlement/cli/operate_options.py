"""Options that operator commands share: who asks, who approves, why, and under which id."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import Annotated

import typer

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who asks; by default the user of this shell.")]
ApprovedBy = Annotated[
    str, typer.Option("--approved-by", metavar="NAME", help="The second person, where two are needed.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in your words; it is kept in the log.")]
Reference = Annotated[
    str, typer.Option("--reference", metavar="TEXT", help="The exchange's own reference for the request.")
]
ControlId = Annotated[
    str,
    typer.Option("--id", metavar="ID", help="The control's own id; by default it follows from what is asked."),
]

WhatIf = Annotated[
    bool, typer.Option("--what-if", help="Send nothing: show the cash effect by member, at the last settlement price.")
]
ApprovedFor = Annotated[
    str,
    typer.Option("--approved-for", metavar="DATE", help="The open date of the approval; by default the one open now."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for a control, and how.

    by, approved_by: people; approved_by is empty where one is enough.  reason, reference: may be empty.
    control_id: empty for one that follows from what is asked.  approved_for: date of the approval, may be empty.
    """

    by: str = ""
    approved_by: str = ""
    reason: str = ""
    reference: str = ""
    control_id: str = ""
    approved_for: str = ""

    @property
    def requester(self) -> str:
        """Who asks: as told, or the user of this shell."""
        return self.by or operating_user()


def operating_user() -> str:
    """Return the name of the user whom this process belongs to, or its number where it has no name."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
