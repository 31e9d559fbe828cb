"""The gateway's fold: validates, novates, and writes the log (see fold.py)."""

from settlement.folds.gateway.fold import KINDS, GatewayFold
from settlement.folds.gateway.writing import Emission, Step

__all__ = ["KINDS", "Emission", "GatewayFold", "Step"]
