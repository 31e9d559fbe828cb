"""`novate bank`: tells what the bank was asked and what it answered, and shows every answer."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.operate_command import Asked, sends
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
    sends(group, "confirm", confirm)
    sends(group, "fail", fail)
    group.command("list")(list_answers)
    app.add_typer(group, name="bank")


def instruct(payment: Payment, amount: Amount) -> Asked:
    """Record that the bank was told to pay or collect; a failed payment may be instructed again (rule PAY-1).

    What does not fit the payment moves nothing; novate bank list says why.
    """
    return _asked(payment, amount, "instructed")


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
