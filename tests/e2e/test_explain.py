"""`novate explain final` and `novate finals` on the log of a whole platform's days."""

from __future__ import annotations

import pytest

from tests.cli.novate import run
from tests.e2e.baseline import Baseline

NAME = "H100-2026-07"


@pytest.mark.rule("FSP-1", "FSP-2")
def test_the_months_price_is_explained_down_to_the_observations(baseline: Baseline) -> None:
    """What pricing printed is computed again: the price from the fixings, each fixing from its observations."""
    told = run("explain", "final", NAME, "--observations", "--json", data=baseline.house.data)
    assert told.code == 0, told.all
    document = told.json
    assert (document["state"], document["differences"], document["count"]) == ("closed", [], 26)
    assert (document["print"]["control"], document["print"]["requested_by"]) == (f"final/{NAME}/final/1", "pricing")
    assert document["print"]["price"] == document["price"] == document["average"]
    assert [one["source"] for one in document["days"]] == ["skipped"] * 5 + ["primary"] * 26
    assert len(document["fixings"]) == 26
    for fixing in document["fixings"]:
        included = [one for one in fixing["providers"] if one["verdict"] == "included"]
        seen = [one for one in fixing["seen"] if one["verdict"] == "included"]
        assert len(seen) == fixing["counted"] == sum(one["observations"] for one in included) >= 5
    shown = run("explain", "final", NAME, "--day", "2026-07-31", data=baseline.house.data)
    assert (shown.code, "Computed again from the log: the same." in shown.out) == (0, True), shown.all
    assert "OUTLIER" in shown.out
    unknown = run("explain", "final", "H100", data=baseline.house.data)
    assert (unknown.code, unknown.err.startswith("Expected a listed contract, was 'H100'.")) == (1, True)


@pytest.mark.rule("FSP-2")
def test_pricing_printed_the_month_before_anybody_asked(baseline: Baseline) -> None:
    """Its state, its price, and the control that carried it, as the log says."""
    (row,) = run("finals", "--json", data=baseline.house.data).json
    assert (row["contract"], row["state"], row["control"]) == (NAME, "closed", f"final/{NAME}/final/1")
    assert (row["last_trade"], row["closing"], row["waits_for"]) == ("2026-07-31", "2026-08-04", "")
