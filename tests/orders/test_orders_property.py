"""However a log is cut into batches, and wherever a snapshot is taken, the orders fold says the same bytes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.folds.fold import Output
from settlement.folds.orders import OrdersFold
from tests.orders.records import (
    D1,
    D2,
    D3,
    IN_WINDOW,
    Named,
    cut,
    listing,
    order,
    pieces,
    prices,
    quote,
    trade,
    values,
)

CONTRACTS = st.sampled_from(("A", "B"))
DATES = st.sampled_from((D1, D2, D3))
PRICES = st.integers(-3, 3).map(lambda ticks: f"{'-' if ticks < 0 else ''}{abs(ticks)}.00{abs(ticks)}")
DAY = {"window": "day", "zone": "UTC", "tiers": ["last-in-quote", "vwap", "curve", "previous"]}
KINDS = st.sampled_from(("end_of_day", "intraday", "correction", "final", "opening"))

EVENTS = st.one_of(
    st.builds(
        trade,
        st.sampled_from(("T1", "T2", "T3")),
        st.integers(-3, 3).filter(bool),
        PRICES,
        st.sampled_from((IN_WINDOW, None)),
        contract=CONTRACTS,
        date=DATES,
    ),
    st.builds(quote, st.none() | PRICES, st.none() | PRICES, contract=CONTRACTS, date=DATES),
    st.builds(
        order,
        st.sampled_from(("1", "2", "3")),
        st.sampled_from(("BUY", "SELL")),
        PRICES,
        st.integers(0, 2),
        st.sampled_from(("new", "replaced", "filled", "cancelled")),
        contract=CONTRACTS,
    ),
    st.builds(lambda date: cut(date, date + 1), DATES),
    st.builds(
        lambda date, contract, price, kind: prices(date, {contract: price}, kind=kind), DATES, CONTRACTS, PRICES, KINDS
    ),
    st.builds(lambda contract, date: listing(contract, 1, settlement=DAY, version=2, effective=date), CONTRACTS, DATES),
)


def run(log: list[bytes], ends: list[int], *, restored: bool) -> tuple[list[Output], bytes]:
    """Return outputs and state after reading a log in batches, with a live look and maybe a restart between them."""
    fold, outputs, start = OrdersFold(1), list[Output](), 0
    for end in [*ends, len(log)]:
        outputs += fold.apply(pieces(log[start:end]))
        start = end
        if restored:
            fold.live()
            fold = OrdersFold.restore(1, fold.snapshot())
    return outputs, fold.snapshot()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=25), st.data())
def test_batches_and_snapshots_change_nothing(events: list[Named], data: st.DataObject) -> None:
    """Outputs and state are the same bytes read at once, in any batches, and restored after every batch."""
    log = values([listing("A"), listing("B", 2, settlement=DAY), *events, cut()])
    ends = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    whole = run(log, [], restored=False)
    assert run(log, ends, restored=False) == whole
    assert run(log, ends, restored=True) == whole


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), PRICES), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_order_and_splitting_do_not_move_the_average(trades: list[tuple[int, str]], random: object) -> None:
    """The window's average is the same in any order, split into single lots, and with a busted trade among them."""
    whole = [trade(f"T{n}", lots, price) for n, (lots, price) in enumerate(trades)]
    single = [trade(f"T{n}-{k}", 1, price) for n, (lots, price) in enumerate(trades) for k in range(lots)]
    random.shuffle(single)  # type: ignore[attr-defined]
    busted = [trade("X", 7, "9.000"), *whole, trade("X", -7, "9.000")]
    found = set()
    for events in (whole, single, busted):
        fold = OrdersFold(0)
        fold.apply(pieces(values([listing("A"), *events])))
        found.add(fold.tiers(D1)[0]["tiers"][0]["price_nano"])
    assert len(found) == 1
