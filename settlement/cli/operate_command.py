"""A command that sends one control: what it asks for is a function, everything else is the same for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_options import (
    ApprovedBy,
    ApprovedFor,
    By,
    ControlId,
    Reason,
    Reference,
    Request,
    WhatIf,
)

if TYPE_CHECKING:
    from settlement.cli.operate_send import Instruction

EXIT_CODES: Final = "\n\nExit code 0: accepted, or applied before; 1: refused."
_REQUEST: Final = {
    "by": By, "approved_by": ApprovedBy, "reason": Reason, "reference": Reference, "control_id": ControlId,
}  # fmt: skip
_CORRECTION: Final = {**_REQUEST, "approved_for": ApprovedFor}
_JSON, _WHAT_IF = "as_json", "what_if"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one command line asks for.

    about: what tells it from others of its kind: a trade, an account, a date.  what: for people, by default the kind.
    newest_by: as an Instruction's.
    """

    kind: str
    payload: dict[str, Any]
    about: tuple[str, ...]
    what: str = ""
    newest_by: tuple[str, ...] = ()

    def instruction(self, *, corrects: bool = False) -> Instruction:
        """Return the control that is sent for it."""
        from settlement.cli.operate_send import Instruction

        what = self.what or f"{self.kind.replace('_', ' ')} of {' '.join(self.about)}"
        stem = "/".join((self.kind, *self.about))
        return Instruction(
            kind=self.kind, payload=self.payload, stem=stem, what=what, newest_by=self.newest_by, corrects=corrects
        )


def sends(group: typer.Typer, name: str, ask: Callable[..., Asked], *, corrects: bool = False) -> None:
    """Add a command whose arguments are those of `ask`, and who asks, why, and under which id.

    ask: returns what to send; its docstring is the command's.  corrects: whether it can be tried first (`--what-if`),
    and belongs to the date for which it was approved (rule COR-3).
    """
    options = _CORRECTION if corrects else _REQUEST

    def run(**told: Any) -> None:  # noqa: ANN401  what the command line holds
        from settlement.cli.operate_platform import settings_of, whole_platform
        from settlement.cli.operate_send import desk_at, tell
        from settlement.cli.operate_what_if import show_effect

        request = Request(**{key: told.pop(key) for key in options})
        as_json, what_if = told.pop(_JSON), told.pop(_WHAT_IF, False)
        instruction = ask(**told).instruction(corrects=corrects)
        if what_if:
            show_effect(instruction, request, as_json=as_json)
            return
        with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
            answer = desk.send(instruction)
        tell([answer], as_json=as_json)

    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [one.replace(kind=keyword) for one in inspect.signature(ask, eval_str=True).parameters.values()]
    shared = [inspect.Parameter(key, keyword, default="", annotation=option) for key, option in options.items()]
    tried = [inspect.Parameter(_WHAT_IF, keyword, default=False, annotation=WhatIf)] if corrects else []
    as_json = inspect.Parameter(_JSON, keyword, default=False, annotation=AsJson)
    parameters = [*own, *shared, *tried, as_json]
    vars(run)["__signature__"] = inspect.Signature(parameters)  # what typer reads the arguments from
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    group.command(name, help=inspect.cleandoc(ask.__doc__ or "") + EXIT_CODES)(run)
