"""What a feed reports: trades are novated, the rest is passed on in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settlement.domain.dates import format_date
from settlement.domain.feed import (
    FeedRecord,
    IndexObserved,
    OrderReported,
    QuoteReported,
    SessionClosed,
    SessionOpened,
    TradeReported,
    Unreadable,
)
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks
from settlement.folds.gateway.state import Break, Session, Standing, Trade
from settlement.folds.gateway.writing import ORDERS, TICKS, Cause, Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract

SESSION_LOTS_LIMIT = 2**62
"""Where the count of a session's refused lots stops: they can be any nonsense, and a sum must fit into the cut."""


def report(writer: Writer, feed: str, session: Session, record: FeedRecord | Unreadable) -> None:
    """Take one report of a feed, or refuse it; a refused trade is an open break."""
    match record:
        case TradeReported():
            _counted_trade(writer, feed, session, record)
        case OrderReported():
            _order(writer, feed, record)
        case QuoteReported():
            _quote(writer, record)
        case IndexObserved():
            _observe(writer, feed, record)
        case SessionOpened():
            session.date = record.business_date
        case SessionClosed():
            session.trades, session.lots = record.trades, record.lots
        case Unreadable():
            session.unreadable += 1
            writer.state.breaks.append(Break(feed, record.source_seq, ""))
            raise Refused(Code.MALFORMED, record.message)


def _counted_trade(writer: Writer, feed: str, session: Session, reported: TradeReported) -> None:
    try:
        trade(writer, feed, session.date, reported)
    except Refused:
        session.rejected_trades += 1
        session.rejected_lots = max(-SESSION_LOTS_LIMIT, min(SESSION_LOTS_LIMIT, session.rejected_lots + reported.lots))
        writer.state.breaks.append(Break(feed, reported.source_seq, reported.trade_id))
        raise
    session.accepted_trades += 1
    session.accepted_lots += reported.lots
    writer.state.breaks = [
        known for known in writer.state.breaks if (known.feed, known.trade_id) != (feed, reported.trade_id)
    ]


def trade(writer: Writer, feed: str, session_date: int, reported: TradeReported) -> None:
    """Novate a matched trade: two fills, one to each side's account, and a public trade."""
    date = writer.open_date().date
    contract = writer.contract(reported.contract)
    value_minor = _acceptable(writer, contract, reported)
    known = Trade(
        contract=contract.contract,
        business_date=date,
        trade_date=session_date or date,
        trade_type=reported.trade_type,
        at_us=reported.at_us,
        lots=reported.lots,
        price_nano=reported.price_nano,
    )
    sides = (reported.buyer, "BUY", reported.buyer_effect), (reported.seller, "SELL", reported.seller_effect)
    legs = [
        Leg(
            kind="trade",
            account=account,
            side=side,
            effect=effect,
            lots=reported.lots,
            price_nano=reported.price_nano,
            value_minor=value_minor,
            fee_minor=-contract.fee_minor * reported.lots,
        )
        for account, side, effect in sides
    ]
    cause = Cause(
        trade_id=reported.trade_id,
        trade_date=known.trade_date,
        trade_type=reported.trade_type,
        at_us=reported.at_us,
        feed=feed,
        source_seq=reported.source_seq,
    )
    known.standing = [
        standing(leg, fill_id, contract)
        for leg, fill_id in zip(legs, writer.fills(contract, legs, cause, 1), strict=True)
    ]
    known.fills = len(legs)
    writer.state.trades[reported.trade_id] = known
    public_trade(writer, reported.trade_id, known, reported.lots)


def _acceptable(writer: Writer, contract: Contract, reported: TradeReported) -> int:
    """Return V of the trade's price, or refuse the trade."""
    for account in (reported.buyer, reported.seller):
        checks.account(writer, account)
    if reported.trade_id in writer.state.trades or reported.trade_id in writer.state.past:
        raise Refused(
            Code.DUPLICATE_TRADE, f"Expected a new trade id, was {reported.trade_id!r}, taken. Give it another id."
        )
    checks.not_closed(writer, contract)
    date = writer.open_date().date
    if contract.last_trade is not None and date > contract.last_trade:
        was = f"was {format_date(date)}"
        raise Refused(
            Code.AFTER_LAST_TRADE,
            f"Expected a trade of {contract.contract} until {format_date(contract.last_trade)}, {was}.",
        )
    if reported.lots <= 0:
        raise Refused(Code.BAD_LOTS, f"Expected whole lots greater than zero, was {reported.lots}.")
    return checks.price(contract, reported.price_nano, trade_type=reported.trade_type)


def standing(leg: Leg, fill_id: str, contract: Contract) -> Standing:
    """Return the allocation that a new fill makes."""
    return Standing(
        fill_id=fill_id,
        account=leg.account,
        side=leg.side,
        effect=leg.effect,
        lots=leg.lots,
        price_nano=leg.price_nano,
        value_minor=leg.value_minor,
        fee_minor=contract.fee_minor,
    )


def public_trade(writer: Writer, trade_id: str, known: Trade, lots: int) -> None:
    """Tell the market of a trade, or take it back with negative lots; it belongs to the trade's own date."""
    record = {
        "business_date": known.business_date,
        "contract": known.contract,
        "trade_id": trade_id,
        "lots": lots,
        "price_nano": known.price_nano,
        "trade_type": known.trade_type,
        "at_us": known.at_us,
        "control_id": writer.control_id,
    }
    writer.emit_keyed(ORDERS, known.contract, "public_trade", record)


def _order(writer: Writer, feed: str, reported: OrderReported) -> None:
    contract = writer.contract(reported.contract)
    checks.account(writer, reported.account)
    checks.within_limit(reported.price_nano, "price of an order")
    record = {
        "contract": contract.contract,
        "order_id": reported.order_id,
        "action": reported.action,
        "side": reported.side,
        "lots": reported.lots,
        "remaining": reported.remaining,
        "price_nano": reported.price_nano,
        "at_us": reported.at_us,
        "feed": feed,
        "source_seq": reported.source_seq,
    }
    writer.emit_keyed(ORDERS, contract.contract, "order", record)


def _quote(writer: Writer, reported: QuoteReported) -> None:
    contract = writer.contract(reported.contract)
    date = writer.open_date().date
    for side_nano in (reported.bid_nano, reported.ask_nano):
        checks.within_limit(side_nano or 0, "quote")
    record = {
        "business_date": date,
        "contract": contract.contract,
        "bid_nano": reported.bid_nano,
        "ask_nano": reported.ask_nano,
        "at_us": reported.at_us,
    }
    writer.emit_keyed(ORDERS, contract.contract, "quote", record)


def _observe(writer: Writer, feed: str, reported: IndexObserved) -> None:
    if reported.series not in writer.state.series:
        raise Refused(Code.UNKNOWN_SERIES, f"Expected a defined series, was {reported.series!r}.")
    checks.within_limit(reported.price_nano, "price observed")
    checks.within_limit(reported.quantity_nano, "quantity observed")
    record = {
        "series": reported.series,
        "provider": reported.provider,
        "price_nano": reported.price_nano,
        "quantity_nano": reported.quantity_nano,
        "at_us": reported.at_us,
        "feed": feed,
        "source_seq": reported.source_seq,
    }
    writer.emit_keyed(TICKS, reported.series, "index_tick", record)
