"""The exchange's reports in the feed's format, numbered without gaps."""

from typing import TypeAlias

from infra.exchange.book import Order, Side
from infra.exchange.rental_prices import Offer

Record: TypeAlias = dict[str, object]

UNDECODABLE = "undecodable"
"""The type of a record that stands for bytes no reader can decode; only `mischief` makes them, under `hex`."""


class Tape:
    """Collects one session's records and counts its matched trades for the control totals."""

    def __init__(self, date: str, first_source_seq: int) -> None:
        self.date = date
        self.next_source_seq = first_source_seq
        self.trades = 0
        self.lots = 0
        self._stem = date.replace("-", "")
        self._orders = 0
        self._trade_ids = 0
        self._records: list[Record] = []

    def drain(self) -> list[Record]:
        """Return the records since the last call."""
        records, self._records = self._records, []
        return records

    def order_id(self) -> str:
        """Return a new order's id, like O20260803-000001."""
        self._orders += 1
        return f"O{self._stem}-{self._orders:06}"

    def session_open(self, date: str | None = None) -> None:
        """Report that a session opens, by default the date's: what follows belongs to it."""
        opened = self.date if date is None else date
        self._add({"source_seq": self.next_source_seq, "type": "session_open", "business_date": opened})

    def session_close(self) -> None:
        """Report that the date's session ended, with its control totals."""
        self._add(
            {
                "source_seq": self.next_source_seq,
                "type": "session_close",
                "business_date": self.date,
                "trades": self.trades,
                "lots": self.lots,
            }
        )

    def order(self, action: str, contract: str, order: Order, remaining: int, price: str, at: str) -> None:
        """Report an order with what remained of it at that moment."""
        self._add(
            {
                "source_seq": self.next_source_seq,
                "type": "order",
                "order_id": order.order_id,
                "action": action,
                "contract": contract,
                "account": order.account,
                "side": order.side,
                "lots": order.lots,
                "remaining": remaining,
                "price": price,
                "at": at,
            }
        )

    def trade(  # noqa: PLR0913 - a trade has that many facts
        self,
        contract: str,
        buyer: str,
        seller: str,
        lots: int,
        price: str,
        at: str,
        *,
        trade_type: str = "regular",
        closing: tuple[Side, ...] = (),
        trade_id: str | None = None,
    ) -> None:
        """Report a matched trade, by default under the next id; `closing` names the sides that close gross lots."""
        if trade_id is None:
            self._trade_ids += 1
            trade_id = f"T{self._stem}-{self._trade_ids:06}"
        self.trades += 1
        self.lots += lots
        self._add(
            {
                "source_seq": self.next_source_seq,
                "type": "trade",
                "trade_id": trade_id,
                "contract": contract,
                "buyer": buyer,
                "seller": seller,
                "lots": lots,
                "price": price,
                "at": at,
                "trade_type": trade_type,
                "buyer_effect": "CLOSE" if "BUY" in closing else "OPEN",
                "seller_effect": "CLOSE" if "SELL" in closing else "OPEN",
            }
        )

    def quote(self, contract: str, bid: str | None, ask: str | None, at: str) -> None:
        """Report the best bid and offer."""
        self._add(
            {
                "source_seq": self.next_source_seq,
                "type": "quote",
                "contract": contract,
                "bid": bid,
                "ask": ask,
                "at": at,
            }
        )

    def observe(self, offer: Offer) -> None:
        """Report one provider's offer for an index series."""
        self._add(observed(self.next_source_seq, offer))

    def undecodable(self, content: bytes) -> None:
        """Put bytes in a record's place that no reader can decode."""
        self._add({"source_seq": self.next_source_seq, "type": UNDECODABLE, "hex": content.hex()})

    def _add(self, record: Record) -> None:
        self._records.append(record)
        self.next_source_seq += 1


def observed(source_seq: int, offer: Offer) -> Record:
    """Return the report of one provider's offer."""
    return {
        "source_seq": source_seq,
        "type": "observe",
        "series": offer.series,
        "provider": offer.provider,
        "price": offer.price,
        "quantity": "1",
        "at": offer.at,
    }
