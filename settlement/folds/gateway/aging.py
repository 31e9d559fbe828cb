"""What no correction can reach any more is forgotten, but for a trade's id, which stays taken (rule COR-1)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from settlement.folds.gateway import claims

if TYPE_CHECKING:
    from settlement.folds.gateway.writing import Writer


def retire(writer: Writer) -> None:
    """Forget, when a date opens, what it is too late to correct on it: trades, transfers at a default price, claims.

    A transfer at a default price is corrected with that price, so it is kept as long as its price's date can be
    corrected (COR-2). A holiday or more correction days that are told later bring nothing back.
    """
    state, today = writer.state, writer.open_date().date
    days = {
        name: -1 if state.listed[name].closed else known.correction_days for name, known in writer.contracts.items()
    }

    @cache
    def passed(since: int) -> int:
        return writer.calendar.business_days_between(since, today)

    over = [key for key, trade in state.trades.items() if passed(trade.business_date) > days[trade.contract]]
    if state.claims:
        claims.lapse(writer, frozenset(over))
    for trade_id in over:
        state.past[trade_id] = state.listed[state.trades.pop(trade_id).contract].ordinal
    state.transfers = {
        key: moved for key, moved in state.transfers.items() if passed(moved.price_date) <= days[moved.contract]
    }
