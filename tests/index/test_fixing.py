"""Fixings as worked figures: each rule of the methodology at its edge (rule IDX-1)."""

import hashlib
from typing import Any

import pytest

from settlement.domain.exclusions import Observation
from tests.index.records import fix, reasons, seen, value

pytestmark = pytest.mark.rule("IDX-1")

DEVIATION = {"outliers": {"deviation": {"exclude": "0.10", "readmit": "0.05"}}}
STDEV = {"value_per_provider": "median", "outliers": {"trimmed-stdev": {"trim": "0.10", "stdev": "2.5"}}}
FALLBACK = {"max_age_hours": 24, "min_providers": 2, "fallback": [{"relax": 48}, {"carry": 3}, "stop"]}


def test_a_fixing_says_what_made_it() -> None:
    """The median of three providers, with who counted and how many observations there were."""
    made = fix({}, seen("c", "3.00"), seen("a", "2.00"), seen("b", "2.50"))
    assert (value(made), made.tier, made.observations) == ("2.5", "primary", 3)
    assert (made.included, made.excluded) == (("a", "b", "c"), ())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("last", "2.2"),  # of the latest instant, the one that came last
        ("median", "2.25"),
        ("volume-weighted-median", "2.9"),
    ],
)
def test_value_per_provider(rule: str, expected: str) -> None:
    """A provider's value is its last, its median or the price at half of its quantity."""
    offers = [seen("a", "2.9", 3, "5"), seen("a", "2.3", 1), seen("a", "2.2", 1, "3"), seen("a", "2.0", 2, "0.5")]
    assert value(fix({"value_per_provider": rule}, *offers)) == expected


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        (("1", "1"), "2.5"),  # exactly half on either side
        (("1", "2"), "3"),
        (("2", "1"), "2"),
        (("1", "0"), "2"),
        (("1", "-5"), "2"),
    ],
)
def test_half_of_the_volume(quantities: tuple[str, str], expected: str) -> None:
    """With exactly half of the volume on either side the value is the mean of the two."""
    offers = [seen("a", "2", 1, quantities[0]), seen("a", "3", 1, quantities[1])]
    assert value(fix({"value_per_provider": "volume-weighted-median"}, *offers)) == expected


def test_without_volume_a_provider_does_not_count() -> None:
    """Weighted by quantity, a provider without any is excluded with the reason."""
    made = fix({"value_per_provider": "volume-weighted-median"}, seen("a", "2", 1, "0"), seen("b", "3"))
    assert (value(made), made.included, reasons(made)) == ("3", ("b",), [("a", "NO_VOLUME")])


@pytest.mark.parametrize(
    ("rule", "prices", "expected"),
    [
        ("median", ("1", "2", "9"), "2"),
        ("median", ("1", "2", "3", "9"), "2.5"),  # an even number: the mean of the two in the middle
        ("mean", ("1", "2", "9"), "4"),
        ("mean", ("1", "1", "2"), "1.3333"),
        ("mean", ("1", "2", "2"), "1.6667"),
        ("mean", ("1.00005",), "1.0001"),  # half-up
        ("mean", ("-1.00005",), "-1.0001"),
        ("mean", ("1.00004", "1.00005"), "1"),
        ({"trimmed-mean": {"trim": "0.10"}}, ("1", "2", "3", "9"), "2.5"),
        ({"trimmed-mean": {"trim": "0.10"}}, ("1", "9"), "5"),
        ({"trimmed-mean": {"trim": "0.34"}}, ("1", "2", "3", "4", "5", "90"), "3.5"),  # 2.04: two at each end
    ],
)
def test_across_providers(rule: object, prices: tuple[str, ...], expected: str) -> None:
    """Providers count equally: median, mean or trimmed mean, half-up to the precision."""
    assert value(fix({"across_providers": rule}, *(seen(f"p{n}", p) for n, p in enumerate(prices)))) == expected


@pytest.mark.parametrize(("precision", "expected"), [(0, "2"), (2, "1.67"), (9, "1.666666667")])
def test_precision(precision: int, expected: str) -> None:
    """The fixing has as many decimals as the methodology says."""
    made = fix({"across_providers": "mean", "precision": precision}, seen("a", "1"), seen("b", "2"), seen("c", "2"))
    assert value(made) == expected


@pytest.mark.parametrize(
    ("price", "was_out", "is_out"),
    [
        ("110", False, False),  # exactly 10 % from the others' median: not beyond
        ("110.000000001", False, True),
        ("90", False, False),
        ("89.999999999", False, True),
        ("109", True, True),  # out once, out until nearer than 5 %
        ("105", True, True),
        ("104.999999999", True, False),
        ("95.000000001", True, False),
        ("95", True, True),
        ("100", True, False),
    ],
)
def test_outliers_with_hysteresis(price: str, was_out: bool, is_out: bool) -> None:  # noqa: FBT001
    """A provider beyond `exclude` from the median of the others is out, and back only when nearer than `readmit`."""
    others = [seen("a", "99"), seen("b", "100"), seen("c", "101")]
    made = fix(DEVIATION, *others, seen("x", price), outliers=["x"] if was_out else [])
    assert reasons(made) == ([("x", "OUTLIER")] if is_out else [])
    assert ("x" in made.included, made.outliers) == (not is_out, frozenset(["x"] if is_out else []))


