"""What reads well: values stay as they were written, and every event of the language has its form and its page."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from settlement.scenario import events as of
from settlement.scenario.parse import parse_scenario
from settlement.scenario.tree import read_tree
from tests.scenario.files import scenario

REFERENCE = (Path(__file__).parents[2] / "docs/reference/scenarios.md").read_text(encoding="utf-8")


def test_numbers_dates_and_times_stay_text() -> None:
    """Quoted or not, numbers keep every digit, and what YAML takes for floats, dates, bools or sixties stays text."""
    document = parse_scenario(
        "contracts:\n"
        "  G:\n"
        "    size: 0.10000000000000000\n"
        "    tick: '0.001'\n"
        "    daily_settlement: {window: [14:28:00, 14:30], zone: America/Chicago, tiers: [vwap]}\n"
        "events:\n"
        "  - carry: {contract: G, price: 2.3500, positions: {on: 10, 1e5: -10, 010: 0}}\n"
    )
    assert document.contracts["G"]["size"] == "0.10000000000000000"
    assert document.contracts["G"]["tick"] == "0.001"
    assert document.contracts["G"]["daily_settlement"]["window"] == ["14:28:00", "14:30:00"]
    [entry] = document.events
    assert entry.event == of.Carry(contract="G", price="2.3500", positions={"on": 10, "1e5": -10, "010": 0})


def test_block_and_flow_style_read_the_same() -> None:
    """An event over many lines equals the same event on one line; each knows the line it begins in."""
    flow = "events:\n  - quote: {contract: G, bid: 1.5, at: 2026-11-23T15:00:00Z}\n"
    block = "events:\n  -\n    quote:\n      contract: G\n      bid: '1.5'\n      at: \"2026-11-23T16:00:00+01:00\"\n"
    [first], [second] = parse_scenario(flow).events, parse_scenario(block).events
    assert first.event == second.event
    assert (first.line, second.line) == (2, 3)


def test_anchors_aliases_and_merge_keys_work() -> None:
    """A contract may be written once and varied: its own keys win over merged ones."""
    document = parse_scenario(
        "contracts:\n"
        "  A: &base {size: 730, tick: 0.001, fee: 0.35}\n"
        "  B: *base\n"
        "  C: {<<: *base, fee: 0.10}\n"
        "  D: {<<: [{tick: 0.5}, *base]}\n"
        "events: []\n"
    )
    fees = {name: (terms["tick"], terms["fee"]) for name, terms in document.contracts.items()}
    assert fees == {"A": ("0.001", "0.35"), "B": ("0.001", "0.35"), "C": ("0.001", "0.10"), "D": ("0.5", "0.35")}


def test_a_byte_order_mark_and_windows_line_ends_are_read_over() -> None:
    """A file as a spreadsheet's editor saves it reads like any other."""
    document = parse_scenario("\ufefftitle: x\r\nevents: []\r\n".encode())
    assert document.title == "x"


def test_events_may_be_empty() -> None:
    """A file whose list of events is empty has nothing to settle, and is no error."""
    assert parse_scenario("events:\n").events == ()
    assert parse_scenario("events: []\n").events == ()


def test_what_may_be_left_out_has_its_default() -> None:
    """A trade needs no id, instant, type or open_close; a transfer no price; a quote one side only."""
    document = scenario(
        """
        trade: {contract: G, buyer: A, seller: B, lots: 1, price: 2}
        transfer: {contract: G, from: A, to: B, lots: 1}
        quote: {contract: G, ask: 2}
        give_up: {trade: T, side: sell, to: {C: 1}}
        """,
        head="",
    )
    trade, transfer, quote, give_up = (entry.event for entry in document.events)
    assert isinstance(trade, of.Trade)
    assert (trade.id, trade.at, trade.type, trade.open_close) == (None, None, "regular", of.OpenClose())
    assert isinstance(transfer, of.Transfer)
    assert (transfer.from_, transfer.price, transfer.position) == ("A", None, None)
    assert isinstance(quote, of.Quote)
    assert (quote.bid, quote.at) == (None, None)
    assert isinstance(give_up, of.GiveUp)
    assert give_up.open_close == "open"


def test_an_account_is_what_it_would_be_unlisted_but_for_what_it_says() -> None:
    """Its member has its name, it is a house account and net, each unless the file says otherwise."""
    listed = "accounts: {A: {}, B: {member: M}, C: {member: M, origin: client}, D: {positions: gross}}\n"
    accounts = scenario("settle: {date: 2026-11-23, prices: {}}", head=listed).accounts
    assert [(one.account, one.member, one.origin, one.positions) for one in accounts.values()] == [
        ("A", "A", "HOUSE", "NET"),
        ("B", "M", "HOUSE", "NET"),
        ("C", "M", "CLIENT", "NET"),
        ("D", "D", "HOUSE", "GROSS"),
    ]


def test_shipped_terms_are_overridden_key_by_key() -> None:
    """`terms: NAME` takes a shipped document; what the file writes wins, inside its mappings too."""
    shipped = {
        "month": lambda _: {"size": "730", "tick": "0.001", "daily_settlement": {"window": "day", "tiers": ["vwap"]}}
    }
    document = parse_scenario(
        "contracts: {G: {terms: month, tick: 0.5, daily_settlement: {tiers: [vwap, previous]}}}\nevents: []\n",
        shipped=shipped,
    )
    assert document.contracts["G"] == {
        "contract": "G",
        "size": "730",
        "tick": "0.5",
        "daily_settlement": {"window": "day", "tiers": ("vwap", "previous")},
    }


def test_every_event_is_documented_with_all_its_keys() -> None:
    """Each event of the language has a section with an example in the reference, which names each of its keys."""
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^#)", REFERENCE, re.DOTALL | re.MULTILINE))
    assert sections.keys() >= of.EVENTS.keys()
    for name, cls in of.EVENTS.items():
        for field in dataclasses.fields(cls):
            assert f"`{field.name.rstrip('_')}" in sections[name], f"{name}: {field.name} is not documented"


def test_lines_are_those_of_the_file() -> None:
    """Each node of the tree knows its line, behind comments and blank lines too."""
    tree, found = read_tree(b"# a comment\n\nevents:\n\n  # another\n  - cut: {date: 2026-11-23}\n")
    assert not found
    assert "line=6, value='cut'" in repr(tree)
