"""Pools of days, partitions, blends and restatements as worked figures, and the shipped methodologies (rule IDX-1)."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest

from settlement.domain.contract import TermsError
from settlement.domain.dates import parse_instant
from settlement.domain.exclusions import Observation
from settlement.domain.fixing import Fixing, fixing
from settlement.domain.methodology import Methodology
from settlement.domain.restatement import Restatement, restatement
from settlement.folds.index import IndexFold
from tests.index.records import decoded, fix, marker, nano, pieces, printed, reasons, seen, series, tick, value, values

pytestmark = pytest.mark.rule("IDX-1")

FOLDER = files("settlement.domain") / "methodologies"
NAMES = sorted(one.name.removesuffix(".json") for one in FOLDER.iterdir() if one.name.endswith(".json"))
EACH: dict[str, Any] = {"value_per_provider": "each"}
BLEND = {"blend": {"input": "0.75", "output": "0.25"}}


def shipped(name: str) -> dict[str, Any]:
    """Return a shipped methodology's document."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return document


def listed(day: int, *prices: str) -> list[Observation]:
    """Return a day's listings at noon, one provider each; day: of August 2026."""
    at_us = parse_instant(f"2026-08-{day:02}T12:00:00Z")
    return [
        Observation(provider=f"L{number}", price_nano=nano(price), quantity_nano=nano("1"), at_us=at_us)
        for number, price in enumerate(prices)
    ]


def open_index(*observations: Observation, day: int = 10) -> Fixing:
    """Return the open index's fixing of a day of August 2026, made at its end."""
    at_us = parse_instant(f"2026-08-{day:02}T23:59:59Z")
    rule = Methodology.of(shipped("open-index"))
    return fixing(rule, observations, date=20260800 + day, at_us=at_us, previous={})


def test_each_methodology_of_the_folder_is_one() -> None:
    """Ours, the published open index, the volume-weighted one and the blend are complete documents."""
    assert NAMES == ["gpu-rental", "open-index", "token-blend", "volume-weighted"]
    for name in NAMES:
        Methodology.of(shipped(name))


def test_each_observation_counts_for_itself() -> None:
    """Without a value per provider the median is over all observations; a provider is named once."""
    made = fix(EACH, seen("a", "1"), seen("a", "2"), seen("a", "3"), seen("b", "9"))
    assert (value(made), made.included, made.observations) == ("2.5", ("a", "b"), 4)


def test_the_open_index_is_the_median_of_its_pool() -> None:
    """Three days of eight listings: of the 24 the two in the middle are 1.90 and 2.10."""
    days = [listed(day, *["1.90"] * 4, *["2.10", "2.20", "2.40", "2.40"]) for day in (4, 7, 10)]
    made = open_index(*[one for day in days for one in day])
    # sorted: 12 x 1.90, 3 x 2.10, 3 x 2.20, 6 x 2.40: the 12th is 1.90 and the 13th 2.10
    assert (value(made), made.tier, made.observations) == ("2", "primary", 24)


def test_a_day_of_few_listings_does_not_count() -> None:
    """Seven listings are no day: they are named as too few, and the pool is the other days'."""
    made = open_index(*listed(8, *["3.00"] * 7), *listed(9, *["2.00"] * 8), *listed(10, *["2.20"] * 9))
    assert (value(made), made.tier) == ("2.2", "low-confidence")  # 8 x 2.00 and 9 x 2.20: the 9th of 17
    assert [reason for _, reason in reasons(made)] == ["TOO_FEW"] * 7


def test_outliers_are_judged_a_day_at_a_time() -> None:
    """A price that is far on its own day is out, though it would be near over the pool; the other way round it stays.

    Nine at 2.00 and one at 9.00: the mean trimmed by one at each end is 2.00, the sample deviation 2.2136, its 2.5-fold
    5.534, and 9.00 is 7.00 away. The next day is all 9.00 and stays.
    """
    made = open_index(*listed(9, *["2.00"] * 9, "9.00"), *listed(10, *["9.00"] * 10))
    assert reasons(made) == [("L9", "OUTLIER")]
    assert value(made) == "9"  # 9 x 2.00 and 10 x 9.00


def test_seven_days_with_the_fixings_own_the_last() -> None:
    """The window is the fixing's date and the six before it, by the clock of UTC."""
    rest = listed(10, *["2.00"] * 8)
    assert open_index(*listed(4, *["4.00"] * 9), *rest).observations == 17
    assert open_index(*listed(3, *["4.00"] * 9), *rest).observations == 8


def test_without_a_day_that_counts_the_open_index_stops() -> None:
    """No day, no value."""
    made = open_index(*listed(10, *["2.00"] * 7))
    assert (value(made), made.tier) == (None, "stop")