def test_deviation_is_from_the_others_alone() -> None:
    """A provider's own price is not in the median that it is measured against."""
    made = fix(DEVIATION, seen("a", "100"), seen("b", "111"))
    assert reasons(made) == [("b", "OUTLIER")]  # 11 % above a; a is 9.9 % below b
    assert (value(made), made.included) == ("100", ("a",))


@pytest.mark.parametrize(
    ("prices", "included"),
    [
        (("100", "101", "200"), ("p0", "p1")),
        (("100", "101", "50"), ("p0", "p1")),
        (("100", "101", "102", "200", "201"), ("p0", "p1", "p2")),
        (("100", "101", "200", "201"), ()),  # two against two: nobody knows
        (("100", "200"), ()),
        (("100", "150", "200"), ("p1",)),  # the one in the middle is near: it alone counts
    ],
)
def test_a_majority_that_agrees_counts(prices: tuple[str, ...], included: tuple[str, ...]) -> None:
    """Where an outlier moves the median so that everybody is too far, the farthest goes first and a majority counts."""
    made = fix(DEVIATION, *(seen(f"p{n}", price) for n, price in enumerate(prices)))
    assert made.included == included
    assert reasons(made) == [(f"p{n}", "OUTLIER") for n in range(len(prices)) if f"p{n}" not in included]


def test_one_provider_alone_is_no_outlier() -> None:
    """With nobody else there is nothing to deviate from, even after an exclusion."""
    made = fix(DEVIATION, seen("x", "500"), outliers=["x"])
    assert (value(made), made.outliers) == ("500", frozenset())


def test_a_provider_that_is_silent_stays_out() -> None:
    """An excluded provider without a fresh observation is not readmitted by its silence."""
    made = fix(
        {**DEVIATION, "max_age_hours": 24}, seen("a", "100"), seen("b", "100"), seen("x", "100", 30), outliers=["x"]
    )
    assert (reasons(made), made.outliers) == ([("x", "STALE")], frozenset(["x"]))


@pytest.mark.parametrize(("x", "out"), [("0", []), ("0.000000001", ["x"])])
def test_deviation_from_zero(x: str, out: list[str]) -> None:
    """Where the others are at zero, anything else is beyond every share of it, and zero itself is not."""
    made = fix(DEVIATION, seen("a", "0"), seen("b", "0"), seen("x", x), outliers=["x"])
    assert [provider for provider, _ in reasons(made)] == out


def test_single_observations_too_far_from_all() -> None:
    """By standard deviations single observations are out, and their provider counts with the others it has."""
    offers = [seen(f"p{n}", "10") for n in range(6)]
    made = fix(STDEV, *offers, seen("x", "10"), seen("x", "20"))
    assert (value(made), made.observations, reasons(made)) == ("10", 8, [("x", "OUTLIER")])
    assert "x" in made.included
    assert made.excluded[0].price_nano == 20 * 10**9


def test_among_few_no_observation_is_far() -> None:
    """Among six no observation can be 2.5 standard deviations away, however high it is."""
    made = fix({**STDEV, "across_providers": "mean"}, *(seen(f"p{n}", "10") for n in range(5)), seen("x", "1000"))
    assert (value(made), reasons(made)) == ("175", [])


@pytest.mark.parametrize(("hours", "counts"), [(24, True), (25, False), (0, True), (-1, None)])
def test_age(hours: int, counts: bool | None) -> None:  # noqa: FBT001
    """An observation of exactly the greatest age counts, an older one is stale, a later one has not happened."""
    made = fix({"max_age_hours": 24}, seen("a", "1"), seen("x", "3", hours))
    assert ("x" in made.included) == (counts is True)
    assert reasons(made) == ([("x", "STALE")] if counts is False else [])


def test_a_provider_that_left_is_not_named_for_ever() -> None:
    """A stale provider is named with its last price for 31 days, then it has left."""
    offers = [seen("gone", "9", 31 * 24 + 1), seen("quiet", "7", 31 * 24), seen("quiet", "5", 26), seen("a", "1")]
    made = fix({"max_age_hours": 24}, *offers)
    assert [(one.provider, one.reason, one.price_nano) for one in made.excluded] == [("quiet", "STALE", 5 * 10**9)]


