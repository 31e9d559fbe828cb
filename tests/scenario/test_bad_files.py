"""Files that cannot be read: each error says file, line, what was expected and what was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from settlement.scenario.calc import main_calc
from settlement.scenario.errors import UnreadableScenarioError
from settlement.scenario.parse import read_scenario
from tests.scenario.files import FILE, problems

CASE = re.compile(
    r"^=== (?P<name>\S+)\n(?P<content>(?:.*\n)*?)--- (?P<line>\d+) \| (?P<expected>.*?) \| (?P<was>.*)$", re.MULTILINE
)
TABLE = (Path(__file__).parent / "bad_files.txt").read_text(encoding="utf-8")
CASES: list[tuple[str, str | bytes, int, str, str]] = [
    ("empty", "", 1, "a mapping with the key `events`", "an empty file"),
    ("not-utf-8", b"title: x\nevents: [\xff]\n", 2, "text in UTF-8", "the byte 0xff"),
    ("control-character", "title: a\x07b\nevents: []\n", 1, "printable text", "the character '\\x07'"),
    ("tab", "events:\n\t- cut: {date: 2026-11-23}\n", 2, "spaces at the beginning of a line", "a tab"),
    *((c["name"], c["content"], int(c["line"]), c["expected"], c["was"]) for c in CASE.finditer(TABLE)),
]


def test_the_table_is_read_whole() -> None:
    """No case of the table is skipped by its reader."""
    assert len(CASES) - 4 == TABLE.count("=== ") - 1 >= 80


@pytest.mark.parametrize(
    ("content", "line", "expected", "was"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_bad_file_is_named_by_line_expected_and_was(content: str | bytes, line: int, expected: str, was: str) -> None:
    """Each kind of mistake gives one error with the file, its line, what was expected there and what was."""
    [error] = problems(content)
    assert (error.file, error.line) == (FILE, line)
    assert expected in error.expected
    assert was in error.was
    assert str(error).startswith(f"{FILE}:{line}: Expected {error.expected}, was {error.was}.")


def test_all_errors_of_a_file_are_named_in_their_order() -> None:
    """A file with mistakes everywhere, a key that stands twice included, names each of them once, by line."""
    content = (
        "title: [a]\n"
        "contracts:\n"
        "  G: {size: 730, tik: 0.001}\n"
        "  G: {size: 730, tick: 0.001}\n"
        "events:\n"
        "  - trade: {contract: G, buyer: A, lots: 1.5, price: 2e3}\n"
        "  - sette: {date: 2026-11-23}\n"
        "expect: {totl: {}}\n"
    )
    assert [(error.line, error.was) for error in problems(content)] == [
        (1, "a list"),
        (3, "`tik`"),
        (4, "`G` a second time (first in line 3)"),
        (6, "'2e3'"),
        (6, "'1.5'"),
        (6, "only contract, buyer, lots, price"),
        (7, "`sette`"),
        (8, "`totl`"),
    ]


def test_a_misspelt_word_is_answered_with_the_nearest_one() -> None:
    """An unknown key or event says which known one it resembles, and else which there are."""
    assert problems("evnts: []\nevents: []\n")[0].hint == "Did you mean `events`?"
    assert problems("events:\n  - givup: {}\n")[0].hint == "Did you mean `give_up`?"
    assert problems("zzz: 1\nevents: []\n")[0].hint.startswith("Its keys are title, contracts, accounts")


def test_aliases_of_aliases_do_not_explode() -> None:
    """A file of nested aliases that would expand to billions of values is refused at once."""
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" if n else "l0: &l0 [x]" for n in range(10)]
    [error] = problems("\n".join(levels) + "\nevents: []\n")
    assert "5000000 values" in error.expected


def test_deep_nesting_is_an_error() -> None:
    """A file nested deeper than the language ever is gives an error and no crash."""
    [error] = problems("events: " + "[" * 100 + "]" * 100)
    assert "50 levels" in error.expected


@pytest.mark.parametrize(("name", "was"), [("missing.yaml", "no such file or directory"), (".", "a directory")])
def test_a_path_that_is_no_file_is_an_error(tmp_path: Path, name: str, was: str) -> None:
    """A missing file and a folder are errors of the file as a whole."""
    with pytest.raises(UnreadableScenarioError) as raised:
        read_scenario(tmp_path / name)
    [error] = raised.value.errors
    assert (error.file, error.line, error.was) == (str(tmp_path / name), 0, was)
    assert str(error).startswith(f"{tmp_path / name}: Expected ")


def test_a_bad_file_ends_with_code_2_and_its_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`novate calc` of a bad file prints each error as a line of standard error, nothing else, and returns 2."""
    path = tmp_path / "bad.yaml"
    path.write_text("event: []\nevents: [{cut: 1}]\n", encoding="utf-8")
    assert main_calc(path, as_json=True) == 2
    out, err = capsys.readouterr()
    assert not out
    assert [line.split(": Expected ")[0] for line in err.splitlines()] == [f"{path}:1", f"{path}:2"]