def test_partitions_weigh_the_same() -> None:
    """Each partition is the median by volume of its trades; a huge trade moves its own partition only.

    Two partitions of an hour: 2.00 of 5 and 2.40 of 6 give 2.40; 3.00 of 1000 and 2.90 of 1 give 3.00: 2.70.
    """
    rule = {**EACH, "across_providers": "volume-weighted-median", "partitions": {"hours": 2, "count": 2}}
    half = [
        Observation(provider="x", price_nano=nano(price), quantity_nano=nano(lots), at_us=at_us)
        for price, lots, at_us in (
            ("2.00", "5", parse_instant("2026-08-10T18:30:00Z")),
            ("2.40", "6", parse_instant("2026-08-10T19:00:00Z")),
            ("3.00", "1000", parse_instant("2026-08-10T19:00:01Z")),
            ("2.90", "1", parse_instant("2026-08-10T20:00:00Z")),
            ("9.00", "1", parse_instant("2026-08-10T18:00:00Z")),  # exactly two hours old
        )
    ]
    made = fix(rule, *half)
    assert (value(made), made.observations) == ("2.7", 4)


def test_partitions_without_a_trade_are_left_out_down_to_the_minimum() -> None:
    """An empty partition has no value; too few with one are no fixing, and all that would count is named."""
    rule: dict[str, Any] = {"partitions": {"hours": 4, "count": 4, "min_partitions": 2}}
    assert value(fix(rule, seen("a", "2", 0), seen("a", "3", 3))) == "2.5"
    made = fix(rule, seen("a", "2", 0))
    assert (value(made), reasons(made)) == (None, [("a", "TOO_FEW")])


def test_minima_count_over_all_partitions() -> None:
    """Providers and observations are counted over the whole window, not in each partition."""
    rule: dict[str, Any] = {"partitions": {"hours": 2, "count": 2}, "min_providers": 2, "min_observations": 3}
    trades = (seen("a", "2", 0), seen("b", "3", 1), seen("b", "3", 1))
    assert value(fix(rule, *trades)) == "2.5"
    assert value(fix(rule, *trades[:2])) is None


def test_across_providers_by_volume() -> None:
    """The providers' values weigh by the quantity behind them; without quantity one does not count."""
    rule = {"across_providers": "volume-weighted-median"}
    offers = (seen("a", "2", 1, "1"), seen("b", "3", 1, "1"), seen("c", "4", 1, "5"), seen("d", "9", 1, "0"))
    made = fix(rule, *offers)
    assert (value(made), made.included, reasons(made)) == ("4", ("a", "b", "c"), [("d", "NO_VOLUME")])


def test_the_first_listing_blends_to_eleven_and_a_quarter() -> None:
    """0.75 x 5 + 0.25 x 30 = 11.25 US dollars per million tokens."""
    made = fix(BLEND, seen("x/input", "5"), seen("x/output", "30"))
    assert (value(made), made.included, made.observations) == ("11.25", ("x",), 2)


def test_half_a_blend_does_not_count() -> None:
    """A missing component, a component that the blend has not, and a name without one are named as incomplete."""
    whole = (seen("x/input", "5"), seen("x/output", "30"))
    made = fix(BLEND, *whole, seen("y/input", "4"), seen("x/cache", "1"), seen("z", "7"))
    assert (value(made), made.included) == ("11.25", ("x",))
    assert reasons(made) == [("x/cache", "INCOMPLETE"), ("y/input", "INCOMPLETE"), ("z", "INCOMPLETE")]