@pytest.mark.parametrize(
    ("rules", "tier"),
    [
        ({"min_providers": 2}, "primary"),
        ({"min_providers": 3}, "stop"),  # the outlier is none of the three
        ({"min_observations": 3}, "primary"),
        ({"min_observations": 4}, "stop"),  # nor are its observations
    ],
)
def test_minima_count_what_is_left(rules: dict[str, int], tier: str) -> None:
    """Providers and observations are counted after the exclusions; those that would have counted are named TOO_FEW."""
    offers = [seen("a", "100"), seen("a", "100"), seen("b", "101"), seen("x", "200"), seen("x", "200")]
    made = fix({**DEVIATION, **rules}, *offers)
    too_few = [("a", "TOO_FEW"), ("b", "TOO_FEW")] if tier == "stop" else []
    assert (made.tier, reasons(made)) == (tier, [*too_few, ("x", "OUTLIER")])
    assert made.included == (() if tier == "stop" else ("a", "b"))


@pytest.mark.parametrize(
    ("old_hours", "previous", "tier", "expected"),
    [
        (24, {}, "primary", "2"),
        (25, {}, "relax", "2"),
        (48, {"2026-08-09": "9"}, "relax", "2"),
        (49, {"2026-08-09": "9"}, "carry", "9"),
        (49, {"2026-08-07": "7"}, "carry", "7"),  # three days ago
        (49, {"2026-08-06": "6"}, "stop", None),  # four
        (49, {"2026-08-07": "7", "2026-08-09": "9", "2026-08-06": "6"}, "carry", "9"),
        (49, {"2026-08-10": "1", "2026-08-11": "1"}, "stop", None),  # its own date and later ones are not before it
        (49, {}, "stop", None),
    ],
)
def test_fallback_in_its_order(old_hours: int, previous: dict[str, str], tier: str, expected: str | None) -> None:
    """Too little data: older observations, then the previous fixing for so many days, then none."""
    made = fix(FALLBACK, seen("a", "1"), seen("b", "3", old_hours), previous=previous)
    assert (made.tier, value(made)) == (tier, expected)


def test_the_fallbacks_order_is_the_documents() -> None:
    """Carry before relax is tried first."""
    rules = {**FALLBACK, "fallback": [{"carry": 3}, {"relax": 48}]}
    made = fix(rules, seen("a", "1"), seen("b", "3", 40), previous={"2026-08-09": "9"})
    assert (made.tier, value(made)) == ("carry", "9")
    assert fix(rules, seen("a", "1"), seen("b", "3", 40)).tier == "relax"
    assert fix({**FALLBACK, "fallback": [{"relax": 30}]}, seen("a", "1")).tier == "stop"  # the end of the list


def test_a_carried_fixing_names_why() -> None:
    """A fixing without enough data includes nobody and says of everybody why; its outliers stay as they were."""
    made = fix(
        {**FALLBACK, **DEVIATION}, seen("a", "1"), seen("b", "3", 60), previous={"2026-08-09": "9"}, outliers=["z"]
    )
    assert (made.included, reasons(made)) == ((), [("a", "TOO_FEW"), ("b", "STALE")])
    assert made.outliers == frozenset(["z"])


def test_without_any_observation_the_series_stops() -> None:
    """No observation is no fixing, never a zero."""
    made = fix({})
    assert (made.value_nano, made.tier, made.observations) == (None, "stop", 0)


def test_the_hash_covers_what_the_value_depends_on() -> None:
    """The inputs' hash changes with an observation, the outliers before and a carried value, and with nothing else."""
    stale = {"max_age_hours": 24}
    offers = [seen("a", "1"), seen("b", "2")]
    base = fix(stale, *offers).inputs_sha256
    assert base == fix({**stale, "across_providers": "mean"}, *offers).inputs_sha256
    assert base == fix(stale, *offers, seen("c", "9", 30)).inputs_sha256
    changed: list[Any] = [
        fix(stale, seen("a", "1"), seen("b", "2.000000001")),
        fix(stale, seen("a", "1"), seen("b", "2", 2)),
        fix(stale, seen("a", "1"), seen("b", "2", 1, "2")),
        fix(stale, seen("a", "1"), seen("bb", "2")),
        fix(stale, *offers, seen("c", "9")),
        fix(stale, *offers, outliers=["b"]),
        fix(FALLBACK, seen("a", "1"), previous={"2026-08-09": "9"}),
        fix(FALLBACK, seen("a", "1"), previous={"2026-08-09": "8"}),
    ]
    assert len({base, *(made.inputs_sha256 for made in changed)}) == len(changed) + 1


def test_the_hash_can_be_made_by_hand() -> None:
    """The hash is SHA-256 over canonical JSON that an auditor can write down: a change changes what they hold."""
    one = Observation(provider="a", price_nano=1, quantity_nano=2, at_us=3)
    text = '{"at_us":1786392000000000,"carried":null,"observations":[["a",1,2,3]],"outliers":["z"]}'
    assert fix({}, one, outliers=["z"]).inputs_sha256 == hashlib.sha256(text.encode()).hexdigest()
