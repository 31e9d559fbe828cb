"""Terms from a business date on: what waits, what replaces it, what is refused, and which date keeps which terms."""

from collections.abc import Callable
from typing import Any

import pytest

from settlement.domain.rejection import Code
from settlement.folds.gateway import GatewayFold, Step
from tests.gateway.test_fold_properties import books
from tests.gateway.test_fold_rejections import GPUH, House, Json, traded

MONDAY, TUESDAY, WEDNESDAY = "2026-08-03", "2026-08-04", "2026-08-05"
DEARER = {**GPUH, "fee": "0.50"}


def from_(date: str, **changes: str) -> Json:
    """Return GPUH's terms with changes, from a date on."""
    return {**GPUH, **changes, "effective_date": date}


def listed(step: Step) -> list[Json]:
    """Return the listings that a step writes to the first shard."""
    of = [one.record for one in step.emissions if (one.topic, one.partition, one.name) == ("fills", 0, "listing")]
    return [{key: record[key] for key in ("contract", "version", "effective_date", "fee_minor")} for record in of]


def fee(step: Step) -> int:
    """Return the fee of a trade's first fill."""
    found: int = next(one.record["fee_minor"] for one in step.emissions if one.name == "fill")
    return found


@pytest.mark.rule("TRM-1")
def test_new_terms_wait_for_their_date() -> None:
    """Accepted today, a version writes nothing; the cut that opens its date does, behind the cut, with its own id."""
    house = House()
    told = house.tell("listing", control_id="L-NEW", **from_(TUESDAY, fee="0.50"))
    assert told.emissions == ()
    assert fee(house.trade()) == -350
    cut = house.tell("cut", date=MONDAY)
    assert listed(cut) == [{"contract": "GPUH", "version": 2, "effective_date": 20260804, "fee_minor": 50}]
    first = [
        (one.name, one.record["control_id"]) for one in cut.emissions if (one.topic, one.partition) == ("fills", 0)
    ]
    assert [name for name, _ in first] == ["cut", "listing"]
    assert first[1][1] == "L-NEW"
    assert fee(house.trade("T2")) == -500


@pytest.mark.rule("TRM-1")
def test_a_date_that_never_opens_brings_its_terms_with_the_next_one() -> None:
    """What waits for a Saturday comes into force on Monday; of two for one weekend the last one counts."""
    house = House()
    house.tell("listing", **from_("2026-08-08", fee="0.60"))
    house.tell("listing", **from_("2026-08-09", fee="0.70"))
    for day in (MONDAY, TUESDAY, WEDNESDAY, "2026-08-06"):
        assert listed(house.tell("cut", date=day)) == []
    friday = house.tell("cut", date="2026-08-07")
    assert listed(friday) == [{"contract": "GPUH", "version": 2, "effective_date": 20260810, "fee_minor": 70}]


@pytest.mark.rule("TRM-1")
def test_a_second_version_for_a_date_replaces_the_first() -> None:
    """One date has one version that waits: the last one; terms in force listed for it take the change back."""
    house = House()
    house.tell("listing", **from_(TUESDAY, fee="0.50"))
    house.tell("listing", **from_(TUESDAY, fee="0.60"))
    house.tell("listing", **from_(WEDNESDAY, fee="0.70"))
    house.tell("listing", **from_(WEDNESDAY))
    assert [one["fee_minor"] for one in listed(house.tell("cut", date=MONDAY))] == [60]
    assert [one["fee_minor"] for one in listed(house.tell("cut", date=TUESDAY))] == [35]


@pytest.mark.rule("TRM-1")
def test_the_same_again_changes_nothing() -> None:
    """A version that waits, listed again for its date, leaves the books as they are; so does the one in force."""
    house = House()
    house.tell("listing", **from_(TUESDAY, fee="0.50"))
    before = books(house.fold)
    house.tell("listing", **from_(TUESDAY, fee="0.50"))
    house.tell("listing", **GPUH)
    assert books(house.fold) == before


@pytest.mark.rule("TRM-1")
def test_a_contract_may_be_listed_before_its_first_date() -> None:
    """Until its first date opens nobody can trade it; before the first date of all, every date is waited for."""
    house = House()
    house.tell("listing", **{**from_(TUESDAY), "contract": "NEXT"})
    assert house.trade("N1", contract="NEXT").rejection is not None
    [record] = listed(house.tell("cut", date=MONDAY))
    assert (record["contract"], record["version"]) == ("NEXT", 1)
    assert house.trade("N2", contract="NEXT").rejection is None
    fresh, told = GatewayFold(1), dict.fromkeys(("requested_by", "approved_by", "reason"), "")
    asked = (("listing", from_(MONDAY)), ("listing", from_(TUESDAY, fee="0.50")), ("open", {"date": MONDAY}))
    steps = [fresh.control({"control_id": f"{kind} {payload}", "kind": kind, "payload": payload, **told})
             for kind, payload in asked]  # fmt: skip
    assert [one["fee_minor"] for one in listed(steps[-1])] == [35]
    assert [version.since for version in fresh.state.terms.of("GPUH").pending] == [20260804]


