"""The index fold: from ticks and markers to records `fixing`, with bounded memory (rule IDX-1)."""

import json
from typing import Any

import pytest

from settlement.domain.dates import parse_instant
from settlement.folds import index
from settlement.folds.index import IndexFold
from settlement.wire import codec, registry
from tests.index.records import HOUR_US, Named, decoded, marker, nano, pieces, printed, series, tick, values

pytestmark = pytest.mark.rule("IDX-1")

T0 = parse_instant("2026-08-10T20:00:00Z")
DAY_US = 24 * HOUR_US
RULES = {
    "max_age_hours": 24, "min_providers": 2, "outliers": {"deviation": {"exclude": "0.10", "readmit": "0.05"}},
    "fallback": [{"relax": 48}, {"carry": 2}, "stop"],
}  # fmt: skip


def fixings(*named: Named) -> list[dict[str, Any]]:
    """Return the fixings that a log asks for."""
    return decoded(IndexFold(3).apply(pieces(values(named))))


def on(day: int, *prices: str) -> list[Named]:
    """Return the ticks of providers a, b, c ... and the marker of 10 August and so many days, 20:00 UTC."""
    at_us = T0 + day * DAY_US
    ticks = [tick(provider, price, at_us - HOUR_US) for provider, price in zip("abcdef", prices, strict=False)]
    return [*ticks, marker(20260810 + day, at_us)]


def test_a_fixing_carries_everything() -> None:
    """A marker's fixing names its place, its methodology, its inputs, who counts and who does not and why."""
    (made,) = fixings(series(RULES, version=7), *on(0, "2.00", "2.01", "2.02", "3.00"))
    sha = made.pop("inputs_sha256")
    assert len(sha) == 64
    assert made == {
        "stream_seq": 5, "partition": 3, "series": "H100", "date": 20260810, "value_nano": nano("2.01"),
        "tier": "primary", "methodology_version": 7, "methodology_sha256": "hash7", "observations": 4,
        "included": ["a", "b", "c"],
        "excluded": [{"provider": "d", "reason": "OUTLIER", "price_nano": nano("3.00")}],
        "control_id": "F", "at_us": T0, "counted": 3, "parts": 1, "lowest_nano": nano("2.00"),
        "highest_nano": nano("2.02"), "deviation_nano": nano("0.01"), "carried_date": None, "ignored_nano": None,
    }  # fmt: skip


def test_a_fixing_says_how_good_it_is() -> None:
    """Days of a pool that count, the spread of the values, the date that was carried; without a value nothing."""
    pool = {"value_per_provider": "each", "pool": {"days": 7, "min_observations": 2, "confident_days": 3},
            "fallback": [{"carry": 9}]}  # fmt: skip
    ticks = [tick("a", price, T0 - days * DAY_US) for days, price in ((0, "2"), (0, "3"), (1, "4"), (1, "8"), (2, "9"))]
    last = marker(20260820, T0 + 10 * DAY_US)
    (made, carried), figures = fixings(series(pool), *ticks, marker(20260810, T0), last), ("counted", "parts")
    assert (made["tier"], *(made[name] for name in figures)) == ("low-confidence", 4, 2)
    spread = [made[name] for name in ("lowest_nano", "highest_nano", "deviation_nano")]
    assert spread == [nano("2"), nano("8"), nano("1")]  # of 2, 3, 4, 8: the distances from 3.5 are 1.5, 0.5, 0.5, 4.5
    assert [carried[name] for name in (*figures, "deviation_nano")] == [0, 0, None]


def test_a_carried_fixing_names_the_date_that_it_carries() -> None:
    """The date, and the providers that were too few."""
    made = fixings(series(RULES), *on(0, "2.00", "2.02"), *on(4), *on(2))
    assert [(one["tier"], one["carried_date"]) for one in made] == [
        ("primary", None), ("stop", None), ("carry", 20260810),
    ]  # fmt: skip


def test_both_versions_of_a_fixing_are_read() -> None:
    """A record of the first version has what the second adds as nothing."""
    (made,) = fixings(series(RULES), *on(0, "2.00", "2.02"))
    fields = {field["name"] for field in registry.schema("fixing.v1")["fields"]}
    first = codec.encode("fixing.v1", {name: value for name, value in made.items() if name in fields})
    assert codec.name_of(first) == "fixing.v1"
    assert codec.decode(first) == ("fixing", {name: made[name] for name in fields})


def test_fixings_go_to_their_topic_by_series() -> None:
    """The record's topic is index-fixings and its key the series."""
    (output,) = IndexFold(3).apply(pieces(values([series(RULES), *on(0, "2", "2")])))
    assert (output.topic, output.key) == ("index-fixings", "H100")


def test_hysteresis_lives_from_fixing_to_fixing() -> None:
    """A provider that is out stays out at 8 %, comes back at 4 %, and stays in at 8 %."""
    days = [on(n, "2.00", "2.00", "2.00", price) for n, price in enumerate(("2.30", "2.16", "2.08", "2.16"))]
    made = fixings(series(RULES), *(record for day in days for record in day))
    assert ["d" in one["included"] for one in made] == [False, False, True, True]


def test_carry_has_its_limit_from_the_last_made_fixing() -> None:
    """A fixing is carried for two days after the one that was made, and not carried on from the carried one."""
    made = fixings(series(RULES), *on(0, "2.00", "2.02"), *(one for n in range(1, 6) for one in on(n)))
    assert [one["tier"] for one in made] == ["primary", "relax", "carry", "carry", "stop", "stop"]
    assert [one["value_nano"] for one in made[:4]] == [nano("2.01")] * 4
    assert made[1]["observations"] == 2


