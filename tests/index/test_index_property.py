"""The index fold against its pure function, over any batches and restarts (rule IDX-1)."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.domain.dates import parse_instant
from settlement.domain.exclusions import Observation
from settlement.domain.fixing import fixing
from settlement.domain.methodology import Methodology
from settlement.folds.fold import Output
from settlement.folds.index import IndexFold
from tests.index.records import HOUR_US, PLAIN, Named, decoded, marker, nano, pieces, printed, series, tick, values

pytestmark = pytest.mark.rule("IDX-1")

T0 = parse_instant("2026-08-01T20:00:00Z")
DAY_US = 24 * HOUR_US
METHODOLOGIES: tuple[dict[str, Any], ...] = (
    {
        "value_per_provider": "median", "max_age_hours": 24, "min_providers": 2,
        "outliers": {"deviation": {"exclude": "0.10", "readmit": "0.05"}},
        "fallback": [{"relax": 72}, {"carry": 2}, "stop"],
    },
    {
        "value_per_provider": "volume-weighted-median", "across_providers": {"trimmed-mean": {"trim": "0.10"}},
        "max_age_hours": 300, "min_observations": 2, "outliers": {"trimmed-stdev": {"trim": "0.10", "stdev": "1.2"}},
    },
    {"value_per_provider": "last", "across_providers": "mean", "fallback": [{"carry": 5}]},
)  # fmt: skip
PRICES = st.integers(180, 260).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
PROVIDERS = st.sampled_from("abcde")
AGES = st.one_of(st.integers(-2, 100), st.integers(700, 800)).map(lambda hours: hours * HOUR_US)
TICKS = st.lists(st.tuples(PROVIDERS, PRICES, AGES, st.sampled_from(("0", "1", "2.5"))), max_size=6)
DAYS = st.lists(TICKS, max_size=8)


def log_of(methodology: dict[str, Any], days: list[list[tuple[str, str, int, str]]], extra: list[Named]) -> list[Named]:
    """Return a log that fixes once a day."""
    log = [series(methodology)]
    for n, ticks in enumerate(days):
        at_us = T0 + n * DAY_US
        log += [tick(provider, price, at_us - age, quantity=quantity) for provider, price, age, quantity in ticks]
        log += [*extra[n : n + 1], marker(20260801 + n, at_us)]
    return log


def run(log: list[bytes], ends: list[int], *, restored: bool) -> tuple[list[Output], bytes]:
    """Return outputs and state after reading a log in batches, with or without a restart between them."""
    fold, outputs, start = IndexFold(1), list[Output](), 0
    for end in [*ends, len(log)]:
        outputs += fold.apply(pieces(log[start:end]))
        start = end
        fold = IndexFold.restore(1, fold.snapshot()) if restored else fold
    return outputs, fold.snapshot()


EXTRA = st.lists(
    st.builds(printed, st.integers(20260801, 20260808), PRICES, st.sampled_from(("H100", "H200"))), max_size=8
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(METHODOLOGIES), DAYS, EXTRA, st.data())
def test_batches_and_snapshots_change_nothing(
    methodology: dict[str, Any], days: list[list[tuple[str, str, int, str]]], extra: list[Named], data: st.DataObject
) -> None:
    """Outputs and state are the same bytes read at once, in any batches, and restored after every batch."""
    log = values(log_of(methodology, days, extra))
    ends = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    whole = run(log, [], restored=False)
    assert run(log, ends, restored=False) == whole
    assert run(log, ends, restored=True) == whole


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(METHODOLOGIES), DAYS)
def test_forgetting_changes_no_fixing(methodology: dict[str, Any], days: list[list[tuple[str, str, int, str]]]) -> None:
    """The fold, which drops old observations, says what the pure function says that sees them all."""
    rule = Methodology.of({**PLAIN, **methodology})
    seen: list[Observation] = []
    previous: dict[int, int] = {}
    outliers: frozenset[str] = frozenset()
    made = decoded(run(values(log_of(methodology, days, [])), [], restored=False)[0])
    for n, (ticks, record) in enumerate(zip(days, made, strict=True)):
        at_us, date = T0 + n * DAY_US, 20260801 + n
        for provider, price, age, quantity in ticks:
            seen.append(
                Observation(provider=provider, price_nano=nano(price), quantity_nano=nano(quantity), at_us=at_us - age)
            )
        expected = fixing(rule, seen, date=date, at_us=at_us, previous=previous, outliers=outliers)
        outliers = expected.outliers
        if expected.tier in {"primary", "relax"} and expected.value_nano is not None:
            previous[date] = expected.value_nano
        assert (record["value_nano"], record["tier"]) == (expected.value_nano, expected.tier)
        assert record["inputs_sha256"] == expected.inputs_sha256
        assert record["included"] == list(expected.included)
        assert [(one["provider"], one["reason"], one["price_nano"]) for one in record["excluded"]] == [
            (one.provider, one.reason, one.price_nano) for one in expected.excluded
        ]


@settings(max_examples=60, deadline=None)
@given(TICKS, st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_move_the_value(ticks: list[tuple[str, str, int, str]], random: Any) -> None:
    """Medians, means and exclusions depend on what was observed, not on the order in which it came."""
    observations = [
        Observation(provider=provider, price_nano=nano(price), quantity_nano=nano(quantity), at_us=T0 - age)
        for provider, price, age, quantity in ticks
    ]
    shuffled = random.sample(observations, len(observations))
    for methodology in METHODOLOGIES[:2]:  # the third takes the last of an instant
        rule = Methodology.of({**PLAIN, **methodology})
        one, two = (fixing(rule, seen, date=20260801, at_us=T0, previous={}) for seen in (observations, shuffled))
        assert (one.value_nano, one.tier, one.included) == (two.value_nano, two.tier, two.included)
        assert [(e.provider, e.reason) for e in one.excluded] == [(e.provider, e.reason) for e in two.excluded]


def test_a_snapshot_is_canonical_json() -> None:
    """The state is JSON with sorted keys and no blanks, so that equal states are equal bytes."""
    fold = IndexFold(0)
    fold.apply(pieces(values(log_of(METHODOLOGIES[0], [[("a", "2.00", 0, "1")]], []))))
    state = fold.snapshot()
    assert state == json.dumps(json.loads(state), sort_keys=True, separators=(",", ":")).encode()
