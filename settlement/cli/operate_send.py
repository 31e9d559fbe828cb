"""Sends controls for an operator and says what became of each: accepted, applied before, or refused with the rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import typer

from infra.local.process import Endpoints
from settlement.cli.operate_log import Asked, ControlBook
from settlement.cli.operate_options import Request
from settlement.cli.output import console, print_json, say
from settlement.cli.refusals import CommandError
from settlement.domain.dates import format_date
from settlement.domain.document import canonical
from settlement.folds.gateway.checks import PRICING
from streams.gateway.controls import Accepted, Controls, ControlsError, NoOutcomeError, Outcome, Rejected

ANSWER_SECONDS: Final = 30.0
RESERVED: Final = "advance/"
APPROVED_FOR: Final = "approved_for"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What is asked for.

    stem: what the control's id begins with.  what: for people, for example `contract H100-2026-09`.
    newest_by: fields of the payload; an equal instruction counts as applied before only when it was the last one with
    the same values of them.  corrects: whether it belongs to the date for which it was approved (rule COR-3).
    """

    kind: str
    payload: Json
    stem: str
    what: str
    newest_by: tuple[str, ...] = ()
    corrects: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of an instruction."""

    instruction: Instruction
    control_id: str
    outcome: Outcome

    @property
    def document(self) -> Json:
        """The answer as `--json` prints it."""
        told = {"control_id": self.control_id, "kind": self.instruction.kind, "what": self.instruction.what}
        match self.outcome:
            case Rejected(code, rule, message):
                return {**told, "outcome": "refused", "code": code, "rule": rule, "message": message}
            case Accepted(repeated):
                return {**told, "outcome": "applied before" if repeated else "accepted"}

    @property
    def text(self) -> str:
        """The answer for people."""
        what = self.instruction.what
        match self.outcome:
            case Rejected(code, rule, message, repeated):
                before = (
                    f" It was refused before under the id {self.control_id}: give another --id." if repeated else ""
                )
                return f"Refused: {what}: {code}: {message}{before}\n  Rule: {rule}"
            case Accepted(repeated):
                return f"{'Was applied before' if repeated else 'Accepted'}: {what} (control {self.control_id})"


class Desk:
    """Where an operator sends controls from."""

    def __init__(self, endpoints: Endpoints, request: Request, controls: Controls) -> None:
        self.endpoints, self._request, self._controls = endpoints, request, controls
        self.book = ControlBook.read_answered(endpoints.kafka)

    def read_again(self) -> ControlBook:
        """Read the controls again and return what they say now."""
        self.book = ControlBook.read_answered(self.endpoints.kafka)
        return self.book

    def send(self, instruction: Instruction) -> Answer:
        """Send one instruction and wait for its answer."""
        return self.send_all([instruction])[0]

    def send_all(self, instructions: Sequence[Instruction]) -> list[Answer]:
        """Send instructions in their order, wait for all answers, and return them.

        Raises:
            CommandError: the broker does not take one, or the gateway does not answer.
        """
        if self._request.control_id and len(instructions) > 1:
            raise CommandError(f"Expected one control for --id, was {len(instructions)}. Leave --id out.")
        sent = [self._append(instruction) for instruction in instructions]
        return [self._answer(*one) for one in sent]

    def _append(self, instruction: Instruction) -> tuple[Instruction, str, int | None]:
        control_id = self._request.control_id
        if not control_id:
            before = self._applied(instruction)
            if before:
                return instruction, before, None
            control_id = self._controls.unused_id(instruction.stem)
        request = self._request
        offset = self._controls.append(
            instruction.kind, self._payload(instruction), control_id=control_id, requested_by=request.requester,
            approved_by=request.approved_by, reason=request.reason, exchange_reference=request.reference,
        )  # fmt: skip
        return instruction, control_id, offset

    def _payload(self, instruction: Instruction) -> Json:
        """Return what is sent: of a correction also the date that it was approved for, by default the open one."""
        shown = self._request.approved_for or (self.book.open_date and format_date(self.book.open_date))
        return {**instruction.payload, APPROVED_FOR: shown} if instruction.corrects and shown else instruction.payload

    def _answer(self, instruction: Instruction, control_id: str, offset: int | None) -> Answer:
        if offset is None:
            return Answer(instruction=instruction, control_id=control_id, outcome=Accepted(repeated=True))
        outcome = self._controls.outcome(control_id, offset, timeout=ANSWER_SECONDS)
        return Answer(instruction=instruction, control_id=control_id, outcome=outcome)

    def _applied(self, instruction: Instruction) -> str:
        """Return the id under which the same was accepted before; empty when it was not."""
        payload, keys = instruction.payload, instruction.newest_by
        accepted = [asked for asked in self.book.of(instruction.kind) if asked.accepted]
        if keys:
            accepted = [asked for asked in accepted if all(asked.payload.get(key) == payload[key] for key in keys)][-1:]
        wanted = canonical(payload)
        same = (asked for asked in accepted if canonical(_without_approval(asked)) == wanted)
        return next((asked.control["control_id"] for asked in same), "")


def _without_approval(asked: Asked) -> Json:
    return {key: value for key, value in asked.payload.items() if key != APPROVED_FOR}


@contextmanager
def desk_at(endpoints: Endpoints, request: Request) -> Iterator[Desk]:
    """Yield a desk; what keeps it from sending or hearing is told in a sentence."""
    if request.control_id.startswith(RESERVED):
        raise CommandError(
            f"Expected an id that does not begin with {RESERVED}, the gateway's own, was {request.control_id!r}."
        )
    if request.requester == PRICING:
        raise CommandError(f"Expected a person for --by, was {PRICING!r}, which proposes alone. Give your own name.")
    try:
        with Controls(endpoints.kafka) as controls:
            yield Desk(endpoints, request, controls)
    except (ControlsError, NoOutcomeError) as error:
        raise CommandError(str(error)) from error


def tell(answers: Sequence[Answer], *, as_json: bool, faults: Sequence[str] = (), then: str = "") -> None:
    """Print what became of instructions; a single one as one JSON document, several as a list.

    faults: what could not be sent at all.  then: what to do next, said when nothing was refused.

    Raises:
        typer.Exit: code 1 when one was refused or could not be sent.
    """
    refused = [answer for answer in answers if isinstance(answer.outcome, Rejected)]
    if as_json:
        documents = [answer.document for answer in answers]
        print_json(documents[0] if len(documents) == 1 and not faults else documents)
    else:
        for answer in answers:
            if isinstance(answer.outcome, Rejected):
                say(answer.text)
            else:
                console().print(answer.text, markup=False, soft_wrap=True)
    for fault in faults:
        say(fault)
    if refused or faults:
        raise typer.Exit(1)
    if then and not as_json:
        console().print(then, markup=False, soft_wrap=True)
