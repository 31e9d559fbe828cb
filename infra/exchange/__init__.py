"""A simulated exchange on real rental prices: seeded, reproducible, known to clearing by its feed only."""

from infra.exchange.exchange import Exchange
from infra.exchange.journal import JournalBusy, JournalDiffers, WriteResult

__all__ = ["Exchange", "JournalBusy", "JournalDiffers", "WriteResult"]
