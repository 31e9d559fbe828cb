"""The live view of positions: the newest record of each key is the book, also after a worker's death."""

from __future__ import annotations

import itertools
import random
from typing import Any

from settlement.folds.positions import PositionsFold
from settlement.folds.positions import fold as module
from settlement.wire import codec
from tests.property.clearing import Clearing

ACCOUNTS = [f"M{number:02}-H" for number in range(1, 7)]
PRICES = {"GPUH": {"price": "2.350"}, "NEAR": {"price": "2.350"}}
PRICE_NANO = 2_350_000_000
View = dict[tuple[str, str], int]


class House:
    """A clearing house whose positions folds may die; the view is what a reader of the topic has."""

    def __init__(self) -> None:
        self.clearing = Clearing(partitions=2)
        self.view: View = {}
        self.book: View = {}
        self._trades = itertools.count(1)
        for contract in PRICES:
            self.control("listing", contract=contract, size="730", tick="0.001")
        for account in ACCOUNTS:
            self.control("account", account=account, member=account[:3], origin="house", positions="net")
        self.control("open", date="2026-08-03")

    def control(self, kind: str, /, **payload: Any) -> None:
        """Apply a control that must be accepted."""
        assert self.clearing.control(kind, **payload).rejection is None

    def trade(self, buyer: str, seller: str, lots: int, contract: str = "GPUH") -> None:
        """Trade, and keep the book by hand."""
        self.clearing.trade(f"T{next(self._trades)}", contract, buyer, seller, lots, PRICE_NANO)
        for account, signed in ((buyer, lots), (seller, -lots)):
            self.book[account, contract] = self.book.get((account, contract), 0) + signed

    def settle(self, date: str) -> None:
        """Settle a date."""
        self.control("prices", date=date, kind="end_of_day", cut=True, prices=PRICES)

    def die(self) -> None:
        """Kill every worker just after a snapshot, whatever it had to show, and restore it."""
        folds = self.clearing.folds
        folds[:] = [PositionsFold.restore(fold.partition, fold.snapshot()) for fold in folds]

    def show(self, times: int = 1) -> None:
        """Let every worker show what it has to."""
        for fold in self.clearing.folds * times:
            for output in fold.live():
                record = codec.decode(output.value)[1]
                self.view[record["account"], record["contract"]] = record["lots"]


def test_a_worker_that_dies_before_it_showed_a_change_shows_it_after_its_restart() -> None:
    """A position that changed just before the snapshot and the kill is in the view after the restore."""
    house = House()
    house.trade("M01-H", "M02-H", 5)
    house.die()
    house.show()
    assert house.view == house.book


def test_a_position_that_was_closed_before_the_kill_is_shown_as_zero() -> None:
    """Shown with 5 lots, then closed and settled unseen: the restored worker shows zero, although no book has it."""
    house = House()
    house.trade("M01-H", "M02-H", 5)
    house.show()
    house.trade("M02-H", "M01-H", 5)
    house.settle("2026-08-03")
    house.die()
    house.show()
    assert house.view == house.book == {("M01-H", "GPUH"): 0, ("M02-H", "GPUH"): 0}


def test_a_final_settlement_is_shown_as_zero() -> None:
    """After a contract's final its positions are zero in the view, with a kill in between or without."""
    for dies in (False, True):
        house = House()
        house.trade("M01-H", "M02-H", 5)
        house.trade("M01-H", "M02-H", 3, "NEAR")
        house.settle("2026-08-03")
        house.show()
        house.control("final", contract="NEAR", date="2026-08-04", price="2.36", status="final")
        if dies:
            house.die()
        house.show()
        assert house.view == {**house.book, ("M01-H", "NEAR"): 0, ("M02-H", "NEAR"): 0}


def test_new_changes_come_before_what_is_shown_again(monkeypatch: Any) -> None:
    """After a restore of many positions the next change is shown at once, and every other one in its turn."""
    monkeypatch.setattr(module, "LIVE_ROWS", 2)
    house = House()
    for buyer, seller in itertools.pairwise(ACCOUNTS):
        house.trade(buyer, seller, 3)
    house.die()
    house.view.clear()
    house.trade("M05-H", "M06-H", 1)
    house.show()
    changed = {("M05-H", "GPUH"), ("M06-H", "GPUH")}
    assert {key: house.view[key] for key in changed} == {key: house.book[key] for key in changed}
    house.show(times=5)
    assert house.view == house.book


def test_the_view_catches_up_whenever_workers_die() -> None:
    """Over random days with trades, views and deaths in any order, the view is the book once everything is shown."""
    for seed in range(6):
        chance, house = random.Random(seed), House()
        for date in ("2026-08-03", "2026-08-04", "2026-08-05"):
            for _ in range(12):
                buyer, seller = chance.sample(ACCOUNTS, 2)
                house.trade(buyer, seller, chance.randint(1, 2), chance.choice(list(PRICES)))
                if chance.random() < 0.3:
                    chance.choice((house.die, house.show))()
            house.settle(date)
        house.die()
        house.show()
        assert house.view == house.book, seed
