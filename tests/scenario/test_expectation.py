"""`expect`: a part is enough, items are found by naming keys, numbers compare as decimals, a difference is a line."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.scenario.expectation import differences
from settlement.scenario.parse import parse_scenario

LINE_A = {
    "account": "A",
    "contract": "G",
    "currency": "USD",
    "start": 0,
    "bought": 10,
    "end": 10,
    "previous": None,
    "price": "2.362",
    "amounts": {"TVAR": "87.60"},
    "total": "87.60",
}
LINE_B = {**LINE_A, "account": "B", "amounts": {"TVAR": "-87.60"}, "total": "-87.60"}
END_OF_DAY = {
    "date": "2026-11-23",
    "kind": "end_of_day",
    "prices": {"G": "2.362"},
    "lines": [LINE_A, LINE_B],
    "payments": [
        {"member": "A", "origin": "house", "currency": "USD", "amount": "87.60"},
        {"member": "A", "origin": "client", "currency": "USD", "amount": "-1.00"},
    ],
    "open_interest": {"G": 10},
}
INTRADAY = {**END_OF_DAY, "kind": "intraday", "lines": [], "payments": [], "prices": {"G": "2.355"}}
DOCUMENT: dict[str, Any] = {
    "cycles": [INTRADAY, {**INTRADAY, "prices": {"G": "2.358"}}, END_OF_DAY],
    "positions": {"A": {"G": 10}, "K": {"G": {"long": 10, "short": 4}}},
    "totals": {"A": {"USD": "87.60"}},
    "fixings": [
        {"series": "S", "date": "2026-08-03", "value": None, "tier": "stop", "included": ["x", "y"], "excluded": []}
    ],
    "finals": [],
    "rejections": [
        {"event": 3, "code": "OFF_TICK", "rule": "r", "message": "m"},
        {"event": 7, "code": "LIMIT", "rule": "r", "message": "m"},
    ],
    "engines_agree": True,
}


def found(expect: str) -> list[str]:
    """Return the differences of an expectation, without their lines."""
    node = parse_scenario(f"events: []\nexpect: {expect}\n").expect
    assert node is not None
    return [str(one).rpartition(" (line")[0] for one in differences(node, DOCUMENT, frozenset({"A", "B", "K"}))]


MET = [
    "{}",
    "{totals: {A: {USD: 87.6}}}",
    "{totals: {A: {USD: '87.60000'}}}",
    "{totals: {B: {USD: 0}}}",  # an account of the file without cash
    "{engines_agree: true}",
    "{finals: []}",
    "{positions: {A: {G: 10}, K: {G: {long: 10}}, B: {G: 0}}}",
    "{positions: {B: {G: {long: 0, short: 0}}}}",
    "{rejections: [{event: 7}]}",
    "{rejections: [{code: LIMIT}, {code: OFF_TICK}]}",  # without the naming key any may be meant
    "{cycles: [{date: 2026-11-23, kind: end_of_day, lines: [{account: B, total: -87.60}]}]}",
    "{cycles: [{kind: end_of_day, lines: [{account: A, amounts: {TVAR: 87.60, SMTM: 0.00, FEE: 0}}]}]}",
    "{cycles: [{kind: end_of_day, lines: [{account: A, expired: 0, previous: null}]}]}",
    "{cycles: [{kind: end_of_day, payments: [{member: B, amount: 0.00}]}]}",  # a payment of zero is left out
    "{cycles: [{kind: end_of_day, payments: [{member: A, origin: client, amount: -1}]}]}",
    "{cycles: [{kind: intraday, prices: {G: 2.355}}, {kind: intraday, prices: {G: 2.358}}]}",
    "{cycles: [{kind: intraday, lines: []}]}",
    "{fixings: [{series: S, value: null, included: [y]}]}",
]

NOT_MET = [
    ("{totals: {A: {USD: 87.61}}}", "totals.A.USD: expected 87.61, was 87.60"),
    ("{totals: {A: {USD: nothing}}}", "totals.A.USD: expected nothing, was 87.60"),
    ("{totals: {A: {EUR: 1}}}", "totals.A.EUR: expected 1, was nothing"),
    ("{totals: {Z: {USD: 0}}}", "totals.Z: expected {USD: 0}, was no such account in the file"),
    ("{engines_agree: false}", "engines_agree: expected false, was true"),
    ("{finals: [{contract: G}]}", "finals[G]: expected {contract: G}, was nothing"),
    ("{cycles: []}", "cycles: expected empty, was 3"),
    ("{positions: {K: {G: 6}}}", "positions.K.G: expected 6, was {long: 10, short: 4}"),
    ("{positions: {A: {G: {long: 10}}}}", "positions.A.G: expected {long: 10}, was 10"),
    ("{rejections: [{event: 3, code: LIMIT}]}", "rejections[3].code: expected LIMIT, was OFF_TICK"),
    ("{rejections: [{event: 4}]}", "rejections[4]: expected {event: 4}, was nothing"),
    ("{rejections: [{event: 3}, {event: 3}]}", "rejections[3]: expected {event: 3}, was nothing"),
    (
        "{cycles: [{date: 2026-11-23, kind: end_of_day, lines: [{account: A, contract: G, amounts: {TVAR: 87.61}}]}]}",
        "cycles[2026-11-23 end_of_day].lines[A G].amounts.TVAR: expected 87.61, was 87.60",
    ),
    (
        "{cycles: [{kind: end_of_day, lines: [{account: A, amounts: {SMTM: 0.01}}]}]}",
        "cycles[end_of_day].lines[A].amounts.SMTM: expected 0.01, was nothing",
    ),
    (
        "{cycles: [{kind: end_of_day, payments: [{member: B, amount: 0.01}]}]}",
        "cycles[end_of_day].payments[B]: expected {member: B, amount: 0.01}, was nothing",
    ),
    ("{cycles: [{kind: final}]}", "cycles[final]: expected {kind: final}, was nothing"),
    ("{fixings: [{series: S, value: 2.3}]}", "fixings[S].value: expected 2.3, was nothing"),
    ("{fixings: [{series: S, included: [z]}]}", "fixings[S].included[z]: expected z, was nothing"),
]


@pytest.mark.parametrize("expect", MET)
def test_a_part_is_enough(expect: str) -> None:
    """What is said is there, so nothing differs."""
    assert found(expect) == []


@pytest.mark.parametrize(("expect", "difference"), NOT_MET)
def test_a_difference_names_path_expected_and_was(expect: str, difference: str) -> None:
    """What is said and not there gives one line, with its path, what was expected and what was."""
    [one] = found(expect)
    assert one.startswith(difference)


def test_every_difference_is_named_with_its_line() -> None:
    """Two wrong figures are two differences, each with the line of the file that expects it."""
    node = parse_scenario("events: []\nexpect:\n  totals:\n    A: {USD: 1}\n  engines_agree: false\n").expect
    assert node is not None
    assert [one.line for one in differences(node, DOCUMENT, frozenset("A"))] == [4, 5]