def test_the_shipped_blend_wants_three_providers() -> None:
    """11.25, 13.00 and 10.50: the median; the outlier rule sees blends, not components."""
    offers = [("a", "5", "30"), ("b", "4", "40"), ("c", "6", "24")]
    ticks = [
        seen(f"{name}/{part}", price)
        for name, *pair in offers
        for part, price in zip(("input", "output"), pair, strict=True)
    ]
    made = fix(shipped("token-blend"), *ticks)
    assert (value(made), made.tier) == ("11.25", "primary")
    assert value(fix(shipped("token-blend"), *ticks[:4])) is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"pool": {"days": 0}}, "pool.days"),
        ({"pool": {"days": 7, "confident_days": 8}}, "pool.confident_days"),
        ({"pool": {"days": 7, "hours": 1}}, "pool.hours"),
        ({"pool": {"days": 7}, "partitions": {"hours": 1, "count": 1}}, "partitions"),
        ({"pool": {"days": 7}, "max_age_hours": 48}, "max_age_hours"),
        ({"partitions": {"hours": 1, "count": 2}, "fallback": [{"relax": 48}]}, "fallback"),
        ({"partitions": {"hours": 0, "count": 2}}, "partitions.hours"),
        ({"partitions": {"hours": 1, "count": 2, "min_partitions": 3}}, "partitions.min_partitions"),
        ({"blend": {"input": "0.75", "output": "0.26"}}, "blend"),
        ({"blend": {"input": "1", "output": "0"}}, "blend"),
        ({**EACH, **BLEND}, "blend"),
        ({**EACH, "outliers": {"deviation": {"exclude": "0.1", "readmit": "0.1"}}}, "outliers"),
        ({"restatement": {"above": "-0.1"}}, "restatement.above"),
        ({"restatement": {}}, "restatement.above"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(change: dict[str, Any], key: str) -> None:
    """A part of the wrong form, and parts that say the same thing twice, name their key."""
    with pytest.raises(TermsError) as caught:
        fix(change)
    assert caught.value.key == f"methodology.{key}"


@pytest.mark.parametrize(
    ("proposed", "next_is_fixed", "expected"),
    [
        ("2.0021", False, Restatement.RESTATED),  # 0.105 % of 2.00
        ("1.9979", False, Restatement.RESTATED),
        ("2.0020", False, Restatement.TOO_SMALL),  # exactly 0.10 % is not above it
        ("1.9980", False, Restatement.TOO_SMALL),
        ("2.5000", True, Restatement.TOO_LATE),
        ("2.0001", True, Restatement.TOO_LATE),
        ("2.0000", True, Restatement.UNCHANGED),
    ],
)
def test_a_restatement_is_early_and_large_or_ignored(
    proposed: str, *, next_is_fixed: bool, expected: Restatement
) -> None:
    """Before the next fixing and above 0.10 % of the value that stands it counts, otherwise it is recorded only."""
    assert restatement(nano("2"), nano(proposed), next_is_fixed=next_is_fixed) is expected


def test_from_zero_and_below_every_change_is_measured_by_size() -> None:
    """A standing value of zero is left by any change, a negative one by its size."""
    assert restatement(0, 1, next_is_fixed=False) is Restatement.RESTATED
    assert restatement(-1000, -1001, next_is_fixed=False) is Restatement.TOO_SMALL
    assert restatement(-1000, -1002, next_is_fixed=False) is Restatement.RESTATED
    assert restatement(1000, 1001, next_is_fixed=False, above=Fraction(0)) is Restatement.RESTATED


def folded(rule: dict[str, Any], *named: Any) -> list[tuple[str | None, str]]:
    """Return value and tier of each fixing that records give under a methodology."""
    made = decoded(IndexFold(0).apply(pieces(values([series(rule), *named]))))
    return [(None if one["value_nano"] is None else f"{one['value_nano'] / 10**9:g}", one["tier"]) for one in made]


def test_the_fold_keeps_the_value_that_stands() -> None:
    """With the rule, a small or a late new value is a record of the tier `ignored` without a value."""
    rule = {"restatement": {"above": "0.0010"}}
    prints = (printed(20260810, "2.0"), printed(20260810, "2.001"), printed(20260810, "2.1"), printed(20260811, "2.2"))
    assert folded(rule, *prints, printed(20260810, "3"), printed(20260811, "2.3")) == [
        ("2", "print"),
        (None, "ignored"),
        ("2.1", "print"),
        ("2.2", "print"),
        (None, "ignored"),
        ("2.3", "print"),
    ]
    assert folded({}, *prints)[1] == ("2.001", "print")
    made = decoded(IndexFold(0).apply(pieces(values([series(rule), *prints[:2]]))))
    assert [one["ignored_nano"] for one in made] == [None, nano("2.001")]  # ignored, and recorded


def test_a_fixing_is_restated_by_what_was_observed_since() -> None:
    """A date that is fixed again replaces its value by the rule, and a stop takes nothing back."""
    rule = {"restatement": {"above": "0.0010"}, "max_age_hours": 1}
    noon = parse_instant("2026-08-10T12:00:00Z")
    observed = (tick("a", "2", noon), marker(20260810, noon), tick("a", "2.1", noon), marker(20260810, noon))
    assert folded(rule, *observed, marker(20260810, noon + 2 * 3_600_000_000)) == [
        ("2", "primary"),
        ("2.1", "primary"),
        (None, "ignored"),
    ]


def test_a_fixing_of_low_confidence_is_made_and_can_be_carried() -> None:
    """The fold carries it like any other that observations made."""
    rule = {**EACH, "pool": {"days": 1, "min_observations": 1, "confident_days": 1}, "fallback": [{"carry": 3}]}
    noon = parse_instant("2026-08-10T12:00:00Z")
    day_us = 24 * 3_600_000_000
    rule["pool"] = {"days": 2, "min_observations": 1, "confident_days": 2}
    found = folded(rule, tick("a", "2", noon), marker(20260810, noon), marker(20260813, noon + 3 * day_us))
    assert found == [("2", "low-confidence"), ("2", "carry")]
