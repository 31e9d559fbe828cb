"""Every refusal of the gateway's fold: its code, its words, and that nothing of it took effect."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from settlement.domain.feed import Effect, IndexObserved, TradeReported, TradeType, Unreadable
from settlement.domain.rejection import Code
from settlement.folds.gateway import GatewayFold, Step
from tests.gateway.test_fold_properties import books

Json = dict[str, Any]
GPUH: Json = {"contract": "GPUH", "size": "730", "tick": "0.001", "fee": "0.35", "cap": "100", "floor": "-100"}
BIG: Json = {"contract": "BIG", "size": "1", "tick": "0.01", "currency": "USD"}
CREDIT = 10**9


class House:
    """A fold with GPUH and BIG listed, net accounts A and B, a gross account G, and 2026-08-03 open."""

    def __init__(self) -> None:
        self.fold = GatewayFold(2)
        self.controls = self.seq = 0
        self.tell("listing", **GPUH)
        self.tell("listing", **BIG)
        for name in "AB":
            self.tell("account", account=name, member=name, origin="house", positions="net")
        self.tell("account", account="G", member="G", origin="client", positions="gross")
        self.tell("open", date="2026-08-03")
        self.tell("series", series="IDX", value_per_provider="last", across_providers="median", precision=4)

    def control(self, kind: str, /, control_id: str = "", approved_by: str = "bob", **payload: Any) -> Step:
        """Apply a control; `from_` stands for `from`."""
        self.controls += 1
        named = {key.rstrip("_"): value for key, value in payload.items()}
        return self.fold.control({"control_id": control_id or f"C{self.controls}", "kind": kind, "requested_by": "ann",
                                  "approved_by": approved_by, "reason": "", "payload": named})  # fmt: skip

    def tell(self, kind: str, /, **payload: Any) -> Step:
        """Apply a control that is accepted."""
        step = self.control(kind, **payload)
        assert step.rejection is None, step.rejection
        return step

    def trade(
        self, trade_id: str = "T1", lots: int = 10, price_nano: int = 2_350_000_000, contract: str = "GPUH",
        sides: tuple[str, str] = ("A", "B"), effects: tuple[Effect, Effect] = ("OPEN", "OPEN"),
        trade_type: TradeType = "regular",
    ) -> Step:  # fmt: skip
        """Report a matched trade."""
        self.seq += 1
        return self.fold.report(
            "feed",
            TradeReported(source_seq=self.seq, trade_id=trade_id, contract=contract, buyer=sides[0], seller=sides[1],
                          lots=lots, price_nano=price_nano, at_us=-1, buyer_effect=effects[0],
                          seller_effect=effects[1], trade_type=trade_type),
        )  # fmt: skip

    def settle(self, date: str = "2026-08-03", **prices: str) -> Step:
        """Cut and settle a date at once."""
        return self.tell("prices", date=date, kind="end_of_day", cut=True, prices=prices or {"GPUH": "2.362"})


def settled() -> House:
    """A house whose first date, with one trade, is settled."""
    house = House()
    house.trade()
    house.settle()
    return house


def traded() -> House:
    """A house with one trade."""
    house = House()
    house.trade()
    return house


def expired() -> House:
    """A house with a contract whose last trading day is the open date before."""
    house = House()
    house.tell("listing", contract="OLD", size="1", tick="0.01", last_trade="2026-08-03")
    house.tell("cut", date="2026-08-03")
    return house


def closed() -> House:
    """A house that settled GPUH finally."""
    house = settled()
    house.tell("final", contract="GPUH", date="2026-08-04", price="2.4", status="final")
    return house


def late() -> House:
    """A house where six business days have passed since its one trade."""
    house = traded()
    for day in ("03", "04", "05", "06", "07", "10"):
        house.settle(f"2026-08-{day}")
    return house


def averaged() -> House:
    """A house whose trade was averaged."""
    house = traded()
    house.tell("average", account="A", contract="GPUH", side="buy", trades=["T1"])
    return house


class Unopened(House):
    """A house without an open date."""

    def tell(self, kind: str, /, **payload: Any) -> Step:
        """Leave the first date closed."""
        return Step() if kind == "open" else super().tell(kind, **payload)


def busted() -> House:
    """A house whose one trade was busted."""
    house = traded()
    house.tell("bust", trade="T1")
    return house


def broken() -> House:
    """A house with one open break."""
    house = House()
    house.trade(lots=0)
    return house


ANSWER: Final = {"payment": "2026-08-03/end_of_day/1/A/HOUSE/USD", "state": "instructed", "amount": "-1.00"}

OWN: Final = {"account": "N", "member": "N", "origin": "house", "positions": "net"}

CASES: list[tuple[Code, Callable[[], House], Callable[[House], Step]]] = [
    (Code.MALFORMED, House, lambda h: h.control("cut", date="yesterday")),
    (Code.MALFORMED, House, lambda h: h.control("cut", date="9999-12-31")),
    (Code.MALFORMED, House, lambda h: h.control("nonsense")),
    *((Code.MALFORMED, House, lambda h, own=own: h.control("account", **{**OWN, **own})) for own in (
        {"account": "CCP"}, {"account": "CCP/fees"}, {"member": "CCP"}, {"member": "CCP/bank"})),
    (Code.MALFORMED, House, lambda h: h.control("listing", contract="X", size="1", tick="0")),
    (Code.MALFORMED, traded,
     lambda h: h.control("give_up", trade="T1", side="buy", to={"B": "1"}, open_close="maybe")),
    (Code.MALFORMED, traded,
     lambda h: h.control("transfer", contract="GPUH", from_="A", to="B", lots=1, price="2.350",
                                                  position=[])),
    (Code.MALFORMED, traded,
     lambda h: h.control("average", account="A", contract="GPUH", side="buy", trades=[["T1"], ["T1"]])),
    *((Code.MALFORMED, House, lambda h, wrong=wrong: h.control("bank", **{**ANSWER, **wrong})) for wrong in (
        {"payment": "2026-08-03/end_of_day/1/A/HOUSE"}, {"payment": "2026-08-03/end_of_day/01/A/HOUSE/USD"},
        {"payment": "2026-08-03/bank/1/A/HOUSE/USD"}, {"payment": "2026-08-03/end_of_day/1/A/HOUSE/XXX"},
        {"payment": f"2026-08-03/end_of_day/1/{'A' * 200}/HOUSE/USD"}, {"state": "calculated"}, {"state": "failed"},
        {"amount": "1.001"})),
    (Code.LIMIT, House, lambda h: h.control("bank", **{**ANSWER, "amount": "92233720368547758.08"})),
    (Code.WRONG_DATE, Unopened, lambda h: h.control("bank", **ANSWER)),
    (Code.UNKNOWN_CONTRACT, House, lambda h: h.trade(contract="COAL")),
    (Code.UNKNOWN_ACCOUNT, House, lambda h: h.trade(sides=("A", "Z"))),
    (Code.UNKNOWN_TRADE, House, lambda h: h.control("bust", trade="T9")),
    (Code.UNKNOWN_SERIES, House, lambda h: h.control("fix", series="X", date="2026-08-03")),
    (Code.UNKNOWN_BREAK, House, lambda h: h.control("waive", feed="feed", source_seq="1")),
    (Code.DUPLICATE_TRADE, traded, lambda h: h.trade()),
    (Code.DUPLICATE_NAME, House,
     lambda h: h.control("account", account="A", member="A", origin="client", positions="net")),
    (Code.CONTROL_REUSED, House, lambda h: h.control("cut", control_id="C1", date="2026-08-03")),
    (Code.FROZEN_TERMS, traded, lambda h: h.control("listing", **{**GPUH, "size": "731"})),
    (Code.WRONG_DATE, House, lambda h: h.control("cut", date="2026-08-04")),
    (Code.WRONG_DATE, House, lambda h: h.control("open", date="2026-08-04")),
    (Code.WRONG_DATE, Unopened, lambda h: h.trade()),
    (Code.APPROVAL_STALE, settled, lambda h: h.control("bust", trade="T1", approved_for="2026-08-03")),
    (Code.ALREADY_SETTLED, settled,
     lambda h: h.control("prices", date="2026-08-03", kind="end_of_day", prices={"GPUH": "2"})),
    (Code.CONTRACT_CLOSED, closed, lambda h: h.trade("T2")),
    (Code.AFTER_LAST_TRADE, expired, lambda h: h.trade(contract="OLD")),
    (Code.BAD_LOTS, House, lambda h: h.trade(lots=0)),
    (Code.BAD_LOTS, House, lambda h: h.trade(lots=-1)),
    (Code.OFF_TICK, House, lambda h: h.trade(price_nano=2_350_500_000)),
    (Code.PRICE_LIMIT, House, lambda h: h.trade(price_nano=100_001_000_000)),
    (Code.PRICE_LIMIT, House, lambda h: h.trade(price_nano=-100_001_000_000)),
    (Code.ALREADY_CARRIED, settled,
     lambda h: h.control("carry", contract="GPUH", price="2", positions={"A": 1, "B": -1})),
    (Code.ALREADY_BUSTED, busted, lambda h: h.control("bust", trade="T1")),
    (Code.ALREADY_MOVED, averaged,
     lambda h: h.control("average", account="A", contract="GPUH", side="buy", trades=["T1"])),
    (Code.NOT_PENDING, traded, lambda h: h.control("accept_give_up", claim="C9", account="A")),
    (Code.TOO_LATE, late, lambda h: h.control("bust", trade="T1")),
    (Code.GROSS_CLOSED, House, lambda h: h.trade(sides=("G", "B"), effects=("CLOSE", "OPEN"))),
    (Code.NOT_HELD, traded,
     lambda h: h.control("transfer", contract="GPUH", from_="A", to="B", lots="11", price="2.350")),
    (Code.UNBALANCED, House, lambda h: h.control("carry", contract="GPUH", price="2", positions={"A": 2, "B": -1})),
    (Code.MISSING_PRICE, traded,
     lambda h: h.control("prices", date="2026-08-03", kind="end_of_day", cut=True, prices={})),
    (Code.NO_PREVIOUS, traded, lambda h: h.control("transfer", contract="GPUH", from_="A", to="B", lots="1")),
    (Code.TWO_PEOPLE, broken, lambda h: h.control("waive", approved_by="ann", feed="feed", source_seq="1")),
    (Code.LIMIT, House, lambda h: h.trade(lots=CREDIT + 1)),
]  # fmt: skip


@pytest.mark.rule("ENT-2")
def test_a_trade_type_has_a_tick_of_its_own() -> None:
    """A block trades and is adjusted on its finer tick; a regular trade and a daily price are held to the tick."""
    house = House()
    house.tell("listing", **{**GPUH, "ticks": {"block": "0.0001"}})
    fine = "2.3505"
    steps = [
        house.trade("T1", price_nano=2_350_500_000, trade_type="block"),
        house.control("adjust", trade="T1", price=fine),
        house.trade("T2", price_nano=2_350_550_000, trade_type="block"),
        house.trade("T3", price_nano=2_350_500_000),
        house.control("prices", date="2026-08-03", kind="end_of_day", cut=True, prices={"GPUH": fine}),
    ]
    assert [step.rejection and step.rejection.code for step in steps] == [None, None, *["OFF_TICK"] * 3]


@pytest.mark.parametrize(
    ("ticks", "code"),
    [
        ({"swap": "0.1"}, "MALFORMED"),
        ({"block": "0"}, "MALFORMED"),
        ("0.1", "MALFORMED"),
        ({"block": "9200000000"}, "LIMIT"),
    ],
)
def test_ticks_that_are_none_are_refused(ticks: object, code: str) -> None:
    """An unknown trade type, an increment of zero or beyond the limit, and no mapping are refused by their key."""
    rejection = House().control("listing", **{**GPUH, "ticks": ticks}).rejection
    assert rejection
    assert rejection.code == code
    assert "tick" in rejection.message


@pytest.mark.parametrize(
    ("terms", "key"),
    [
        ({"position_limit": "0"}, "position_limit"),
        ({"administrator": ""}, "administrator"),
        ({"trading": {"zone": "Chicago"}}, "trading.zone"),
        ({"trading": {"zone": "America/Chicago", "hours": ""}}, "trading.hours"),
        ({"trading": {"zone": "UTC", "days": "all"}}, "trading.days"),
    ],
)
def test_market_terms_of_another_form_are_refused(terms: Json, key: str) -> None:
    """Each of the terms for people is refused by its key, and a sound one is in the log with the rest."""
    rejection = House().control("listing", **{**GPUH, **terms}).rejection
    assert rejection
    assert rejection.message.startswith(f"{key}: Expected ")
    sound = {"position_limit": "20000", "administrator": "SD", "trading": {"zone": "America/Chicago", "hours": "all"}}
    listed = House().tell("listing", **{**GPUH, **sound}).emissions[0].record
    assert json.loads(listed["document"]) == {**GPUH, **sound}


def test_every_code_has_its_case() -> None:
    """No rejection code is without a case below."""
    assert {code for code, _, _ in CASES} == set(Code)


@pytest.mark.rule("ENT-1", "ENT-2", "ENT-3", "ENT-4", "ENT-7", "ENT-8", "ENT-9", "VM-5", "ACC-1", "COR-1", "TRF-1")
@pytest.mark.parametrize(("code", "made", "act"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_a_refusal_says_why_and_changes_nothing(
    code: Code, made: Callable[[], House], act: Callable[[House], Step]
) -> None:
    """Each refusal has its code, its rule, and a text with what was expected and what came; the books stay."""
    house = made()
    before = books(house.fold)
    step = act(house)
    assert step.rejection is not None
    assert step.rejection.code == code
    assert step.emissions == ()
    assert re.search(r"[Ee]xpected .+, was ", step.rejection.message), step.rejection.message
    assert step.rejection.message.endswith(".")
    assert step.rejection.rule.endswith(".")
    assert books(house.fold) == before


def test_of_several_faults_the_first_is_given() -> None:
    """Contract before account, account before a taken id, the id before lots, and lots before the tick."""
    house = traded()
    given = [
        house.trade(contract="COAL", sides=("Y", "Z"), lots=0, price_nano=1),
        house.trade(sides=("Y", "Z"), lots=0, price_nano=1),
        house.trade(lots=0, price_nano=1),
        house.trade("T2", lots=0, price_nano=1),
        house.trade("T2", price_nano=1),
    ]
    codes = [step.rejection.code for step in given if step.rejection]
    assert codes == ["UNKNOWN_CONTRACT", "UNKNOWN_ACCOUNT", "DUPLICATE_TRADE", "BAD_LOTS", "OFF_TICK"]


@pytest.mark.rule("ENT-5")
@pytest.mark.parametrize(
    ("lots", "price_nano", "fits"),
    [
        (CREDIT, 890_000 * 10**9, True),  # 1e9 lots x 89,000,000 minor = 8.9e16
        (CREDIT, 900_000 * 10**9, False),  # 9e16: the limit is exclusive
        (CREDIT + 1, 10**9, False),
        (1, 9_199_999_999_990_000_000, True),
        (1, 9_200_000_000_000_000_000, False),
        (1, -9_199_999_999_990_000_000, True),
        (1, -9_200_000_000_000_000_000, False),
    ],
)
def test_a_trade_at_the_limit_and_one_beyond(lots: int, price_nano: int, *, fits: bool) -> None:
    """Lots, price and worth of a trade are taken at their limits and refused beyond them."""
    step = House().trade(lots=lots, price_nano=price_nano, contract="BIG")
    assert (step.rejection is None) is fits
    assert step.rejection is None or step.rejection.code == Code.LIMIT


@pytest.mark.rule("ENT-5")
def test_a_contracts_day_at_the_limit_and_one_beyond() -> None:
    """All |lots x V| of a contract and date stay at or below 2e18 minor units, both sides of a trade counted."""
    house = House()
    for number in range(20):  # 20 trades x 2 sides x 5e16 = 2e18
        assert house.trade(f"L{number}", CREDIT, 500_000 * 10**9, "BIG").rejection is None
    step = house.trade("ONE", 1, 10_000_000, "BIG")
    assert step.rejection is not None
    assert step.rejection.code == Code.LIMIT


@pytest.mark.rule("ENT-5")
def test_numbers_of_other_records_stay_within_a_long() -> None:
    """Prices of observations and of printed fixings, sizes and ticks are refused where a long could not hold them."""
    house = House()
    beyond = 9_200_000_000 * 10**9
    observed = IndexObserved(source_seq=1, series="IDX", provider="p", price_nano=beyond, quantity_nano=1, at_us=0)
    steps = [
        house.fold.report("index", observed),
        house.control("fixing", series="IDX", date="2026-08-03", value="9200000000"),
        house.control("listing", contract="X", size="9200000000", tick="0.01"),
        house.control("listing", contract="X", size="1", tick="9200000000"),
        house.control("listing", contract="X", size="1", tick="1", fee="900000000000000"),
    ]
    assert [step.rejection and step.rejection.code for step in steps] == [Code.LIMIT] * 5


@pytest.mark.rule("ENT-6")
def test_a_control_counts_once_and_advances_leave_no_trace() -> None:
    """A twin changes nothing; how many advances there were changes no record of a control."""
    plain, busy = traded(), traded()
    for to in (1, 1, 0):
        released = busy.fold.advance({"payload": {"feed": "feed", "from": 1, "to": to}})
        assert list(released) == []
    first, second = (house.control("bust", control_id="B", trade="T1") for house in (plain, busy))
    assert first == second
    assert busy.control("bust", control_id="B", trade="T1") == Step()
    assert plain.fold.snapshot() == busy.fold.snapshot()


def test_the_first_advance_of_a_feed_names_its_first_record() -> None:
    """A feed begins at the `from` of its first advance; later ones release what is ahead, and nothing twice."""
    fold = GatewayFold(1)

    def advance(first: int, last: int) -> range:
        return fold.advance({"payload": {"feed": "f", "from": first, "to": last}})

    assert advance(100, 102) == range(100, 103)
    for seq in (100, 101):
        fold.report("f", Unreadable(source_seq=seq, original=b"", place="", message="Expected x, was y"))
    assert advance(1, 101) == range(102, 102)
    assert advance(1, 103) == range(102, 104)
    with pytest.raises(ValueError, match="Expected number 102 of f, was 104"):
        fold.report("f", Unreadable(source_seq=104, original=b"", place="", message=""))


@pytest.mark.rule("ENT-7")
def test_a_refused_trade_is_open_until_it_is_mended_or_waived() -> None:
    """A refused trade stands in the cut; resubmitted or waived by two people it does not."""
    house = House()
    house.trade("T1", lots=0)
    house.trade("T2", lots=0)
    house.trade("T3", lots=0)
    house.trade("T2")
    house.tell("waive", feed="feed", source_seq="3")
    cut = next(emission.record for emission in house.tell("cut", date="2026-08-03").emissions)
    assert [one["trade_id"] for one in cut["open_breaks"]] == ["T1"]


@pytest.mark.rule("TRF-1", "COR-2", "FSP-2")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("transfer", {"contract": "GPUH", "from_": "A", "to": "B", "lots": "1"}),
        ("correct_settlement", {"contract": "GPUH", "date": "2026-08-03", "price": "2.361"}),
        ("cash_adjustment", {"contract": "GPUH", "from_": "A", "to": "B", "amount": "1.00", "reason": "x"}),
        ("final", {"contract": "GPUH", "date": "2026-08-04", "price": "2.361", "status": "final"}),
    ],
)
@pytest.mark.parametrize("approved_by", ["", "ann"])
def test_what_moves_others_money_needs_two_people(kind: str, payload: Json, approved_by: str) -> None:
    """One person alone is refused, and nothing changes; two are not; within a member a transfer needs one."""
    house = settled()
    before = books(house.fold)
    refused = house.control(kind, approved_by=approved_by, **payload)
    assert refused.rejection is not None
    assert refused.rejection.code is Code.TWO_PEOPLE
    assert books(house.fold) == before
    house.tell("account", account="A2", member="A", origin="client", positions="net")
    within = house.control("transfer", approved_by=approved_by, contract="GPUH", from_="A", to="A2", lots="1")
    assert within.rejection is None
    house.tell(kind, **payload)