def test_a_print_is_a_fixing_and_can_be_carried() -> None:
    """An administrator's print needs no methodology; where there is one, it is the previous fixing of later dates."""
    made = fixings(printed(20260810, "2.50"), printed(20260811, "2.60", "OTHER"))
    assert [(one["series"], one["tier"], one["value_nano"]) for one in made] == [
        ("H100", "print", nano("2.50")), ("OTHER", "print", nano("2.60")),
    ]  # fmt: skip
    assert (made[0]["methodology_version"], made[0]["observations"], made[0]["included"]) == (0, 0, [])
    made = fixings(series(RULES), printed(20260810, "2.50"), *on(1), *on(2), *on(3))
    assert [one["tier"] for one in made] == ["print", "carry", "carry", "stop"]


@pytest.mark.parametrize("log", [[], [series({"precision": 99})]])
def test_a_series_without_a_methodology_stops(log: list[Named]) -> None:
    """A marker without a methodology, or with one that should have been refused, is answered with no value."""
    (made,) = fixings(*log, *on(0, "2", "2"))
    assert (made["tier"], made["value_nano"], made["inputs_sha256"]) == ("stop", None, "")


def test_a_date_that_is_fixed_again_starts_from_the_dates_before_it() -> None:
    """A second marker of a date gives the same fixing from the same inputs: its own first result is no input."""
    rules = series(RULES)
    day = [
        *on(0, "2.00", "2.00", "2.00", "2.00"),
        *on(1, "2.00", "2.00", "2.00", "2.30"),
        marker(20260811, T0 + DAY_US),
    ]
    _, first, again = fixings(rules, *day)
    first.pop("stream_seq"), again.pop("stream_seq")
    assert first == again
    carried = fixings(rules, *on(0, "2.00", "2.02"), *on(2), marker(20260812, T0 + 2 * DAY_US + HOUR_US))
    assert [one["tier"] for one in carried] == ["primary", "carry", "carry"]


def test_only_what_was_observed_before_the_marker_counts() -> None:
    """Ticks behind the marker in the log, or later than its instant, are no part of its fixing."""
    late = tick("c", "9.00", T0 - 2 * HOUR_US)
    future = tick("d", "9.00", T0 + 1)
    (made,) = fixings(series(RULES), future, *on(0, "2.00", "2.02"), late)
    assert (made["value_nano"], made["included"], made["excluded"]) == (nano("2.01"), ["a", "b"], [])


def test_a_new_version_counts_from_its_place() -> None:
    """A methodology is in force from its record on."""
    made = fixings(
        series(RULES), *on(0, "2.00", "2.03"), series({**RULES, "precision": 1}, version=2), *on(1, "2.00", "2.03")
    )
    assert [(one["methodology_version"], one["value_nano"]) for one in made] == [(1, nano("2.015")), (2, nano("2.0"))]


def test_series_do_not_mix() -> None:
    """Each series has its own observations."""
    other = [series({}, "H200"), tick("a", "9.00", T0, "H200"), marker(20260810, T0, "H200")]
    made = fixings(series(RULES), *other, *on(0, "2.00", "2.02"))
    assert [(one["series"], one["value_nano"]) for one in made] == [("H200", nano("9")), ("H100", nano("2.01"))]


def test_old_observations_leave_the_state() -> None:
    """A fold that fixes daily holds the observations of a bounded time, and each silent provider's last for 31 days."""
    fold, held = IndexFold(0), []
    fold.apply(pieces(values([series(RULES), tick("silent", "5", T0 - HOUR_US)])))
    for n in range(60):
        fold.apply(pieces(values(daily(n), 2 + 3 * n)))
        rows = json.loads(fold.snapshot())["series"]["H100"]["observations"]
        held.append((len(rows), "silent" in {row[0] for row in rows}))
    assert max(count for count, _ in held) <= 2 * 8 + 1
    assert [silent for _, silent in held] == [True] * 31 + [False] * 29


def daily(n: int) -> list[Named]:
    """Return two ticks and a marker of the n-th day."""
    at_us = T0 + n * DAY_US
    date = 20260101 + n // 28 * 100 + n % 28
    return [tick("a", "2.00", at_us - HOUR_US), tick("b", "2.02", at_us - HOUR_US), marker(date, at_us)]


def test_fixings_kept_are_bounded() -> None:
    """The newest dates are kept, as many as can matter."""
    fold = IndexFold(0)
    fold.apply(pieces(values([printed(20260000 + n, "1") for n in range(101, 400)])))
    kept = [row[0] for row in json.loads(fold.snapshot())["series"]["H100"]["fixings"]]
    assert kept == [20260000 + n for n in range(400 - index.FIXINGS_KEPT, 400)]


def test_observations_without_a_marker_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series that nobody fixes does not grow without end: the first in the log go."""
    monkeypatch.setattr(index, "OBSERVATIONS_MAX", 10)
    fold = IndexFold(0)
    fold.apply(pieces(values([tick("a", str(n), T0) for n in range(25)])))
    kept = [row[1] // 10**9 for row in json.loads(fold.snapshot())["series"]["H100"]["observations"]]
    assert kept == list(range(10, 25))


def test_the_fold_has_no_live_view() -> None:
    """A fixing is all there is to see."""
    assert IndexFold(0).live() == []
