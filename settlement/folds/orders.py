"""The orders fold: the market of one `orders` partition, and what the tiers of daily settlement say at a cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from settlement.folds.fold import Output
from settlement.folds.market import ContractMarket, DayMarket, Json, Terms
from settlement.wire import codec
from settlement.wire.columns import Piece

_MARKET = "market"
_PRIOR_KINDS = frozenset(("end_of_day", "opening"))


@dataclass(slots=True)
class CutMarket:
    """A date that was cut: the cut's stream_seq, and the trades and quotes per contract that stood there."""

    stream_seq: int
    date: int
    days: dict[str, DayMarket]
    terms: dict[str, Terms]
    answered: bool = False


class OrdersFold:
    """Orders, public trades and quotes of one partition to live quotes and, at each cut, records `tier_prices`.

    A date's tiers need the prior settlement price, so a cut that follows another one before that one's prices came is
    answered when they come,
    still on what stood at the cut. Records of a contract that is not listed here, or is finally settled, change
    nothing.
    """

    name: str = "orders"
    version: int = 1
    columnar: ClassVar[dict[str, list[str]]] = {}

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._next_seq = 0
        self._open_date = 0  # the date that the last cut opened; 0 before the first
        self._contracts: dict[str, ContractMarket] = {}
        self._unsettled: list[CutMarket] = []  # in the order of their cuts
        self._changed: set[str] = set()  # for the live view; no part of the state
        self._emitting: list[Output] = []

    def apply(self, pieces: Sequence[Piece]) -> list[Output]:
        """Fold records that follow each other; return the tier prices that cuts among them ask for."""
        self._emitting = []
        for piece in pieces:
            for record in piece.records:
                self._apply(piece.name, record)
        emitted, self._emitting = self._emitting, []
        return emitted

    def live(self) -> list[Output]:
        """Return a `best_quote` of every contract that changed since the last call, sorted by contract."""
        changed, self._changed = sorted(self._changed & self._contracts.keys()), set()
        return [self._output("best_quote", contract, self._best_quote(contract)) for contract in changed]

    def tiers(self, business_date: int) -> list[dict[str, Any]]:
        """Return the records `tier_prices` that a cut of a date would emit here, or will, when it waits for prices."""
        for cut in self._unsettled:
            if cut.date == business_date and not cut.answered:
                return self._tier_prices(cut)
        days = {name: market.days.get(business_date, DayMarket()) for name, market in self._contracts.items()}
        terms = {name: market.terms_of(business_date) for name, market in self._contracts.items()}
        return self._tier_prices(CutMarket(self._next_seq, business_date, days, terms))

    def snapshot(self) -> bytes:
        """Return the state as canonical JSON."""
        unsettled = [
            [
                cut.stream_seq,
                cut.date,
                cut.answered,
                {name: [day.to_json(), _terms_json(cut.terms[name])] for name, day in cut.days.items()},
            ]
            for cut in self._unsettled
        ]
        state = {
            "next_seq": self._next_seq,
            "open_date": self._open_date,
            "contracts": {name: market.to_json() for name, market in self._contracts.items()},
            "unsettled": unsettled,
        }
        return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def restore(cls, partition: int, state: bytes) -> OrdersFold:
        """Return the fold of a snapshot; its first live view shows every contract."""
        fold, content = cls(partition), json.loads(state)
        fold._next_seq, fold._open_date = content["next_seq"], content["open_date"]
        fold._contracts = {name: ContractMarket.from_json(market) for name, market in content["contracts"].items()}
        fold._changed = set(fold._contracts)
        for stream_seq, date, answered, frozen in content["unsettled"]:
            days = {name: DayMarket.from_json(day) for name, (day, _) in frozen.items()}
            terms = {name: Terms(*of) for name, (_, of) in frozen.items()}
            fold._unsettled.append(CutMarket(stream_seq, date, days, terms, answered))
        return fold

    def _apply(self, name: str, record: Json) -> None:
        self._next_seq = record["stream_seq"] + 1
        if name == "cut":
            self._cut(record)
        elif name == "prices":
            self._prices(record)
        elif name == "listing":
            self._list(record)
        elif name in {"order", "public_trade", "quote"} and record["contract"] in self._contracts:
            self._market(name, record)

    def _market(self, name: str, record: Json) -> None:
        market = self._contracts[record["contract"]]
        self._changed.add(record["contract"])
        if name == "order":
            market.order(record)
            return
        date = max(record["business_date"], self._open_date)  # what comes after a cut belongs to the next date
        if name == "quote":
            market.quote(date, record)
        else:
            market.days.setdefault(date, DayMarket()).trade(record)

    def _list(self, record: Json) -> None:
        document = json.loads(record["document"])
        part = json.dumps(document.get("daily_settlement"), sort_keys=True, separators=(",", ":"))
        terms = Terms(record["effective_date"], record["version"], record["tick_nano"], part)
        market = self._contracts.get(record["contract"])
        if market is None:
            self._contracts[record["contract"]] = ContractMarket(record["ordinal"], [terms])
        else:
            market.list_terms(terms)
        self._changed.add(record["contract"])

    def _cut(self, record: Json) -> None:
        date = record["business_date"]
        terms = {name: market.terms_of(date) for name, market in self._contracts.items()}
        days = {name: market.close(date) for name, market in self._contracts.items()}
        self._open_date = record["next_date"]
        self._changed.update(self._contracts)
        self._unsettled.append(CutMarket(record["stream_seq"], date, days, terms))
        self._answer()

    def _prices(self, record: Json) -> None:
        for priced in record["prices"]:
            self._price(record, priced["contract"], priced["price_nano"])
        if record["kind"] == "end_of_day":
            self._unsettled = [cut for cut in self._unsettled if cut.date > record["business_date"]]
            self._answer()

    def _price(self, record: Json, contract: str, price_nano: int) -> None:
        """Take a price as the prior one; a corrected one only where its date settled last (rule COR-2)."""
        market, date = self._contracts.get(contract), record["effective_date"]
        if market is None:
            return
        if record["kind"] == "final":
            del self._contracts[contract]
        elif record["kind"] in _PRIOR_KINDS or (record["kind"] == "correction" and date == market.previous_date):
            market.previous_nano, market.previous_date = price_nano, date

    def _answer(self) -> None:
        """Emit the tiers of the first date that is cut and not settled, once."""
        if self._unsettled and not self._unsettled[0].answered:
            cut = self._unsettled[0]
            self._emitting += [self._output("tier_prices", one["contract"], one) for one in self._tier_prices(cut)]
            cut.answered, cut.days, cut.terms = True, {}, {}

    def _tier_prices(self, cut: CutMarket) -> list[Json]:
        records = [
            self._tier_record(cut, name, self._contracts[name]) for name in sorted(cut.days) if name in self._contracts
        ]
        records = records or [self._tier_record(cut, "", None)]
        records[-1]["last"] = True
        return records

    def _tier_record(self, cut: CutMarket, contract: str, market: ContractMarket | None) -> Json:
        """Return one record; without a contract, the one that says that a partition without contracts has answered."""
        return {
            "stream_seq": cut.stream_seq,
            "partition": self._partition,
            "business_date": cut.date,
            "contract": contract,
            "ordinal": market.ordinal if market else 0,
            "previous_nano": market.previous_nano if market else None,
            "tiers": market.tiers(cut.date, cut.days[contract], cut.terms[contract]) if market else [],
            "last": False,
        }

    def _best_quote(self, contract: str) -> Json:
        market = self._contracts[contract]
        bid_nano, ask_nano = market.best()
        day = market.days[max(market.days)] if market.days else DayMarket()
        last_nano = day.last_nano()
        return {
            "stream_seq": self._next_seq,
            "contract": contract,
            "bid_nano": bid_nano,
            "ask_nano": ask_nano,
            "last_nano": market.last_nano if last_nano is None else last_nano,
            "open_orders": len(market.orders),
            "day_lots": day.lots,
        }

    def _output(self, name: str, contract: str, record: Json) -> Output:
        return Output(topic=_MARKET, key=contract, value=codec.encode(name, record))


def _terms_json(terms: Terms) -> list[object]:
    return [terms.effective_date, terms.version, terms.tick_nano, terms.daily_settlement]
