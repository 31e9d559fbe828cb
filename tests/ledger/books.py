"""Makes cycles that keep every rule, from a seed: the books that the ledger's tests post, attack and compare."""

import hashlib
import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from settlement.domain.dates import to_date, to_number
from settlement.ledger.model import (
    BankAnswer,
    CycleId,
    CyclePosting,
    CyclePrice,
    Fee,
    Generation,
    MarginLine,
    OutboxRow,
    PartitionMark,
    Payment,
)
from settlement.ledger.records import PostedPayment

GENERATION = Generation(generation=1, partitions=4, cluster_id="test-cluster")
FIRST_DAY = date(2026, 8, 3)
FRIDAY = 4
CONTRACTS = {"H100-2026-09": "USD", "H200-2026-09": "USD", "TOKEN-2026-09": "CNY"}
ACCOUNTS = [
    (f"{member}-{origin[0]}", member, origin) for member in ("M01", "M02", "M03") for origin in ("HOUSE", "CLIENT")
]


def chain(length: int, seed: int = 1) -> list[CyclePosting]:
    """Return so many cycles, each following the one before: an intraday and an end of day for each date."""
    postings: list[CyclePosting] = []
    for index in range(length):
        day = to_number(FIRST_DAY + timedelta(days=index // 2))
        cycle = CycleId(day, ("intraday", "end_of_day")[index % 2], 1)
        previous = postings[-1].cycle if postings else None
        postings.append(a_cycle(cycle, previous, place=index, seed=seed))
    return postings


def a_cycle(cycle: CycleId, previous: CycleId | None, *, place: int, seed: int = 1) -> CyclePosting:
    """Return one cycle; place: how many cycles lie before it in the log."""
    rng = random.Random(f"{seed}/{cycle}")
    prices = tuple(
        CyclePrice(
            contract=contract, price_nano=rng.randrange(-(10**9), 10**10), value_minor=rng.randrange(10**6), tier="vwap"
        )
        for contract in CONTRACTS
    )
    lines = tuple(line for price in prices for line in _lines(cycle, price, rng))
    return replace(
        CyclePosting(
            cycle=cycle, previous=previous, effective_date=cycle.business_date, control_id=f"prices/{cycle}",
            prices=prices, lines=lines, payments=(), fees=(), marks=marks(place),
            outbox=(
                OutboxRow(topic="settlements", key=str(cycle), value=f"settled {cycle}".encode()),
                OutboxRow(topic="statements", key="M01", value=b"\0\0\0\0\x07a statement"),
                OutboxRow(topic="statements", key="M02", value=b""),
            ),
        ),
        payments=payments(cycle, lines),
        fees=fees(lines),
    )  # fmt: skip


def an_answer(payment: PostedPayment, state: str, *, previous: CycleId, number: int) -> CyclePosting:
    """Return the entry of an answer of the bank that counts; number: of the answers on that date, from 1."""
    day = previous.business_date
    if previous.kind == "end_of_day":
        day = to_number(to_date(day) + timedelta(days=1))
    bank = BankAnswer(
        payment=f"{payment.cycle}/{payment.member}/{payment.origin}/{payment.currency}", member=payment.member,
        origin=payment.origin, currency=payment.currency, state=state, amount_minor=payment.amount_minor,
        reason="closed" if state == "failed" else "", reference="", refused="",
    )  # fmt: skip
    return CyclePosting(
        cycle=CycleId(day, "bank", number), previous=previous, effective_date=day, control_id=f"bank/{number}",
        prices=(), lines=(), payments=(), fees=(), marks=marks(100 + number), outbox=(), bank=bank,
    )  # fmt: skip


def marks(place: int) -> tuple[PartitionMark, ...]:
    """Return the marks of a cycle with so many before it."""
    return tuple(
        PartitionMark(
            partition=p, stream_seq=100 * place + p, rolling_sha256=hashlib.sha256(b"%d/%d" % (place, p)).digest()
        )
        for p in range(GENERATION.partitions)
    )


def payments(cycle: CycleId, lines: tuple[MarginLine, ...]) -> tuple[Payment, ...]:
    """Return the payments of lines by PAY-1, in the plainest way there is; due on the next weekday (PAY-2)."""
    due = to_date(cycle.business_date) + timedelta(days=1)
    while due.weekday() > FRIDAY:
        due += timedelta(days=1)
    owed: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        owed[line.member, line.origin, line.currency] += line.total_minor - line.fee_minor
        owed[line.member, "HOUSE", line.currency] += line.fee_minor
    return tuple(
        Payment(member=member, origin=origin, currency=currency, amount_minor=amount, value_date=to_number(due))
        for (member, origin, currency), amount in owed.items()
        if amount
    )


def fees(lines: tuple[MarginLine, ...]) -> tuple[Fee, ...]:
    """Return what the fee account collects for lines."""
    collected: Counter[str] = Counter()
    for line in lines:
        collected[line.currency] -= line.fee_minor
    return tuple(Fee(currency=currency, amount_minor=amount) for currency, amount in collected.items() if amount)


def _lines(cycle: CycleId, price: CyclePrice, rng: random.Random) -> list[MarginLine]:
    starts, bought, tvar, smtm = (_zero_sum(rng) for _ in range(4))
    return [
        MarginLine(
            business_date=cycle.business_date, kind=cycle.kind, number=cycle.number, account=account, member=member,
            origin=origin, contract=price.contract, currency=CONTRACTS[price.contract], start=starts[i],
            bought=max(bought[i], 0), sold=max(-bought[i], 0), transferred=0, expired=0, end=starts[i] + bought[i],
            start_long=max(starts[i], 0), start_short=max(-starts[i], 0), end_long=max(starts[i] + bought[i], 0),
            end_short=max(-starts[i] - bought[i], 0), positions="NET",
            previous_nano=price.price_nano - 5 if i % 2 else None,
            previous_value_minor=price.value_minor - 3 if i % 2 else None,
            price_nano=price.price_nano, value_minor=price.value_minor, tvar_minor=tvar[i], smtm_minor=smtm[i],
            imtm_minor=0, fmtm_minor=0, cres_minor=0, adj_minor=0, fee_minor=-35 * abs(bought[i]),
        )
        for i, (account, member, origin) in enumerate(ACCOUNTS)
    ]  # fmt: skip


def _zero_sum(rng: random.Random) -> list[int]:
    numbers = [rng.randrange(-500, 500) for _ in ACCOUNTS[1:]]
    return [*numbers, -sum(numbers)]
