"""Files that cannot be read: each error says file, line, what was expected and what was."""

from __future__ import annotations

from pathlib import Path

import pytest

from settlement.scenario.calc import main_calc
from settlement.scenario.errors import UnreadableScenarioError
from settlement.scenario.parse import read_scenario
from tests.scenario.files import FILE, problems

C = "contracts: {G: {size: 730, tick: 0.001}}\n"
T = "trade: {id: T1, contract: G, buyer: A, seller: B, lots: 1, price: 2}"

BAD = [
    # The file itself.
    ("empty", "", 1, "a mapping with the key `events`", "an empty file"),
    ("comment-only", "# nothing\n", 1, "a mapping with the key `events`", "an empty file"),
    ("null", "null\n", 1, "a mapping with the key `events`", "an empty file"),
    ("a-text", "hello\n", 1, "a mapping of the keys of a scenario", "'hello'"),
    ("a-list", "- cut: {date: 2026-11-23}\n", 1, "a mapping of the keys of a scenario", "a list"),
    ("not-utf-8", b"title: x\nevents: [\xff]\n", 2, "text in UTF-8", "the byte 0xff"),
    ("control-character", "title: a\x07b\nevents: []\n", 1, "printable text", "the character '\\x07'"),
    ("tab", "events:\n\t- cut: {date: 2026-11-23}\n", 2, "spaces at the beginning of a line", "a tab"),
    ("unclosed", "events: [\n", 2, "YAML", "while parsing"),
    ("two-documents", "events: []\n---\nevents: []\n", 3, "one document a file", "a second one after `---`"),
    ("unknown-alias", "events: *e\n", 1, "an anchor that stands before it (there is none)", "`*e`"),
    ("alias-to-itself", "events: &e [*e]\n", 1, "an anchor that stands before it (there is none)", "`*e`"),
    ("tag", "title: !!str x\nevents: []\n", 1, "no tag", "`tag:yaml.org,2002:str`"),
    ("python-tag", "title: !!python/object:os.system x\nevents: []\n", 1, "no tag", "python/object"),
    ("key-twice", "events: []\ntitle: a\ntitle: b\n", 3, "each key once", "`title` a second time (first in line 2)"),
    ("key-a-list", "[a]: b\nevents: []\n", 1, "a text as key", "a list"),
    ("key-null", "events: []\n~: b\n", 2, "a text as key", "nothing"),
    ("merged-text", "events: []\ncontracts: {G: {<<: x, size: 1, tick: 1}}\n", 2, "after `<<`", "'x'"),
    # The top level.
    ("no-events", C, 1, "the key `events` in a scenario", "only contracts"),
    ("unknown-key", "event: []\nevents: []\n", 1, "a key of a scenario", "`event`"),
    ("title-list", "title: [a]\nevents: []\n", 1, "a text", "a list"),
    ("title-lines", "events: []\ntitle: |\n  a\n  b\n", 2, "one line of text", "several"),
    ("events-mapping", "events: {cut: {date: 2026-11-23}}\n", 1, "a list of events", "a mapping"),
    ("events-text", "events: none\n", 1, "a list of events", "'none'"),
    ("accounts-list", "events: []\naccounts: [A]\n", 2, "a mapping of account", "a list"),
    ("account-keys", "events: []\naccounts:\n  A: {member: M, origin: house}\n", 3, "the key `positions` in an account", "only member, origin"),
    ("origin", "events: []\naccounts: {A: {member: M, origin: hous, positions: net}}\n", 2, "house or client", "'hous'"),
    ("positions", "events: []\naccounts: {A: {member: M, origin: house, positions: 1}}\n", 2, "net or gross", "'1'"),
    ("house-account", "events: []\naccounts: {CCP/x: {member: M, origin: house, positions: net}}\n", 2, "CCP/", "'CCP/x'"),
    ("holidays", "events: []\ncalendar: {holidays: 2026-11-26}\n", 2, "a list of dates", "'2026-11-26'"),
    ("holiday", "events: []\ncalendar:\n  holidays:\n    - 2026-11-32\n", 4, "a date such as", "'2026-11-32'"),
    ("calendar-key", "events: []\ncalendar: {holiday: []}\n", 2, "a key of `calendar`", "`holiday`"),
    # Contracts.
    ("contract-text", "events: []\ncontracts: {G: 730}\n", 2, "a mapping of the keys of a contract", "'730'"),
    ("no-tick", "events: []\ncontracts: {G: {size: 730}}\n", 2, "greater than zero for `tick`", "nothing"),
    ("no-size", "events: []\ncontracts: {G: {tick: 1}}\n", 2, "for `size`", "nothing"),
    ("size-zero", "events: []\ncontracts: {G: {size: 0, tick: 1}}\n", 2, "above zero for `size`", "'0'"),
    ("size-word", "events: []\ncontracts: {G: {size: big, tick: 1}}\n", 2, "`hours-in-month` or a decimal number", "'big'"),
    ("size-huge", "events: []\ncontracts: {G: {size: 9200000000, tick: 1}}\n", 2, "below 9200000000 for `size`", "9200000000"),
    ("no-month", "events: []\ncontracts: {G: {size: hours-in-month, tick: 1}}\n", 2, "a month such as 2027-02", "nothing"),
    ("month-13", "events: []\ncontracts: {G: {size: hours-in-month, month: 2027-13, tick: 1}}\n", 2, "a month", "'2027-13'"),
    ("tick-fine", "events: []\ncontracts: {G: {size: 1, tick: 0.0000000001}}\n", 2, "at most 9 decimals", "0.0000000001"),
    ("tick-negative", "events: []\ncontracts: {G: {size: 1, tick: -1}}\n", 2, "a number above zero", "'-1'"),
    ("currency", "events: []\ncontracts: {G: {size: 1, tick: 1, currency: USB}}\n", 2, "an ISO 4217 code", "'USB'"),
    ("rounding", "events: []\ncontracts: {G: {size: 1, tick: 1, rounding: up}}\n", 2, "half-up, half-even or down", "'up'"),
    ("fee-fine", "events: []\ncontracts:\n  G:\n    size: 1\n    tick: 1\n    fee: 0.355\n", 6, "never finer than", "'0.355'"),
    ("fee-yen", "events: []\ncontracts: {G: {size: 1, tick: 1, currency: JPY, fee: 0.5}}\n", 2, "a fee in JPY", "'0.5'"),
    ("fee-negative", "events: []\ncontracts: {G: {size: 1, tick: 1, fee: -1}}\n", 2, "zero or more for `fee`", "'-1'"),
    ("cap-below-floor", "events: []\ncontracts: {G: {size: 1, tick: 1, cap: 1, floor: 2}}\n", 2, "not below the floor 2", "'1'"),
    ("last-trade", "events: []\ncontracts: {G: {size: 1, tick: 1, last_trade: soon}}\n", 2, "a date such as", "'soon'"),
    ("no-terms", "events: []\ncontracts: {G: {terms: cme}}\n", 2, "a shipped terms document", "'cme'"),
    ("tiers", "events: []\ncontracts: {G: {size: 1, tick: 1, daily_settlement: {tiers: [wap]}}}\n", 2, "vwap, last-in-quote", "'wap'"),
    ("no-window", "events: []\ncontracts: {G: {size: 1, tick: 1, daily_settlement: {tiers: [vwap]}}}\n", 2, "daily_settlement.window", "nothing"),
    ("window", "events: []\ncontracts: {G: {size: 1, tick: 1, daily_settlement: {tiers: [vwap], window: [14:30:00, 14:28:00], zone: UTC}}}\n",
     2, "a window whose end is not before its start", "[14:30:00, 14:28:00]"),
    ("time", "events: []\ncontracts: {G: {size: 1, tick: 1, daily_settlement: {tiers: [vwap], window: [14:28, 24:00]}}}\n", 2, "a time", "'24:00'"),
    ("zone", "events: []\ncontracts: {G: {size: 1, tick: 1, daily_settlement: {tiers: [previous], zone: America/Chikago}}}\n",
     2, "a time zone such as America/Chicago", "'America/Chikago'"),
    ("final-days", "events: []\ncontracts: {G: {size: 1, tick: 1, final_settlement: {method: average, series: S, days: listed, missing: error, precision: 4}}}\n",
     2, "a list of dates", "[]"),
    ("final-precision", "events: []\ncontracts: {G: {size: 1, tick: 1, final_settlement: {precision: 10}}}\n", 2, "0 to 9", "10"),
    # Series.
    ("methodology", "events: []\nseries: {S: {across_providers: mean, precision: 4}}\n", 2, "for `value_per_provider`", "nothing"),
    ("across", "events: []\nseries: {S: {value_per_provider: last, across_providers: avg, precision: 4}}\n", 2, "median, mean or", "'avg'"),
    ("fallback", "events: []\nseries: {S: {value_per_provider: last, across_providers: mean, precision: 4, fallback: [relx: 3]}}\n",
     2, "a key of `fallback`", "`relx`"),
    ("outliers", "events: []\nseries: {S: {value_per_provider: last, across_providers: mean, precision: 4, outliers: {deviation: {exclude: 0.1}}}}\n",
     2, "the key `readmit` in `deviation`", "only exclude"),
    # Events.
    ("event-text", "events:\n  - cut\n", 2, "an event such as", "'cut'"),
    ("event-empty", "events:\n  - {}\n", 2, "an event such as", "an empty mapping"),
    ("event-two-keys", "events:\n  - cut: {date: 2026-11-23}\n    settle: {}\n", 2, "an event of one key, its name", "`cut` and `settle`"),
    ("event-name", f"{C}events:\n  - traed: {{}}\n", 3, "the name of an event", "`traed`"),
    ("event-fields", "events:\n  - cut: 2026-11-23\n", 2, "a mapping of the keys of `cut`", "'2026-11-23'"),
    ("event-key", f"{C}events:\n  - {T[:-1]}, prise: 2}}\n", 3, "a key of `trade`", "`prise`"),
    ("event-missing", "events:\n  - bust: {}\n", 2, "the key `trade` in `bust`", "an empty mapping"),
    ("no-price", "events:\n  - trade: {contract: G, buyer: A, seller: B, lots: 1}\n", 2, "the key `price` in `trade`", "only contract, buyer"),
    ("lots-fraction", "events:\n  - close_out: {account: A, contract: G, lots: 1.5}\n", 2, "a whole number for `lots`", "'1.5'"),
    ("lots-word", "events:\n  - close_out: {account: A, contract: G, lots: ten}\n", 2, "a whole number for `lots`", "'ten'"),
    ("lots-null", "events:\n  - close_out: {account: A, contract: G, lots: }\n", 2, "a whole number for `lots`", "nothing"),
    ("price-float", "events:\n  - adjust: {trade: T, price: 2.3e5}\n", 2, "a decimal number such as 2.350 for `price`", "'2.3e5'"),
    ("price-comma", "events:\n  - adjust: {trade: T, price: '2,35'}\n", 2, "a decimal number such as 2.350 for `price`", "'2,35'"),
    ("price-nan", "events:\n  - adjust: {trade: T, price: .nan}\n", 2, "a decimal number such as 2.350 for `price`", "'.nan'"),
    ("price-list", "events:\n  - adjust: {trade: T, price: [2]}\n", 2, "a decimal number such as 2.350", "a list"),
    ("price-endless", f"events:\n  - adjust: {{trade: T, price: {'1' * 61}}}\n", 2, "at most 60 digits", "61 characters"),
    ("at-zone", "events:\n  - quote: {contract: G, bid: 1, at: 2026-11-23T15:00:00}\n", 2, "an instant with its zone", "'2026-11-23T15:00:00'"),
    ("date-slash", "events:\n  - cut: {date: 2026/11/23}\n", 2, "a date such as 2026-11-23 for `date`", "'2026/11/23'"),
    ("date-february", "events:\n  - cut: {date: 2027-02-29}\n", 2, "a date such as 2026-11-23 for `date`", "'2027-02-29'"),
    ("quote-empty", "events:\n  - quote: {contract: G}\n", 2, "`bid`, `ask` or both in `quote`", "neither"),
    ("settle-word", "events:\n  - settle: {date: 2026-11-23, prices: automatic}\n", 2, "`auto` or a mapping", "'automatic'"),
    ("settle-price", "events:\n  - settle:\n      date: 2026-11-23\n      prices:\n        G: dear\n", 5, "a decimal number", "'dear'"),
    ("carry-lots", "events:\n  - carry: {contract: G, price: 1, positions: {A: {long: 1}}}\n", 2, "the key `short`", "only long"),
    ("give-up-nobody", "events:\n  - give_up: {trade: T, side: buy, to: {}}\n", 2, "at least 1 of account: lots", "an empty mapping"),
    ("side", "events:\n  - give_up: {trade: T, side: bye, to: {A: 1}}\n", 2, "buy or sell for `side`", "'bye'"),
    ("type", f"events:\n  - {T[:-1]}, type: otc}}\n", 2, "regular, block, efrp or spread_leg for `type`", "'otc'"),
    ("open-close", f"events:\n  - {T[:-1]}, open_close: {{buyer: opn}}}}\n", 2, "open or close", "'opn'"),
    ("average-nothing", "events:\n  - average: {account: A, contract: G, side: buy, trades: []}\n", 2, "at least 1 of trade ids", "an empty list"),
    ("final-status", "events:\n  - final: {contract: G, date: 2026-11-23, price: auto, status: last}\n", 2, "provisional or final", "'last'"),
    ("fixing-word", "events:\n  - fixing: {series: S, date: 2026-11-23, value: high}\n", 2, "a decimal number", "'high'"),
    ("observe-quantity", "events:\n  - observe: {series: S, provider: p, price: 1, quantity: -1}\n", 2, "zero or more", "'-1'"),
    ("name-blank", 'events:\n  - bust: {trade: " T1"}\n', 2, "a name without blanks around it", "' T1'"),
    ("name-empty", 'events:\n  - bust: {trade: ""}\n', 2, "a name", "''"),
    # Expectations.
    ("expect-list", "events: []\nexpect: []\n", 2, "no list for `expect`", "an empty list"),
    ("expect-key", "events: []\nexpect: {total: {}}\n", 2, "a key of `expect`", "`total`"),
    ("expect-amount", "events: []\nexpect:\n  cycles:\n    - lines: [{amounts: {TVRA: 1}}]\n", 4, "a key of `amounts`", "`TVRA`"),
    ("expect-no-list", "events: []\nexpect: {rejections: {event: 1}}\n", 2, "a list for `rejections`", "a mapping"),
]  # fmt: skip


@pytest.mark.parametrize("content, line, expected, was", [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
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
    [error] = problems("events: " + "[" * 5000 + "]" * 5000)
    assert "50 levels" in error.expected


@pytest.mark.parametrize("name, was", [("missing.yaml", "no such file or directory"), (".", "a directory")])
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
