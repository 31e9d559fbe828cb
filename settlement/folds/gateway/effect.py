"""What a control would do, tried on a copy of the fold: its fills, and each member's cash (rule COR-3)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from settlement.domain.account import CLEARING_HOUSE, FEES, Origin
from settlement.folds.gateway.writing import FILLS, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from settlement.domain.contract import Contract
    from settlement.domain.rejection import Rejection
    from settlement.folds.gateway.fold import GatewayFold
    from settlement.folds.gateway.state import Listed, Opened

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CashEffect:
    """What a member's house or clients would receive (+) or pay (-) in one currency; never zero.

    member, origin: CCP and fees for the clearing house's fee account, so a currency's effects sum to 0 (rule VM-4).
    """

    member: str
    origin: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """The last settlement price that a contract's fills are valued at.

    date: yyyymmdd of that price, 0 for one of a book brought forward.  price_nano, value_minor: None where the contract
    was never settled; its fills are then valued at their own prices, and only fees and cash show.
    """

    contract: str
    date: int
    price_nano: int | None
    value_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a control would do if it were applied now.

    open_date: the date (yyyymmdd) its fills would belong to, 0 before the first.
    """

    open_date: int
    rejection: Rejection | None
    fills: tuple[Record, ...]
    valuations: tuple[Valuation, ...]
    cash: tuple[CashEffect, ...]


def effect_of(fold: GatewayFold, control: dict[str, Any]) -> Effect:
    """Apply a control to a copy of the fold, which is spent by it, and return what came of it."""
    valuations = {name: _valuation(name, listed) for name, listed in fold.state.listed.items()}
    books = {name: {account: held.net for account, held in book.items()} for name, book in fold.state.holdings.items()}
    step = fold.control(control)
    fills = tuple(one.record for one in step.emissions if (one.topic, one.name) == (FILLS, "fill"))
    moves = [_moved_by_fill(fill, valuations[fill["contract"]]) for fill in fills]
    for price in _final_prices(step):
        moves += _moved_by_final(books.get(price["contract"], {}), valuations[price["contract"]], price)
    return Effect(
        open_date=fold.state.open.date if fold.state.open else 0,
        rejection=step.rejection,
        fills=fills,
        valuations=tuple(valuations[name] for name in sorted({move.contract for move in moves})),
        cash=tuple(_by_member(fold.state.accounts, fold.contracts, moves)),
    )


def override_effect(fold: GatewayFold, day: int, overrides: Mapping[str, tuple[int, int]]) -> tuple[CashEffect, ...]:
    """Return what a date that is cut pays at prices by hand less what it pays at the tiers' (rule DSP-1).

    It is the lots of the book at the cut x (V(by hand) - V(tiers)).

    overrides: by contract, the price by hand and the tiers', 1e-9 of the currency unit.
    """
    moves = []
    for name, (by_hand_nano, tiers_nano) in sorted(overrides.items()):
        contract = fold.contracts[name]
        change_minor = contract.value_minor(by_hand_nano) - contract.value_minor(tiers_nano)
        moves += [
            _Move(account=account, contract=name, cash_minor=lots * change_minor)
            for account, lots in sorted(fold.state.book_after(name, day).items())
        ]
    return tuple(_by_member(fold.state.accounts, fold.contracts, moves))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """What one account would receive (+) or pay (-): marked and other cash, and its fee."""

    account: str
    contract: str
    cash_minor: int
    fee_minor: int = 0


def _valuation(name: str, listed: Listed) -> Valuation:
    date = listed.settled[-1][0] if listed.settled else 0
    return Valuation(contract=name, date=date, price_nano=listed.previous_nano, value_minor=listed.previous_minor)


def _moved_by_fill(fill: Record, valuation: Valuation) -> _Move:
    """Return lots x (V(settlement) - V(its price)) on the fill's side, its residual, adjustment and fee (COR-3)."""
    signed_lots: int = fill["lots"] if fill["side"] == "BUY" else -fill["lots"]
    change_minor: int = 0 if valuation.value_minor is None else valuation.value_minor - fill["value_minor"]
    cash_minor = signed_lots * change_minor + fill["cres_minor"] + fill["adj_minor"]
    return _Move(account=fill["account"], contract=fill["contract"], cash_minor=cash_minor, fee_minor=fill["fee_minor"])


def _final_prices(step: Step) -> list[Record]:
    """Return the prices of the final cycle that a control begins, once, although every partition gets them."""
    finals = [one.record["prices"] for one in step.emissions if (one.topic, one.name) == (FILLS, "prices")
              and one.record["kind"] == "final"]  # fmt: skip
    return list(finals[0]) if finals else []


def _moved_by_final(book: Mapping[str, int], valuation: Valuation, price: Record) -> list[_Move]:
    """Return lots x (V(final) - V(settlement)) of everybody who holds the contract (rule FSP-3)."""
    change_minor: int = 0 if valuation.value_minor is None else price["value_minor"] - valuation.value_minor
    return [
        _Move(account=account, contract=valuation.contract, cash_minor=lots * change_minor)
        for account, lots in sorted(book.items())
    ]


def _by_member(
    accounts: Mapping[str, Opened], contracts: Mapping[str, Contract], moves: Iterable[_Move]
) -> Iterator[CashEffect]:
    """Yield the sums by member, origin and currency; fees are the house's, and the fee account has the other side."""
    amounts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for move in moves:
        account, currency = accounts[move.account], contracts[move.contract].currency
        amounts[account.member, account.origin, currency] += move.cash_minor
        amounts[account.member, Origin.HOUSE.value, currency] += move.fee_minor
        amounts[CLEARING_HOUSE, FEES, currency] -= move.fee_minor
    for (member, origin, currency), amount in sorted(amounts.items()):
        if amount:
            yield CashEffect(member=member, origin=origin, currency=currency, amount_minor=amount)
