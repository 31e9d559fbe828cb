"""A log of `fills` written by hand, record by record: what the gateway would write, without the gateway."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from settlement.domain.currency import DECIMALS
from settlement.domain.margin import CycleKey
from settlement.domain.money import NANO, Rounding, parse_decimal, value_minor
from settlement.run.engine import Engine
from settlement.wire import codec
from settlement.wire.columns import Columns
from settlement.wire.partition import partition_of

MONDAY, TUESDAY, WEDNESDAY = 20261123, 20261124, 20261125


def signed(side: str, lots: int) -> int:
    """Return lots as a position gains them."""
    return lots if side == "BUY" else -lots


@dataclass
class Logbook:
    """Records by partition; change them in `records` before the engine reads them to break a rule."""

    partitions: int = 2
    date: int = MONDAY
    records: dict[int, list[tuple[str, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    terms: dict[str, dict[str, Any]] = field(default_factory=dict)
    trades: int = 0
    numbers: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        """Have every partition, even when nothing of it follows."""
        for partition in range(self.partitions):
            self.records[partition] = []

    def emit(self, partition: int, name: str, **record: Any) -> dict[str, Any]:
        """Write one record with the partition's next stream_seq."""
        written = {"stream_seq": len(self.records[partition]), **record}
        self.records[partition].append((name, written))
        return written

    def everywhere(self, name: str, **record: Any) -> list[dict[str, Any]]:
        """Write one record to every partition."""
        return [self.emit(partition, name, **record) for partition in range(self.partitions)]

    def listing(
        self,
        contract: str = "GPUH",
        *,
        currency: str = "USD",
        size: str = "730",
        rounding: str = "half-up",
        fee: str = "0",
    ) -> None:
        """List a contract; its version is one more than the last."""
        decimals = DECIMALS[currency]
        terms = {
            "contract": contract, "ordinal": 1, "version": self.terms.get(contract, {}).get("version", 0) + 1,
            "effective_date": self.date, "currency": currency, "currency_decimals": decimals,
            "size_nano": parse_decimal(size, NANO), "tick_nano": 1, "rounding": rounding,
            "fee_minor": parse_decimal(fee, decimals), "document": "{}", "document_sha256": "", "control_id": "L",
        }  # fmt: skip
        self.terms[contract] = terms
        self.everywhere("listing", **terms)

    def account(self, name: str, *, member: str = "", origin: str = "HOUSE", positions: str = "NET") -> None:
        """Open an account."""
        self.emit(
            partition_of(name, self.partitions),
            "account",
            account=name,
            member=member or name,
            origin=origin,
            positions=positions,
            control_id="A",
        )

    def accounts(self, *names: str) -> None:
        """Open net house accounts, each of a member of its name."""
        for name in names:
            self.account(name)

    def value(self, contract: str, price: str) -> int:
        """Return V(price)."""
        terms = self.terms[contract]
        return value_minor(
            parse_decimal(price, NANO), terms["size_nano"], terms["currency_decimals"], Rounding(terms["rounding"])
        )

    def fill(self, account: str, side: str, lots: int, price: str, **changes: Any) -> dict[str, Any]:
        """Write one side."""
        contract = changes.pop("contract", "GPUH")
        kind = changes.get("kind", "trade")
        record = {
            "business_date": self.date, "trade_date": self.date, "kind": kind,
            "fill_id": f"T{self.trades}/{side}/{account}", "trade_id": f"T{self.trades}", "account": account,
            "contract": contract, "side": side, "position_effect": "OPEN", "lots": lots,
            "price_nano": parse_decimal(price, NANO), "value_minor": self.value(contract, price),
            "fee_minor": 0 if kind == "carry" else -self.terms[contract]["fee_minor"] * abs(lots),
            "cres_minor": 0, "adj_minor": 0, "trade_type": "regular", "executed_at_us": -1, "feed": "",
            "source_seq": self.trades, "corrects": "", "control_id": "",
        }  # fmt: skip
        return self.emit(partition_of(account, self.partitions), "fill", **{**record, **changes})

    def trade(self, buyer: str, seller: str, lots: int, price: str, **changes: Any) -> str:
        """Write both sides of a trade; return its id."""
        self.trades += 1
        effects = changes.pop("effects", ("OPEN", "OPEN"))
        self.fill(buyer, "BUY", lots, price, position_effect=effects[0], **changes)
        self.fill(seller, "SELL", lots, price, position_effect=effects[1], **changes)
        return f"T{self.trades}"

    def carry(self, price: str, positions: dict[str, int], contract: str = "GPUH") -> None:
        """Bring a book forward at a price."""
        self.trades += 1
        for account, lots in positions.items():
            self.fill(account, "BUY" if lots > 0 else "SELL", abs(lots), price, contract=contract, kind="carry")
        self.prices("opening", {contract: price})

    def bust(self, trade: str) -> None:
        """Reverse every fill of a trade on the open date."""
        for partition in range(self.partitions):
            for name, original in list(self.records[partition]):
                if name == "fill" and original["trade_id"] == trade and not original["corrects"]:
                    negated = {key: -original[key] for key in ("lots", "fee_minor", "cres_minor", "adj_minor")}
                    changes = {
                        "kind": "bust",
                        "corrects": original["fill_id"],
                        "fill_id": original["fill_id"] + "/bust",
                        "business_date": self.date,
                    }
                    self.emit(
                        partition,
                        "fill",
                        **{**{k: v for k, v in original.items() if k != "stream_seq"}, **negated, **changes},
                    )

    def prices(
        self, kind: str, prices: dict[str, str], *, date: int = 0, effective: int = 0, tier: str = "given"
    ) -> CycleKey:
        """Write the prices of a cycle to every partition."""
        date = date or self.date
        self.numbers[date, kind] += 1
        listed = [
            {
                "contract": contract,
                "price_nano": parse_decimal(price, NANO),
                "value_minor": self.value(contract, price),
                "tier": tier,
            }
            for contract, price in sorted(prices.items())
        ]
        key = CycleKey(date, kind, self.numbers[date, kind])
        self.everywhere(
            "prices", **key._asdict(), effective_date=effective or date, prices=listed, control_id=f"P-{kind}"
        )
        return key

    def cut(self, next_date: int, **changes: Any) -> None:
        """Close the open date with right control sums."""
        for partition in range(self.partitions):
            fills = [
                record
                for name, record in self.records[partition]
                if name == "fill" and record["business_date"] == self.date
            ]
            sums = {
                "fills": len(fills),
                "lots": sum(f["lots"] for f in fills),
                "absolute_lots": sum(abs(f["lots"]) for f in fills),
                "lots_value_minor": sum(signed(f["side"], f["lots"]) * f["value_minor"] for f in fills),
            }
            record = {
                "business_date": self.date,
                "next_date": next_date,
                **sums,
                "sessions": [],
                "open_breaks": [],
                "control_id": "C",
            }
            self.emit(partition, "cut", **{**record, **changes})
        self.date = next_date

    def settle(self, prices: dict[str, str], next_date: int = 0) -> CycleKey:
        """Cut the open date and give it its prices."""
        date = self.date
        self.cut(next_date or date + 1)
        return self.prices("end_of_day", prices, date=date)

    def values(self, partition: int) -> list[bytes]:
        """Return the framed bytes of a partition's records."""
        return [codec.encode(name, record) for name, record in self.records[partition]]

    def engine(self) -> Engine:
        """Return an engine that has read everything."""
        engine = Engine(threads=1)
        decode = Columns(engine.columnar)
        for partition in range(self.partitions):
            values = self.values(partition)
            engine.load(partition, decode(b"".join(values), [len(value) for value in values]))
        return engine

    def find(self, trade: str, account: str) -> dict[str, Any]:
        """Return the first fill of a trade and account, to change it."""
        return next(
            record
            for records in self.records.values()
            for name, record in records
            if name == "fill" and record["trade_id"] == trade and record["account"] == account
        )
