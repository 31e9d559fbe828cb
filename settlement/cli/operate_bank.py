"""`novate bank`: tells what the bank was asked and what it answered, and shows every answer."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_command import Asked, sends
from settlement.cli.operate_options import ApprovedBy, By, Reason, Reference, Request
from settlement.cli.output import print_rows

Payment = Annotated[
    str, typer.Argument(help="Its id: DATE/KIND/NUMBER/MEMBER/ORIGIN/CURRENCY (novate payments).", metavar="PAYMENT")
]
Amount = Annotated[str, typer.Argument(help="As the payment's: below 0 the member pays (after --).", metavar="AMOUNT")]
COLUMNS: Final = ("entry", "payment", "state", "amount", "reason", "reference", "refused")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Payments at the bank: instructed, confirmed, failed.")
    sends(group, "instruct", instruct)
    group.command("instruct-due")(instruct_due)
    sends(group, "confirm", confirm)
    sends(group, "fail", fail)
    group.command("list")(list_answers)
    app.add_typer(group, name="bank")


def instruct(payment: Payment, amount: Amount) -> Asked:
    """Record that the bank was told to pay or collect; a failed payment may be instructed again (rule PAY-1).

    What does not fit the payment moves nothing; novate bank list says why.
    """
    return _asked(payment, amount, "instructed")


def instruct_due(
    date: Annotated[str, typer.Argument(help="The value date, for example 2026-08-04.", metavar="DATE")],
    by: By = "",
    approved_by: ApprovedBy = "",
    reason: Reason = "",
    reference: Reference = "",
    as_json: AsJson = False,
) -> None:
    """Record that the bank was told every payment due on a date and not told before (rules PAY-1, PAY-2).

    A failed payment is instructed again by itself: novate bank instruct.

    Exit code 0: each was accepted, or applied before; 1: one was refused.
    """
    from settlement.cli.books import money
    from settlement.cli.operate_platform import settings_of, whole_platform
    from settlement.cli.operate_send import desk_at, tell
    from settlement.domain.dates import parse_date
    from settlement.ledger import queries
    from settlement.ledger.session import as_auditor, connect

    day = parse_date(date)
    request = Request(by=by, approved_by=approved_by, reason=reason, reference=reference)
    with whole_platform(settings_of()) as endpoints, desk_at(endpoints, request) as desk:
        with connect(endpoints.database) as conn, as_auditor(conn):
            due = [row for row in queries.payments(conn) if row.value_date == day and row.state == "calculated"]
        asked = [_asked(row.payment, money(row.amount_minor, row.currency), "instructed") for row in due]
        answers = desk.send_all([one.instruction() for one in asked])
    tell(answers, as_json=as_json, then="" if answers else f"No payment is due on {date} that was not instructed.")


def confirm(payment: Payment, amount: Amount) -> Asked:
    """Record that the bank confirmed: only this moves cash, and it is final (rule PAY-1).

    What does not fit the payment moves nothing; novate bank list says why.
    """
    return _asked(payment, amount, "confirmed")


def fail(
    payment: Payment,
    amount: Amount,
    why: Annotated[str, typer.Option("--why", help="What the bank said.", metavar="TEXT", show_default=False)],
) -> Asked:
    """Record that the bank did not execute a payment: it stays open (rule PAY-1)."""
    return _asked(payment, amount, "failed", reason=why)


def _asked(payment: str, amount: str, state: str, **more: str) -> Asked:
    payload = {"payment": payment, "state": state, "amount": amount, **more}
    return Asked("bank", payload, (payment,), f"{payment} {state}", newest_by=("payment",))


def list_answers(
    member: Annotated[str | None, typer.Option("--member", help="Only this clearing member.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Print every answer of the bank, in order; `refused` says why one moved nothing."""
    from settlement.cli.books import money
    from settlement.cli.view import ledger
    from settlement.ledger import queries

    with ledger() as conn:
        found = queries.bank_answers(conn, member=member)
    rows = [
        {
            "entry": str(one.cycle),
            "payment": one.answer.payment,
            "state": one.answer.state,
            "amount": money(one.answer.amount_minor, one.answer.currency),
            "reason": one.answer.reason,
            "reference": one.answer.reference,
            "refused": one.answer.refused,
        }
        for one in found
    ]
    print_rows(rows, COLUMNS, title="Answers of the bank", as_json=as_json, as_csv=as_csv, aside=("entry", "reference"))
