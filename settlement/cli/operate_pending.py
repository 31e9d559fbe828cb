"""`novate give-up list`: the give-ups that wait for their takers (rule GUP-2)."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from settlement.cli.offline import AsJson
from settlement.cli.output import print_rows, say

COLUMNS: Final = ("claim", "trade", "contract", "side", "giver", "taker", "lots", "open_close", "since", "lapses")
Json = dict[str, Any]


def give_up_list(
    account: Annotated[str | None, typer.Option("--account", help="Only what it gives or is asked to take.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Print the give-ups that are pending, a row for each taker that has not answered (rule GUP-2).

    since: the open date on which it was requested. lapses: the business date whose opening ends it unless it is
    answered or withdrawn before; where that is sooner, the contract's closing day, whose final settlement ends it.
    """
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.operate_what_if import fold_now

    settings = config.load()
    with endpoints_of(settings, say) as endpoints:
        fold, book = fold_now(endpoints, settings.partitions), ControlBook.read(endpoints.kafka)
    since = {
        one.control["control_id"]: one.answer["business_date"]
        for one in book.of("request_give_up")
        if one.accepted and one.answer is not None
    }
    rows = [row for row in pending_rows(fold, since) if account in {None, row["giver"], row["taker"]}]
    print_rows(rows, COLUMNS, title="Pending give-ups", as_json=as_json, as_csv=as_csv, aside=("open_close",))


def pending_rows(fold: Any, since: dict[str, int]) -> list[Json]:  # noqa: ANN401  a GatewayFold, imported late
    """Return a row of COLUMNS for each part that is not answered; since: when each claim was requested, yyyymmdd."""
    from settlement.domain.calendar import Calendar
    from settlement.domain.dates import format_date
    from settlement.folds.gateway.claims import lapse_date

    calendar, rows = Calendar(frozenset(fold.state.holidays)), []
    for claim_id, claim in fold.state.claims.items():
        trade = fold.state.trades[claim.trade]
        lapses = lapse_date(fold.contracts[trade.contract], trade.business_date, calendar)
        rows += [
            {
                "claim": claim_id, "trade": claim.trade, "contract": trade.contract, "side": claim.side.lower(),
                "giver": claim.giver, "taker": taker, "lots": part.lots, "open_close": part.effect.lower(),
                "since": format_date(since[claim_id]) if claim_id in since else None, "lapses": format_date(lapses),
            }
            for taker, part in claim.parts.items()
        ]  # fmt: skip
    return rows
