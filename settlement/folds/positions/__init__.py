"""The positions fold (see fold.py)."""

from settlement.folds.positions.fold import PositionsFold

__all__ = ["PositionsFold"]
