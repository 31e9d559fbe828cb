"""Generated days: after every cycle both engines agree, the books balance, and nothing is unexplained."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

import pytest

from settlement.domain.calendar import Calendar
from settlement.domain.dates import format_date
from settlement.domain.money import format_price
from tests.gateway.test_fold_properties import books
from tests.property.clearing import Clearing

ACCOUNTS: Final = {"A": "net", "B": "net", "C": "net", "D": "net", "X": "gross", "Y": "gross"}
TICKS: Final = {"G": 500_000, "H": 100_000, "J": 10_000_000}
TERMS: Final = (
    {"contract": "G", "size": "730", "tick": "0.0005", "fee": "0.35"},
    {"contract": "H", "size": "7.3", "tick": "0.0001", "fee": "0.01", "rounding": "half-even"},
    {"contract": "J", "size": "730", "tick": "0.01", "currency": "JPY", "rounding": "down"},
)


class House:
    """A clearing house that does what a seed says, refused or not; every cycle is compared by `Clearing`."""

    def __init__(self, seed: int, partitions: int) -> None:
        """Open accounts and contracts, and for every other seed bring a book forward."""
        self.random, self.calendar, self.day = random.Random(seed), Calendar(), 20261123
        self.clearing = Clearing(partitions)
        self.trades: list[str] = []
        self.cuts: list[int] = []
        self.done: Counter[str] = Counter()
        self.control("open", date=format_date(self.day))
        for terms in TERMS:
            self.control("listing", **terms)
        for account, positions in ACCOUNTS.items():
            self.control(
                "account",
                account=account,
                member=account,
                origin=self.random.choice(["house", "client"]),
                positions=positions,
            )
        if seed % 2:
            self.control(
                "carry",
                contract="G",
                price=self.price("G"),
                positions={"A": "7", "B": "-4", "X": {"long": "3", "short": "6"}},
            )

    def control(self, kind: str, /, **payload: object) -> bool:
        """Apply a control; tell whether it was accepted."""
        before = books(self.clearing.gateway)
        step = self.clearing.control(kind, **payload)
        assert step.rejection is None or books(self.clearing.gateway) == before, (kind, payload)
        self.done[f"{kind} {'refused' if step.rejection else 'accepted'}"] += 1
        return step.rejection is None

    def price(self, contract: str) -> str:
        """Return a price on the contract's tick."""
        return format_price(self.random.randrange(4640, 4760) * TICKS[contract])

    def account(self) -> str:
        """Return an account."""
        return self.random.choice(list(ACCOUNTS))

    def open_contracts(self) -> list[str]:
        """Return the contracts that are not finally settled."""
        return [name for name, listed in self.clearing.gateway.state.listed.items() if not listed.closed]

    def step(self) -> None:
        """Do one thing."""
        acts = {
            self.trade: 50,
            self.bust: 6,
            self.adjust: 6,
            self.give_up: 6,
            self.request_give_up: 6,
            self.answer_give_up: 8,
            self.average: 4,
            self.transfer: 6,
            self.close_out: 2,
            self.cash: 2,
            self.intraday: 6,
            self.cut: 3,
            self.settle: 7,
            self.correct: 3,
            self.final: 0.5,
            self.terms: 4,
        }
        [act] = self.random.choices(list(acts), list(acts.values()))
        act()

    def trade(self) -> None:
        """Match two accounts, sometimes one with itself."""
        trade_id, contract = f"T{len(self.trades)}", self.random.choice(list(TICKS))
        effects = [self.random.choice(["OPEN", "OPEN", "CLOSE"]) for _ in range(2)]
        price_nano = self.random.randrange(4640, 4760) * TICKS[contract]
        step = self.clearing.trade(
            trade_id,
            contract,
            self.account(),
            self.account(),
            self.random.randrange(1, 20),
            price_nano,
            buyer_effect=effects[0],
            seller_effect=effects[1],
        )
        if step.rejection is None:
            self.trades.append(trade_id)

    def some_trade(self) -> str:
        """Return the id of an accepted trade, a recent one more often."""
        return self.random.choice(self.trades[-20:] or ["none"])

    def bust(self) -> None:
        """Take a trade back."""
        self.control("bust", trade=self.some_trade())

    def adjust(self) -> None:
        """Move a trade's price."""
        trade_id = self.some_trade()
        known = self.clearing.gateway.state.trades.get(trade_id)
        self.control("adjust", trade=trade_id, price=self.price(known.contract if known else "G"))

    def give_up(self) -> None:
        """Move lots of a trade."""
        to = {self.account(): str(self.random.randrange(1, 6))}
        self.control(
            "give_up",
            trade=self.some_trade(),
            side=self.random.choice(["buy", "sell"]),
            to=to,
            open_close=self.random.choice(["open", "close"]),
        )

    def request_give_up(self) -> None:
        """Ask one or two accounts to take lots of a trade."""
        to = {self.account(): str(self.random.randrange(1, 4)) for _ in range(self.random.randrange(1, 3))}
        effects = {taker: self.random.choice(["open", "close"]) for taker in to}
        side = self.random.choice(["buy", "sell"])
        self.control("request_give_up", trade=self.some_trade(), side=side, to=to, open_close=effects)

    def answer_give_up(self) -> None:
        """Accept or refuse a part of a claim, or withdraw the claim; seldom one that is not pending."""
        claims = self.clearing.gateway.state.claims
        claim = self.random.choice([*claims] or ["none"])
        account = self.random.choice([*claims[claim].parts] if claim in claims else [*ACCOUNTS])
        if self.random.random() < 0.1:
            account = self.account()
        [kind] = self.random.choices(("accept_give_up", "refuse_give_up", "withdraw_give_up"), (6, 1, 1))
        self.control(kind, claim=claim, account=account, reason="not ours")

    def average(self) -> None:
        """Average what one account bought or sold in one contract."""
        state = self.clearing.gateway.state
        of = [
            (stands.account, trade.contract, stands.side, trade_id)
            for trade_id in self.trades[-20:]
            if (trade := state.trades.get(trade_id))
            for stands in trade.standing
        ]
        if of:
            account, contract, side, _ = self.random.choice(of)
            trades = sorted({trade_id for a, c, s, trade_id in of if (a, c, s) == (account, contract, side)})
            self.control("average", account=account, contract=contract, side=side.lower(), trades=trades[:3])

    def transfer(self) -> None:
        """Move a position, at the prior price or at one given."""
        contract = self.random.choice(list(TICKS))
        more = {"position": self.random.choice(["long", "short"])} if self.random.random() < 0.6 else {}
        more |= {"price": self.price(contract)} if self.random.random() < 0.3 else {}
        self.control(
            "transfer",
            contract=contract,
            from_=self.account(),
            to=self.account(),
            lots=str(self.random.randrange(1, 3)),
            **more,
        )

    def close_out(self) -> None:
        """Lower both sides of a gross account."""
        self.control("close_out", contract=self.random.choice(list(TICKS)), account=self.random.choice("XY"), lots="1")

    def cash(self) -> None:
        """Move cash, also after the final."""
        self.control(
            "cash_adjustment",
            contract=self.random.choice(list(TICKS)),
            from_=self.account(),
            to=self.account(),
            amount="12",
            reason="x",
        )

    def intraday(self) -> None:
        """Mark some contracts."""
        prices = {name: self.price(name) for name in self.open_contracts() if self.random.random() < 0.7}
        self.control("prices", kind="intraday", date=format_date(self.day), prices=prices)

    def cut(self) -> None:
        """Close the open date."""
        if self.control("cut", date=format_date(self.day)):
            self.cuts.append(self.day)
            self.day = self.calendar.next_business_day(self.day)

    def settle(self) -> None:
        """Settle the date that is due, the open one with its cut when nothing waits."""
        prices = {name: self.price(name) for name in self.open_contracts()}
        due = self.cuts[0] if self.cuts else self.day
        if self.control("prices", kind="end_of_day", date=format_date(due), prices=prices, cut=not self.cuts):
            if self.cuts:
                self.cuts.pop(0)
            else:
                self.day = self.calendar.next_business_day(self.day)

    def correct(self) -> None:
        """Correct a settlement price of the last days."""
        contract = self.random.choice(list(TICKS))
        settled = [day for day, _ in self.clearing.gateway.state.listed[contract].settled[-3:]]
        if settled:
            self.control(
                "correct_settlement",
                contract=contract,
                date=format_date(self.random.choice(settled)),
                price=self.price(contract),
            )

    def final(self) -> None:
        """Settle a contract finally, while at least one stays open."""
        if len(self.open_contracts()) > 1:
            contract = self.random.choice(list(TICKS))
            self.control(
                "final", contract=contract, date=format_date(self.day), price=self.price(contract), status="final"
            )

    def terms(self) -> None:
        """Change fee, tick and correction days, at once or from one of the next dates on; seldom from one that is over.

        The finer tick takes every price of this test, so that no trade is refused for it.
        """
        name = self.random.choice(list(TICKS))
        [document] = [one for one in TERMS if one["contract"] == name]
        changed = {
            "fee": self.random.choice(["0", "3"] if name == "J" else ["0", "0.35", "0.50"]),
            "tick": self.random.choice([document["tick"], format_price(TICKS[name] // 5)]),
            "correction_days": self.random.choice(["2", "5"]),
        }
        dates = ["2026-11-20", *(format_date(self.calendar.add_business_days(self.day, days)) for days in range(4))]
        since = {"effective_date": self.random.choice(dates)} if self.random.random() < 0.8 else {}
        self.control("listing", **{**document, **changed, **since})


@pytest.mark.rule(
    "VM-1",
    "VM-2",
    "VM-3",
    "VM-4",
    "ITD-1",
    "COR-1",
    "COR-2",
    "GUP-1",
    "GUP-2",
    "AVG-1",
    "TRF-1",
    "FSP-3",
    "ACC-1",
    "TRM-1",
)
@pytest.mark.parametrize("seed", range(8))
def test_both_engines_agree_on_generated_days(seed: int) -> None:
    """Whatever is traded, corrected, moved and settled, both engines print the same and no invariant breaks."""
    house = House(seed, 1 + seed % 4)
    for _ in range(120):
        house.step()
    assert house.clearing.cycles, house.done


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 600))
def test_a_hundred_thousand_steps(seed: int) -> None:
    """The same over 100,000 steps."""
    house = House(seed, 1 + seed % 4)
    for _ in range(200):
        house.step()
