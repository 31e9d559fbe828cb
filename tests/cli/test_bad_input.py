"""Bad input to each command, where no platform runs: one clear sentence, the right exit code, nothing begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.novate import Told, run

HEADER = "source_seq,trade_id,contract,buyer,seller,lots,price,executed_at\n"
PERSON = ("--member", "M01", "--origin", "house", "--positions", "net")
USAGE, REFUSED = 2, 1

CASES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no terms": (("contract", "add"), USAGE, "Missing argument"),
    "terms that are not there": (("contract", "add", "none.yaml"), REFUSED, "Expected a file to read"),
    "a folder for terms": (("contract", "add", "."), REFUSED, "was a folder"),
    "empty terms": (("contract", "add", "empty.txt"), REFUSED, "was an empty file"),
    "terms that are no YAML": (("contract", "add", "broken.yaml"), REFUSED, "broken.yaml:2: Expected"),
    "terms that are no JSON": (("contract", "add", "broken.json"), REFUSED, "broken.json:1: Expected JSON"),
    "terms without a tick": (("contract", "add", "tickless.yaml"), REFUSED, "for `tick`, was nothing"),
    "terms with a slip": (("contract", "add", "slip.yaml"), REFUSED, "slip.yaml:4: Expected a key of a terms document"),
    "a list of no terms": (("contract", "add", "text.yaml"), REFUSED, "text.yaml:1: Expected a terms document"),
    "a contract where nothing is": (("contract", "list"), REFUSED, "Expected a platform's data in"),
    "no series": (("series", "add", "empty.txt"), REFUSED, "Expected a series with its methodology or a list"),
    "a series of no name": (("series", "add", "slip.yaml"), REFUSED, "for `series`, was nothing"),
    "a list of no series": (("series", "add", "text.yaml"), REFUSED, "text.yaml:1: Expected a mapping with series"),
    "an account without options": (("account", "add", "A"), REFUSED, "Expected a file of accounts, was no file A"),
    "an account with half its options": (("account", "add", "A", *PERSON[:2]), USAGE, "without --origin, --positions"),
    "an unknown origin": (("account", "add", "A", *PERSON[:2], "--origin", "hous"), USAGE, "'hous'"),
    "the clearing house's account": (("account", "add", "CCP/fees", *PERSON), REFUSED, "the clearing house's own"),
    "a blank account": (("account", "add", " ", *PERSON), REFUSED, "printable characters without blanks"),
    "accounts under another header": (("account", "add", "trades.csv"), REFUSED, "trades.csv:1: Expected the header"),
    "no accounts": (("account", "add", "empty.txt"), REFUSED, "was an empty file"),
    "no date to open": (("day", "open", "2026-02-30"), REFUSED, "was '2026-02-30'."),
    "no date to cut": (("day", "cut", "monday"), REFUSED, "Expected a date such as"),
    "no date to go on with": (("day", "cut", "--next", "1"), REFUSED, "Expected a date such as"),
    "a cut where nothing is": (("day", "cut"), REFUSED, "Expected a platform's data in"),
    "a day where nothing is": (("day", "show"), REFUSED, "Expected a platform's data in"),
    "a price of no date": (("price", "today", "G=1"), REFUSED, "Expected a date such as"),
    "a price of nothing": (("price", "2026-08-03", "2.350"), REFUSED, "Expected CONTRACT=PRICE"),
    "no price": (("price", "2026-08-03", "G=2,35"), REFUSED, "was '2,35'."),
    "a price in doubles": (("price", "2026-08-03", "G=1e3"), REFUSED, "G: Expected a decimal number"),
    "two prices": (("price", "2026-08-03", "G=1", "G=2"), REFUSED, "Expected one price of G, was 1 and 2."),
    "an intraday price of nothing": (("price", "2026-08-03", "--intraday"), USAGE, "with at least one CONTRACT=PRICE"),
    "prices to show": (("price", "2026-08-03", "G=1", "--show"), USAGE, "Expected --show alone"),
    "a price where nothing is": (("price", "2026-08-03", "G=1"), REFUSED, "Expected a platform's data in"),
    "no date to settle": (("settle",), USAGE, "Expected a DATE, or --retry, was neither."),
    "a wrong date to settle": (("settle", "20260803"), REFUSED, "Expected a date such as"),
    "a wait below zero": (("settle", "2026-08-03", "--wait", "-1"), USAGE, "greater than or equal to 0"),
    "a settlement where nothing is": (("settle", "2026-08-03"), REFUSED, "Expected a platform's data in"),
    "a bust where nothing is": (("bust", "T1"), REFUSED, "Expected a platform's data in"),
    "a waiver of no number": (("waive", "trades", "first"), USAGE, "Input should be a valid integer"),
    "a waiver where nothing is": (("waive", "trades", "1"), REFUSED, "Expected a platform's data in"),
    "no file to feed": (("ingest", "none.csv"), REFUSED, "Expected a file to read at none.csv"),
    "a folder to feed": (("ingest", "."), REFUSED, "Expected a"),
    "an empty file to feed": (("ingest", "empty.txt"), REFUSED, "was an empty file"),
    "another header to feed": (("ingest", "accounts.csv"), REFUSED, "accounts.csv line 1: expected the header"),
    "another encoding to feed": (("ingest", "utf16.csv"), REFUSED, "was UTF-16"),
    "a feed of no name": (("ingest", "trades.csv", "--feed", "a/b"), REFUSED, "Expected a feed's name"),
    "the gateway's own feed": (("ingest", "trades.csv", "--feed", "controls"), REFUSED, "Expected a feed's name"),
    "a file whose name is no feed's": (("ingest", "two words.csv"), REFUSED, "Use --feed NAME"),
    "a statement of no date": (("statement", "M01", "yesterday"), REFUSED, "Expected a date such as"),
    "a statement both ways": (("statement", "M01", "2026-08-03", "--json", "--csv"), USAGE, "was both"),
    "a statement where none is": (("statement", "M01", "2026-08-03"), REFUSED, "was none"),
    "a statement outside": (("statement", "../../x", "2026-08-03"), REFUSED, "Expected statements of"),
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of files that somebody may name."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "empty.txt": "", "broken.yaml": "contract: G\n\ttick: 1\n", "broken.json": "{'contract': 'G'}",
        "tickless.yaml": "contract: G\nsize: 730\n", "slip.yaml": "contract: G\nsize: 730\ntick: 0.001\nfees: 1\n",
        "text.yaml": "just a text\n", "trades.csv": HEADER, "two words.csv": HEADER,
        "accounts.csv": "account,member,origin,positions\n",
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "utf16.csv").write_bytes(HEADER.encode("utf-16"))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_in_a_sentence(case: str, empty: Path) -> None:
    """The sentence says what was expected and what was; no traceback, nothing on standard output, no folder made."""
    arguments, code, sentence = CASES[case]
    told = run(*arguments, data=empty)
    assert (told.code, told.out) == (code, ""), told.all
    # A usage error stands in a frame of the terminal's width: its words count, not its lines.
    assert sentence in (" ".join(told.err.split()) if code == USAGE else told.err), told.all
    assert "Traceback" not in told.err
    assert not empty.exists()


@pytest.mark.usefixtures("files")
def test_every_broken_document_of_a_list_is_told_with_its_line(empty: Path) -> None:
    """Each broken document is told where it breaks; when none is sound, nothing is started."""
    Path("list.yaml").write_text(
        "- {contract: G, size: 730, tick: 0}\n- contract: H\n  size: 730\n  tick: 0.001\n  fee: 0.001\n"
        "- contract: I\n  size: 730\n  tick: 0.01\n  daily_settlement:\n    tiers: [vwap]\n"
        "    window: [15:00:00, 14:00:00]\n"
        "- contract: J\n  size: 730\n  tick: 0.01\n  final_settlement: {closing_lag: 2}\n"
    )
    told = run("contract", "add", "list.yaml", data=empty)
    assert [line.split(" Expected ")[0] for line in told.err.splitlines()] == [
        "list.yaml:1:", "list.yaml:5:", "list.yaml:11:", "list.yaml:15:",
    ]  # fmt: skip
    assert (told.code, empty.exists()) == (1, False)


def test_json_terms_are_read_with_tabs_and_lines(tmp_path: Path, empty: Path) -> None:
    """JSON that indents with tabs is told with the line of its broken key."""
    file = tmp_path / "terms.json"
    file.write_text('{\n\t"contract": "G",\n\t"size": 730,\n\t"tick": -0.001\n}\n')
    told = run("contract", "add", file, data=empty)
    assert told.err == f"{file}:4: Expected a price increment greater than zero for `tick`, was '-0.001'.\n"


def test_an_unknown_variable_of_ours_is_refused(empty: Path) -> None:
    """A slip in NOVATE_DATA's name would send controls to another platform."""
    told: Told = run("day", "cut", data=empty, env={"NOVATE_DATE": "x"})
    assert (told.code, "Did you mean NOVATE_DATA?" in told.err) == (1, True)
