"""The catalogue of rules is complete, and the table made from it tells the truth."""

import pytest

from settlement.domain.rejection import Code
from settlement.domain.rules import RULE_OF_REJECTION, RULES, UnknownRuleError, rule
from tools import rules as table


def test_every_refusal_leads_to_a_rule() -> None:
    """Every rejection code stands in the catalogue, and the rule that it names exists."""
    assert set(RULE_OF_REJECTION) == {code.value for code in Code}
    assert set(RULE_OF_REJECTION.values()) <= RULES.keys()


def test_an_unknown_code_is_an_error_that_says_where_codes_live() -> None:
    """A code that nobody knows is named in the error."""
    with pytest.raises(UnknownRuleError, match="VM-99"):
        rule("VM-99")


def test_every_built_rule_has_a_test() -> None:
    """No rule that a release keeps is without a test."""
    assert table.gaps(table.find_tests()) == []


def test_the_table_leads_from_rule_to_function_test_and_case() -> None:
    """A rule's row links its functions, its tests and its worked cases."""
    place = [("settlement/domain/money.py", "value_minor")]
    test = [("tests/unit/test_money.py", "test_half_up")]
    text = table.page({"VAL-1": place}, {"VAL-1": test}, {"VAL-1": [("docs/recipes/e02.yaml", "")]})
    row = next(line for line in text.splitlines() if line.startswith("| [VAL-1]"))
    assert "[settlement/domain/money.py](../../settlement/domain/money.py): `value_minor`" in row
    assert "[tests/unit/test_money.py](../../tests/unit/test_money.py): `test_half_up`" in row
    assert "[docs/recipes/e02.yaml](../../docs/recipes/e02.yaml)" in row


def test_a_rule_without_a_test_is_reported() -> None:
    """Taking one rule's tests away is seen, by its code."""
    tests = table.find_tests()
    tests.pop("VAL-1", None)
    assert any("VAL-1" in sentence for sentence in table.gaps(tests))
