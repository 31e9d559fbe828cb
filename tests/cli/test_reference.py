"""The reference pages say what the code says: every command, option, control and refusal, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from settlement.cli.main import app
from settlement.cli.operate_terms import read_terms
from settlement.domain.rejection import Code, Rejection
from settlement.folds.gateway import KINDS
from tools import commands

ROOT = Path(__file__).parents[2]
CONTROLS = (ROOT / "docs" / "reference" / "controls.md").read_text(encoding="utf-8")
COMMANDS = dict(commands.commands(get_command(app)))
READS_A_FIELD = re.compile(r"""payload(?:\.get\(|\[|,\s*)"(\w+)\"""")


def test_the_page_of_commands_is_their_help() -> None:
    """docs/reference/commands.md is what every `--help` says; python -m tools.commands writes it anew."""
    assert commands.PAGE.read_text(encoding="utf-8") == commands.page()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_is_explained(name: str) -> None:
    """A command, each of its arguments and each of its options has a help text."""
    command: Any = COMMANDS[name]
    assert command.help
    unexplained = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert [parameter for parameter in unexplained if parameter != "help"] == []


def test_whoever_prints_data_prints_json() -> None:
    """Every command has --json but those that start, stop or stream."""
    without = {name for name, command in COMMANDS.items() if not any("--json" in one.opts for one in command.params)}
    assert without == {"novate demo", "novate up", "novate down"}


def _rows(title: str) -> dict[str, str]:
    section = CONTROLS.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {row.split("`")[1]: row for row in rows}


def test_every_kind_of_control_is_on_its_page() -> None:
    """The page has a row for each kind that the gateway knows, and for no other."""
    assert set(_rows("Kinds")) == KINDS


def test_every_field_that_the_gateway_reads_is_on_the_page() -> None:
    """A field of a payload that the gateway looks for stands in a row of the kinds, or is a key of terms documents."""
    found = set()
    for file in (ROOT / "settlement" / "folds" / "gateway").glob("*.py"):
        found |= set(READS_A_FIELD.findall(file.read_text(encoding="utf-8")))
    told = {word for row in _rows("Kinds").values() for word in re.findall(r"`(\w+)`", row)}
    assert {"trade", "price", "date", "cut"} <= found
    assert found - told - {"daily_settlement", "final_settlement"} == set()


def test_every_refusal_is_on_its_page_with_its_rule() -> None:
    """The page gives the codes in their order of precedence, each with its rule."""
    rows = _rows("Refusals")
    assert list(rows) == [code.value for code in Code]
    for code in Code:
        assert rows[code.value].endswith(f"| {Rejection(code=code, message='').rule} |")


def test_the_terms_document_of_the_page_is_sound(tmp_path: Path) -> None:
    """The example can be sent as it stands."""
    example = CONTROLS.split("```yaml\n", 1)[1].split("```", 1)[0]
    file = tmp_path / "terms.yaml"
    file.write_text(example)
    documents, faults = read_terms(file)
    assert ([document["contract"] for document in documents], faults) == (["H100-2026-09"], [])
