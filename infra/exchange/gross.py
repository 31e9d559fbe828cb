"""Long and short lots of accounts that keep both apart: none ever closes more than it has."""

from dataclasses import dataclass, field

from infra.exchange.book import Order, Side

Key = tuple[str, str]
"""Account and the side that closes: a BUY closes short lots, a SELL closes long ones."""


@dataclass(slots=True)
class GrossPositions:
    """Of one contract: the lots that each account can close by each side, and how many of them resting orders claim."""

    closable: dict[Key, int] = field(default_factory=dict)
    claimed: dict[Key, int] = field(default_factory=dict)

    def free(self, account: str, side: Side) -> int:
        """Return the lots that an order of this side may still claim to close."""
        return self.closable.get((account, side), 0) - self.claimed.get((account, side), 0)

    def claim(self, order: Order) -> None:
        """Set aside what an arriving closing order will close."""
        key = (order.account, order.side)
        if order.closes:
            if self.free(order.account, order.side) < order.remaining:
                raise ValueError(f"Expected at most {self.free(order.account, order.side)} lots to close, was {order}")
            self.claimed[key] = self.claimed.get(key, 0) + order.remaining

    def release(self, order: Order) -> None:
        """Free what a cancelled order had set aside and not matched."""
        if order.closes:
            self.claimed[order.account, order.side] -= order.remaining

    def match(self, account: str, side: Side, lots: int, *, closes: bool) -> None:
        """Book one side of a trade."""
        if closes:
            self.closable[account, side] -= lots
            self.claimed[account, side] -= lots
            return
        opposite: Side = "SELL" if side == "BUY" else "BUY"
        self.closable[account, opposite] = self.closable.get((account, opposite), 0) + lots

    def overnight(self) -> "GrossPositions":
        """Return a copy without claims, as the next session finds it: orders do not live overnight."""
        return GrossPositions({key: lots for key, lots in self.closable.items() if lots})