@pytest.mark.rule("TRM-1", "ENT-9")
@pytest.mark.parametrize(
    ("code", "payload"),
    [
        (Code.WRONG_DATE, from_("2026-07-31", fee="0.50")),
        (Code.MALFORMED, from_("tomorrow")),
        (Code.FROZEN_TERMS, from_(WEDNESDAY, size="744")),
        (Code.FROZEN_TERMS, from_(WEDNESDAY, currency="EUR")),
        (Code.FROZEN_TERMS, from_(WEDNESDAY, rounding="down")),
        (Code.FROZEN_TERMS, {**GPUH, "size": "744"}),  # since a version with the old size waits
    ],
)
def test_what_cannot_come_into_force_is_refused(code: Code, payload: Json) -> None:
    """A date that is over, a date that is none, and frozen terms are refused, and nothing changes."""
    house = House()
    house.tell("listing", **from_(TUESDAY, fee="0.50"))
    before = books(house.fold)
    rejection = house.control("listing", **payload).rejection
    assert rejection is not None
    assert rejection.code is code, rejection.message
    assert books(house.fold) == before


@pytest.mark.rule("TRM-1", "ENT-9")
def test_a_contract_without_fills_takes_another_size_at_once() -> None:
    """Nothing was traded and nothing waits: size changes at once; the version that waits for a date may be replaced."""
    house = House()
    assert [one["version"] for one in listed(house.tell("listing", **{**GPUH, "size": "744"}))] == [2]
    house.tell("listing", **{**from_(TUESDAY, size="1"), "contract": "NEXT"})
    house.tell("listing", **{**from_(TUESDAY, size="2"), "contract": "NEXT"})


@pytest.mark.rule("TRM-1")
def test_a_date_that_is_cut_settles_by_its_own_terms() -> None:
    """Coarser tick, lower cap and earlier last trading day come into force between a date's cut and its end of day."""
    house = traded()
    house.tell("listing", **from_(TUESDAY, tick="0.005", cap="2.360", last_trade=TUESDAY))
    house.tell("cut", date=MONDAY)
    prices: dict[str, Any] = {"kind": "end_of_day", "prices": {"GPUH": "2.362"}}
    house.tell("prices", date=MONDAY, **prices)
    house.tell("cut", date=TUESDAY)
    refused = house.control("prices", date=TUESDAY, **prices).rejection
    assert refused is not None
    assert refused.code is Code.OFF_TICK
    house.tell("prices", date=TUESDAY, kind="end_of_day", prices={"GPUH": "2.355"})
    over = house.control("correct_settlement", contract="GPUH", date=TUESDAY, price="2.365").rejection
    assert over is not None
    assert over.code is Code.PRICE_LIMIT
    house.tell("correct_settlement", contract="GPUH", date=MONDAY, price="2.363")


@pytest.mark.rule("TRM-1", "COR-1")
def test_an_adjusted_price_is_held_to_the_terms_of_its_trades_date() -> None:
    """A trade of the old tick is adjusted on the old tick, and a bust gives back the fee that was charged."""
    house = traded()
    house.tell("listing", **from_(TUESDAY, tick="0.005", fee="0.50"))
    house.settle(MONDAY)
    assert house.trade("T2", price_nano=2_351_000_000).rejection is not None
    house.tell("adjust", trade="T1", price="2.351")
    bust = house.tell("bust", trade="T1")
    assert sum(one.record["fee_minor"] for one in bust.emissions if one.name == "fill") == 2 * 350


@pytest.mark.rule("TRM-1")
def test_a_price_of_a_date_before_the_listing_is_refused() -> None:
    """A contract that was listed after the cut has no terms on the date that is cut."""
    house = House()
    house.tell("cut", date=MONDAY)
    house.tell("listing", **{**GPUH, "contract": "NEXT"})
    prices = {"GPUH": "2.362", "NEXT": "2.362"}
    rejection = house.control("prices", date=MONDAY, kind="end_of_day", prices=prices).rejection
    assert rejection is not None
    assert rejection.code is Code.UNKNOWN_CONTRACT


@pytest.mark.rule("TRM-1")
def test_a_snapshot_carries_what_waits() -> None:
    """Restored at any place before and after the date opens, a gateway writes the same bytes."""
    acts: list[Callable[[House], Step]] = [
        lambda h: h.tell("listing", **from_(TUESDAY, fee="0.50")),
        lambda h: h.tell("listing", **from_(WEDNESDAY, fee="0.60", tick="0.005")),
        lambda h: h.tell("cut", date=MONDAY),
        lambda h: h.trade(),
        lambda h: h.tell("prices", date=MONDAY, kind="end_of_day", prices={}),
        lambda h: h.tell("cut", date=TUESDAY),
        lambda h: h.tell("prices", date=TUESDAY, kind="end_of_day", prices={"GPUH": "2.362"}),
        lambda h: h.tell("adjust", trade="T1", price="2.351"),
    ]
    plain = House()
    steps = [act(plain) for act in acts]
    for at in range(len(acts)):
        restored = House()
        for number, act in enumerate(acts):
            if number == at:
                restored.fold = GatewayFold.restore(restored.fold.snapshot())
            assert act(restored) == steps[number]
        assert restored.fold.snapshot() == plain.fold.snapshot()
