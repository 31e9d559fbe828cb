"""Methodology documents: what is read, and every error with its key."""

from fractions import Fraction
from typing import Any

import pytest

from settlement.domain.contract import TermsError
from settlement.domain.methodology import (
    AcrossProviders,
    Carry,
    Deviation,
    Methodology,
    Relax,
    Stop,
    TrimmedStdev,
    ValuePerProvider,
)
from tests.index.records import HOUR_US, PLAIN

FULL: dict[str, Any] = {
    "series": "H100", "title": "H100 hours", "value_per_provider": "volume-weighted-median",
    "across_providers": {"trimmed-mean": {"trim": "0.10"}},
    "outliers": {"deviation": {"exclude": "0.10", "readmit": "0.05"}},
    "max_age_hours": "48", "min_providers": "3", "min_observations": 8, "precision": "4",
    "fallback": [{"relax": "96"}, {"carry": 3}, "stop"],
}  # fmt: skip


def test_a_document_is_read_exactly() -> None:
    """Numbers may be decimal text or integers, and shares stay exact."""
    read = Methodology.of(FULL)
    assert read.value_per_provider is ValuePerProvider.VOLUME_WEIGHTED_MEDIAN
    assert (read.across_providers, read.trim) == (AcrossProviders.TRIMMED_MEAN, Fraction(1, 10))
    assert read.outliers == Deviation(exclude=Fraction(1, 10), readmit=Fraction(1, 20))
    assert (read.max_age_us, read.min_providers, read.min_observations, read.precision) == (48 * HOUR_US, 3, 8, 4)
    assert read.fallback == (Relax(max_age_us=96 * HOUR_US), Carry(days=3), Stop())
    assert read.reach_us == 96 * HOUR_US


def test_what_may_be_left_out() -> None:
    """Without the optional keys nobody is an outlier, nothing is too old, one is enough, nothing is carried."""
    read = Methodology.of(PLAIN)
    assert (read.outliers, read.max_age_us, read.reach_us) == (None, None, None)
    assert (read.min_providers, read.min_observations, read.fallback) == (1, 1, (Stop(),))
    stdev = Methodology.of({**PLAIN, "outliers": {"trimmed-stdev": {"trim": "0.10", "stdev": "2.5"}}}).outliers
    assert stdev == TrimmedStdev(trim=Fraction(1, 10), stdev=Fraction(5, 2))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"max_age": 48}, "methodology.max_age"),
        ({"value_per_provider": None}, "methodology.value_per_provider"),
        ({"across_providers": None}, "methodology.across_providers"),
        ({"precision": None}, "methodology.precision"),
        ({"value_per_provider": "mean"}, "methodology.value_per_provider"),
        ({"across_providers": "trimmed-mean"}, "methodology.across_providers"),
        ({"across_providers": {"mean": {}}}, "methodology.across_providers"),
        ({"across_providers": {"trimmed-mean": {"share": "0.1"}}}, "methodology.across_providers.trimmed-mean.share"),
        ({"across_providers": {"trimmed-mean": {"trim": "0.5"}}}, "methodology.across_providers.trimmed-mean.trim"),
        ({"across_providers": {"trimmed-mean": {"trim": 0.1}}}, "methodology.across_providers.trimmed-mean.trim"),
        ({"across_providers": {"trimmed-mean": None}}, "methodology.across_providers.trimmed-mean"),
        ({"outliers": "deviation"}, "methodology.outliers"),
        ({"outliers": {"iqr": {}}}, "methodology.outliers"),
        ({"outliers": {"deviation": {"exclude": "0.10"}}}, "methodology.outliers.deviation.readmit"),
        ({"outliers": {"deviation": {"exclude": "0.1", "readmit": "0.2"}}}, "methodology.outliers.deviation.readmit"),
        ({"outliers": {"deviation": {"exclude": "0", "readmit": "0"}}}, "methodology.outliers.deviation.exclude"),
        ({"outliers": {"trimmed-stdev": {"trim": "0.1"}}}, "methodology.outliers.trimmed-stdev.stdev"),
        ({"max_age_hours": "0"}, "methodology.max_age_hours"),
        ({"max_age_hours": "-1"}, "methodology.max_age_hours"),
        ({"max_age_hours": True}, "methodology.max_age_hours"),
        ({"max_age_hours": "two days"}, "methodology.max_age_hours"),
        ({"min_providers": 0}, "methodology.min_providers"),
        ({"min_providers": "2.5"}, "methodology.min_providers"),
        ({"min_observations": True}, "methodology.min_observations"),
        ({"precision": 10}, "methodology.precision"),
        ({"precision": "-1"}, "methodology.precision"),
        ({"fallback": "stop"}, "methodology.fallback"),
        ({"fallback": []}, "methodology.fallback"),
        ({"fallback": ["carry"]}, "methodology.fallback"),
        ({"fallback": ["stop", {"carry": 3}]}, "methodology.fallback"),
        ({"fallback": [{"relax": 48, "carry": 3}]}, "methodology.fallback"),
        ({"fallback": [{"relax": "0"}]}, "methodology.fallback.relax"),
        ({"fallback": [{"carry": "101"}]}, "methodology.fallback.carry"),
        ({"fallback": [{"guess": 1}]}, "methodology.fallback"),
    ],
)
def test_documents_that_break_a_rule_are_refused(change: dict[str, object], key: str) -> None:
    """What is unknown, missing or out of form is an error that names its key, what was expected and what came."""
    with pytest.raises(TermsError, match=r"Expected .*, was ") as error:
        Methodology.of({**FULL, **change})
    assert error.value.key == key


@pytest.mark.parametrize("document", [None, "median", [FULL]])
def test_a_methodology_is_a_mapping(document: object) -> None:
    """A document that is no mapping is refused."""
    with pytest.raises(TermsError):
        Methodology.of(document)
