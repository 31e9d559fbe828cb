"""Sends the sound documents of a file, a control each, and tells what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from settlement.cli.operate_command import Asked
from settlement.cli.operate_options import Request
from settlement.cli.operate_platform import settings_of, whole_platform
from settlement.cli.operate_send import desk_at, tell

Json = dict[str, Any]


def send_documents(
    read: tuple[Sequence[Json], Sequence[str]], ask: Callable[[Json], Asked], request: Request, *, as_json: bool
) -> None:
    """Send each document as what it asks for; runs a platform where none runs.

    read: the sound documents, and a sentence for each of the others.

    Raises:
        typer.Exit: code 1 when one was refused or could not be sent.
    """
    documents, faults = read
    if not documents:
        tell([], as_json=as_json, faults=faults)
    with whole_platform(settings_of(), fresh=True) as endpoints, desk_at(endpoints, request) as desk:
        answers = desk.send_all([ask(document).instruction() for document in documents])
    tell(answers, as_json=as_json, faults=faults)
