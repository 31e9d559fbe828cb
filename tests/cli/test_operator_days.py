"""Two business days by commands alone: what an operator is told, and what the books say in the end."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from settlement.statements.statement import COLUMNS
from tests.cli.operated import Operated

pytestmark = pytest.mark.timeout(420)  # the first test runs both days


def test_contracts_are_listed_once(operated: Operated) -> None:
    """A terms document is accepted, again it was applied before, and its terms are shown as they were written."""
    assert operated["contract add"].code == 0, operated["contract add"].all
    assert "Accepted: contract TOK (control listing/TOK/1)" in operated["contract add"].out
    again = operated["contract add again"]
    assert (again.code, [one["outcome"] for one in again.json]) == (0, ["applied before"] * 2)
    listed = operated["contract list"].json
    assert [(one["contract"], one["size"], one["tiers"], one["version"]) for one in listed] == [
        ("GPUH-2026-08", "730", "", 1), ("TOK", "1000", "vwap, previous", 1),
    ]  # fmt: skip
    assert operated["contract show"].json["tick"] == "0.01"
    assert operated["contract unknown"].code == 1
    assert operated["contract unknown"].err == "Expected a listed contract, was 'TOKI'. Did you mean `TOK`?\n"


def test_a_hedger_is_answered_from_the_books(operated: Operated) -> None:
    """10 lots bought at 2.350, settled at 2.362: the ledger's cash and fee, its price for the index; a slip is told."""
    told = operated["hedge"]
    assert told.code == 0, told.all
    (month,) = told.json["months"]
    figures = ("physical", "futures", "fees", "total", "locked", "basis", "open", "hedged_price", "index_source")
    assert [month[name] for name in figures] == [
        "-17972.60", "87.60", "-3.50", "-17888.50", "-17888.50", "0.00", "0.00", "2.3500", "futures",
    ]  # fmt: skip
    slip = operated["hedge of a slip"]
    assert (slip.code, slip.err.startswith(f"{operated.files / 'slip.yaml'}:2: Expected accounts of the platform")) == (
        2,
        True,
    )


@pytest.mark.rule("IDX-1")
def test_series_are_defined_by_documents(operated: Operated) -> None:
    """Sound ones are sent, a shipped methodology with what differs; others are told with their line; versions count."""
    added = operated["series add"]
    assert (added.code, added.out.count("Accepted: index series")) == (1, 2), added.all
    file = operated.files / "series.yaml"
    bad, worse = added.err.splitlines()
    assert bad.startswith(f"{file}:4: Expected ")
    assert bad.endswith("for `precision`, was '40'.")
    assert worse.startswith(f"{file}:5: Expected a shipped methodology (gpu-rental, open-index, ")
    assert [one["outcome"] for one in operated["series add again"].json] == ["applied before"] * 2
    assert operated["series changed"].code == 0
    listed = {one["series"]: (one["value_per_provider"], one["version"]) for one in operated["series list"].json}
    assert listed == {"H100": ("median", 1), "TOK": ("median", 2)}
    shown = operated["series show"].json
    assert (shown["min_providers"], shown["max_age_hours"], "methodology" in shown) == ("4", "48", False)
    assert "TOK, version 2" in operated["series shown"].out
    assert operated["series unknown"].err == "Expected a defined series, was 'H10'. Did you mean `H100`?\n"


@pytest.mark.rule("GUP-2")
def test_pending_give_ups_are_listed(operated: Operated) -> None:
    """A row for each taker until it answers or the giver withdraws, with the date on which it lapses."""
    rows = operated["pending"].json
    assert [(one["claim"], one["taker"], one["lots"]) for one in rows] == [
        ("request_give_up/T3/1", "B", 1), ("request_give_up/T3/1", "D", 2),
    ]  # fmt: skip
    told = [rows[0][key] for key in ("trade", "contract", "side", "giver", "since", "lapses")]
    assert told == ["T3", "TOK", "buy", "A", "2026-08-05", "2026-08-11"]
    assert operated["pending of nobody"].json == operated["pending no more"].json == []
    assert "Pending give-ups" in operated["pending shown"].out


@pytest.mark.rule("POS-1")
def test_a_position_over_its_limit_is_told(operated: Operated) -> None:
    """It stands beside the position with the lots beyond and since when, and status and the terms tell it too."""
    rows = {(one["account"], one["contract"]): one for one in operated["positions"].json}
    assert [rows["A", "GPUH-2026-08"][key] for key in ("lots", "limit", "over", "since")] == [10, 6, 4, "2026-08-03"]
    assert [rows["B", "TOK"][key] for key in ("lots", "limit", "over", "since")] == [-5, 4, 1, "2026-08-03"]
    house = "M01 house is long 5 lots of TOK, 1 over the position limit of 4, since 2026-08-03."
    clients = house.replace("M01 house is long", "M02 client is short")
    assert f"OVER THE LIMIT {house}" in operated["positions shown"].out
    house, clients = (one.replace("5 lots", "6 lots").replace(" 1 over", " 2 over") for one in (house, clients))
    for name in ("status", "show over the limit"):
        told = [line for line in operated[name].out.splitlines() if line.startswith("OVER THE LIMIT")]
        assert told == [f"OVER THE LIMIT {house}", f"OVER THE LIMIT {clients}"], name
    assert operated["status"].code == operated["status json"].code == 0
    told = operated["status json"].json
    assert (told["over_limit"][0]["over"], told["over_limit_unknown"]) == (2, None)


@pytest.mark.rule("TRM-1")
def test_new_terms_wait_for_their_date(operated: Operated) -> None:
    """What waits is shown with its date and hash; on its date, and not before, trades pay the new fee to the cent."""
    assert operated["terms"].out.startswith("Accepted: contract GPUH-2026-08 from 2026-08-05 on (control listing/")
    assert operated["terms again"].out.startswith("Was applied before: contract GPUH-2026-08 from 2026-08-05 on")
    for name, code in (("terms too late", "WRONG_DATE"), ("terms frozen", "FROZEN_TERMS")):
        assert (operated[name].code, code in operated[name].err) == (1, True), operated[name].all
    shown = operated["terms shown"].out
    assert "GPUH-2026-08, version 1" in shown
    assert [one["sha256"] in shown for one in operated["versions"].json] == [True, True]
    assert (operated["terms in force"].json["fee"], operated["terms planned"].json["fee"]) == ("0.35", "0.50")
    listed = [(one["version"], one["from"], one["state"]) for one in operated["versions"].json]
    assert listed == [(1, None, "in force"), (2, "2026-08-05", "pending")]
    then = operated["versions then"].json
    assert [(one["from"], one["state"]) for one in then] == [(None, "was in force"), ("2026-08-05", "in force")]
    assert [one["sha256"] for one in then] == [one["sha256"] for one in operated["versions"].json]
    fees = {
        day: {one["account"]: one["fee"] for one in operated[day].json if one["contract"] == "GPUH-2026-08"
              and one["cycle"] == "end_of_day/1"}
        for day in ("margin", "margin of the third")
    }  # fmt: skip
    assert fees == {"margin": {"A": "-3.50", "B": "-3.50"}, "margin of the third": {"A": "-1.00", "B": "-1.00"}}


def test_a_bad_row_of_accounts_does_not_stop_the_rest(operated: Operated) -> None:
    """Sound rows are opened, each bad one is told with its line, and an account keeps its terms."""
    assert operated["account add"].code == 0
    rows = operated["account rows"]
    assert (rows.code, "Accepted: account D" in rows.out) == (1, True)
    assert rows.err.splitlines() == [
        f"{operated.files / 'bad.csv'}:3: origin: Expected house or client, was 'hous'.",
        f"{operated.files / 'bad.csv'}:4: Expected 4 columns, was 2.",
    ]
    changed = operated["account changed"]
    assert (changed.code, changed.out) == (1, "")
    assert changed.err.startswith("Refused: account A: DUPLICATE_NAME: Expected a new account, was 'A'")
    assert "Rule: " in changed.err
    listed = [tuple(one.values()) for one in operated["account list"].json]
    assert listed == [("A", "M01", "house", "net"), ("B", "M02", "client", "net"), ("D", "M03", "house", "gross")]


def test_no_date_no_trades(operated: Operated) -> None:
    """Before a date is open nothing of a file is taken, and there is nothing to cut."""
    early = operated["ingest too early"]
    assert (early.code, "novate day open DATE" in early.err, operated["spooled too early"].code) == (1, True, 0)
    assert operated["cut too early"].code == 1
    assert operated["day open"].code == operated["day open again"].code == 0
    assert operated["day open again"].out.startswith("Was applied before: business date 2026-08-03")
    another = operated["day open another"]
    assert (another.code, another.json["outcome"], another.json["code"]) == (1, "refused", "WRONG_DATE")


def test_a_file_is_fed_row_by_row(operated: Operated) -> None:
    """Accepted and rejected rows are counted, each rejection is told with file and line, a half line waits."""
    told = operated["ingest"]
    assert told.code == 0, told.all
    assert told.out.startswith("trades.csv into feed trades: 2 accepted, 3 rejected.\n")
    found = [line.split(maxsplit=3) for line in told.out.splitlines() if line.strip().startswith("trades.csv ")]
    assert [(file, line, code) for file, line, code, _ in found[1:] or found] == [
        ("trades.csv", "3", "UNKNOWN_ACCOUNT"), ("trades.csv", "5", "OFF_TICK"), ("trades.csv", "6", "MALFORMED"),
    ]  # fmt: skip
    assert "novate account add" in told.out
    assert "trades.csv line 7 has no newline yet and waits" in told.err


def test_what_was_there_is_skipped(operated: Operated) -> None:
    """The same file again is skipped, with its rejections kept; --strict makes rows that wait an error."""
    again = operated["ingest again"]
    assert again.code == 0
    counts = {name: again.json[name] for name in ("accepted", "rejected", "skipped", "rejected_before", "waiting_line")}
    assert counts == {"accepted": 0, "rejected": 0, "skipped": 5, "rejected_before": 3, "waiting_line": 7}
    assert [(one["source_seq"], one["original"], one["before"]) for one in again.json["rejections"]][-1] == (
        5,
        "5,garbage",
        True,
    )
    assert operated["ingest strictly"].code == 1
    grown = operated["ingest grown"].json
    assert (grown["accepted"], grown["rejected"], grown["skipped"]) == (1, 1, 5)
    assert [one["code"] for one in grown["rejections"] if not one["before"]] == ["UNKNOWN_CONTRACT"]


def test_a_number_is_used_once(operated: Operated) -> None:
    """Another text under a number of the feed, or a number too far, stops the file with exit code 1."""
    reused = operated["reused"]
    assert (reused.code, reused.json["stopped"]["code"]) == (1, "SEQUENCE_REUSED")
    assert "reused.csv line 2" in reused.json["stopped"]["message"]
    gap = operated["gap"]
    assert (gap.code, "SEQUENCE_GAP: gap.csv line 2: expected source_seq 6, was 9." in gap.err) == (1, True)


def test_refusals_name_code_and_rule(operated: Operated) -> None:
    """A refused control is told with code, rule and message, and exit code 1; it does not keep a better one out."""
    unknown = operated["bust unknown"]
    assert (unknown.code, unknown.json["code"], bool(unknown.json["rule"])) == (1, "UNKNOWN_TRADE", True)
    assert operated["one person"].err.startswith("Refused: waiver of trades number 2: TWO_PEOPLE: ")
    assert operated["waive 2"].out == "Accepted: waiver of trades number 2 (control waive/trades/2/2)\n"
    assert operated["waive again"].out.startswith("Was applied before: ")
    assert "OFF_TICK" in operated["off the tick"].err
    assert operated["price too early"].code == operated["settle too early"].code == 1
    assert "Cut it first: novate day cut" in operated["price too early"].err


def test_prices_by_hand_complete_what_the_tiers_say(operated: Operated) -> None:
    """What pricing could not propose is given by hand, the rest comes from the tiers, and the answer says which."""
    cut = operated["day cut"]
    assert (cut.code, cut.json["outcome"]) == (0, "accepted")
    tiers = {one["contract"]: (one["price"], one["tier"]) for one in operated["tiers"].json}
    assert tiers == {"GPUH-2026-08": (None, "none"), "TOK": ("12.3", "vwap")}
    shown = operated["day show"].out
    assert "Open: 2026-08-04" in shown
    assert "Cut, waits for prices: 2026-08-03: MISSING_PRICE" in shown
    assert "GPUH-2026-08" in operated["settle without prices"].err
    price = operated["price"]
    assert price.code == 0, price.all
    assert price.out.splitlines()[:2] == ["  GPUH-2026-08 2.362 (given)", "  TOK 12.31 (override)"]
    assert operated["price again"].json["outcome"] == "applied before"
    assert operated["price otherwise"].json["code"] == "ALREADY_SETTLED"


@pytest.mark.rule("DSP-1")
def test_a_held_date_waits_for_people(operated: Operated) -> None:
    """Pricing, which could price it all, proposes nothing: the tiers are looked at, then two people override them."""
    assert operated["cut the third"].code == 0, operated["cut the third"].all
    said = {one["contract"]: (one["price"], one["tier"]) for one in operated["held"].json}
    assert said["TOK"] == ("12.41", "previous")
    assert operated["price the third"].code == 0, operated["price the third"].all
    assert "TOK 12.40 (override)" in operated["price the third"].out


@pytest.mark.rule("DSP-1")
def test_an_override_shows_its_cash_needs_two_people_and_keeps_what_it_replaced(operated: Operated) -> None:
    """Its cash by member is shown first; one person is refused; afterwards both names and the tier stand."""
    effect = operated["override what if"].json
    assert effect["overrides"] == [{"contract": "TOK", "price": "12.31", "tiers_price": "12.3", "tier": "vwap"}]
    cash = [Decimal(one["amount"]) for one in effect["cash"]]
    assert (len(cash), sum(cash)) == (2, 0)
    assert "TWO_PEOPLE" in operated["override by one"].err
    assert "Expected a person for --by, was 'pricing'" in operated["override by pricing"].err
    told = operated["explain price"]
    assert told.code == 0, told.all
    names = ("price", "tier", "requested_by", "approved_by", "reason")
    assert tuple(told.json[name] for name in names) == ("12.31", "override", "ann", "bob", "one thin trade")
    assert told.json["on_record"] == told.json["tiers"] == {"price": "12.3", "tier": "vwap"}
    assert "On record, it would have been 12.3 (vwap)." in operated["explain price shown"].out


def test_a_date_settles_once(operated: Operated) -> None:
    """Settled twice, the second time says that nothing changed; an earlier date is found unchanged too."""
    cycles = ["2026-08-03/intraday/1", "2026-08-03/end_of_day/1"]
    first = operated["settle"]
    assert (first.code, [line.split(": ")[0] for line in first.out.splitlines()]) == (0, cycles), first.all
    again = operated["settle again"]
    assert [(one["cycle"], one["outcome"]) for one in again.json] == [(cycle, "unchanged") for cycle in cycles]
    assert operated["settle the first once more"].out.count("posted before, unchanged") == 2


@pytest.mark.rule("VM-1", "FEE-1", "ITD-1")
def test_the_books_of_the_first_day(operated: Operated) -> None:
    """A collects 87.60 less its fee, 36.50 of it intraday; margin, payments and positions say the same."""
    lines = [one for one in operated["margin"].json if (one["account"], one["contract"]) == ("A", "GPUH-2026-08")]
    assert [(one["tvar"], one["imtm"], one["fee"], one["total"]) for one in lines] == [
        ("0.00", "36.50", "0.00", "36.50"), ("87.60", "-36.50", "-3.50", "47.60"),
    ]  # fmt: skip
    paid = [one for one in operated["payments"].json if one["currency"] == "USD" and one["member"] == "M01"]
    assert sum(Decimal(one["amount"]) for one in paid) == Decimal("84.10")
    held = {(one["account"], one["contract"]): one["lots"] for one in operated["positions"].json}
    assert held["A", "GPUH-2026-08"] == 10


def test_the_statement_is_the_file_that_was_written(operated: Operated) -> None:
    """--json and --csv give the file's bytes; without them tables; a stranger is told who has one."""
    folder = operated.house.data / "statements" / "2026-08-03"
    for way in ("json", "csv"):
        assert operated[f"statement {way}"].out.encode() == (folder / f"M01.{way}").read_bytes()
    document = operated["statement json"].json
    assert [(fill["trade_id"], fill["lots"], fill["price"]) for fill in document["fills"]] == [
        ("T1", 10, "2.35"),
        ("T3", 5, "12.3"),
    ]
    rows = list(csv.reader(io.StringIO(operated["statement csv"].out)))
    assert tuple(rows[0]) == COLUMNS
    assert {row[0] for row in rows[1:]} == {"position", "fill", "line", "payment"}
    shown = operated["statement"].out
    assert all(
        title in shown for title in ("Statement of M01 for 2026-08-03", "Positions", "Fills", "Margin", "Payments")
    )
    assert operated["statement of nobody"].err == (
        "Expected a member with a statement of 2026-08-03, was 'M99'. It has M01, M02, M03.\n"
    )


@pytest.mark.rule("ENT-7")
def test_a_breach_is_told_whole_until_it_is_mended(operated: Operated) -> None:
    """An open break halts the date: rule, trade and places are told, nothing is posted; waived, it settles."""
    breach = operated["breach"]
    assert breach.code == 1
    assert "ENT-7: Open break: Expected the refused trade T7 (7 of feed trades)" in breach.err
    assert "places: fills/0 stream_seq " in breach.err
    found = operated["breach json"]
    assert (found.code, found.json["breaches"][0]["rule"]) == (1, "ENT-7")
    assert operated["statement too early"].code == 1
    assert operated["halted again"].err.startswith("Halted again. ")
    retry = operated["retry"]
    assert (retry.code, "goes on" in retry.out) == (0, True), retry.all
    assert operated["settle the second"].code == 0, operated["settle the second"].all
    assert operated["status"].code == 0, operated["status"].all


@pytest.mark.rule("COR-3")
def test_a_bust_is_shown_before_it_is_approved(operated: Operated) -> None:
    """Its effect by member is what the ledger pays then, and sums to 0; approved for another date it is refused."""
    told = operated["bust what if"]
    assert (told.code, told.json["outcome"], told.json["open_date"]) == (0, "would be accepted", "2026-08-04"), told.all
    assert told.json["valued_at"] == [{"contract": "GPUH-2026-08", "date": "2026-08-03", "price": "2.362"}]
    effects = {(one["member"], one["origin"]): Decimal(one["amount"]) for one in told.json["cash"]}
    assert effects == {
        ("CCP", "fees"): Decimal("-7.00"), ("M01", "house"): Decimal("-84.10"), ("M02", "client"): Decimal("87.60"),
        ("M02", "house"): Decimal("3.50"),
    }  # fmt: skip
    assert sum(effects.values()) == 0
    line = next(one for one in operated["statement of the bust"].json["lines"] if one["contract"] == "GPUH-2026-08")
    assert Decimal(line["total"]) == effects["M01", "house"]
    shown = operated["bust what if shown"].out
    assert "GPUH-2026-08 is valued at the last settlement price, 2.362 of 2026-08-03." in shown
    assert "Nothing was sent. It would belong to 2026-08-04; send it with --approved-for 2026-08-04." in shown
    used = operated["bust what if used"]
    assert (used.code, "not used yet, was 'waive/trades/2/1'" in used.err) == (1, True), used.all
    stale = operated["bust stale"]
    assert (stale.code, stale.json["code"]) == (1, "APPROVAL_STALE"), stale.all


@pytest.mark.rule("COR-1")
def test_a_bust_after_settlement_takes_everything_back(operated: Operated) -> None:
    """T1 was paid on the first day and busted on the second: both days together come to nothing, fees included."""
    assert operated["bust"].out == "Accepted: bust of T1 (control bust/T1/2)\n"
    assert operated["bust again"].out.startswith("Was applied before: bust of T1")
    assert (operated["price with cut"].code, "(control mine)" in operated["price with cut"].out) == (0, True)
    document = operated["statement of the bust"].json
    line = next(one for one in document["lines"] if one["contract"] == "GPUH-2026-08")
    assert (line["bought"], line["amounts"]["smtm"], line["amounts"]["tvar"], line["total"]) == (
        -10,
        "-153.30",
        "65.70",
        "-84.10",
    )


@pytest.mark.rule("PAY-1")
def test_the_bank_moves_a_payment_to_confirmed(operated: Operated) -> None:
    """Each answer is accepted, the repeated one is not sent; the one out of order is listed with its reason."""
    assert operated["bank instruct"].json["outcome"] == "accepted", operated["bank instruct"].all
    assert operated["bank instruct again"].out.startswith("Was applied before: ")
    listed = operated["bank list"].json
    assert [one["state"] for one in listed[:5]] == ["instructed", "failed", "confirmed", "instructed", "confirmed"]
    assert [one["refused"] for one in listed[:5]] == [
        "", "", "Expected instructed after failed, was confirmed.", "", "",
    ]  # fmt: skip
    assert (listed[1]["reason"], listed[1]["reference"]) == ("account closed", "B-7")
    states = {one["payment"]: one["state"] for one in operated["payments after the bank"].json}
    assert states.pop(listed[0]["payment"]) == "confirmed"
    assert set(states.values()) == {"calculated"}


@pytest.mark.rule("PAY-2")
def test_payments_are_due_by_the_banks_calendar_and_open_ones_age(operated: Operated) -> None:
    """A bank's holidays are added once and listed; open payments tell their age; those due on a date go together."""
    assert operated["calendar add"].json["outcome"] == "accepted", operated["calendar add"].all
    assert operated["calendar add again"].out.startswith("Was applied before: 2 holidays of CNY")
    assert operated["calendar bad"].code == 1
    assert "bad.yaml:1: Expected an ISO 4217 code" in operated["calendar bad"].err
    assert "bad.yaml:2: Expected a date such as 2026-11-23, was '2026-08-32'" in operated["calendar bad"].err
    assert operated["calendar list"].json == [
        {"calendar": "CNY", "holidays": 2, "first": "2026-08-04", "last": "2026-08-05", "source": "a test"}
    ]
    rows = operated["payments open"].json
    assert {one["state"] for one in rows} == {"calculated"}
    assert {one["value_date"] for one in rows if one["currency"] == "CNY"} == {"2026-08-06"}
    assert {one["value_date"]: one["age_days"] for one in rows} == {
        "2026-08-03": 3, "2026-08-04": 2, "2026-08-05": 1, "2026-08-06": None,
    }  # fmt: skip
    later = {one["payment"]: one for one in operated["payments open after the bank"].json}
    assert set(later) == {one["payment"] for one in rows} - {operated["bank list"].json[0]["payment"]}
    told = {one["value_date"] for one in later.values() if one["state"] == "instructed"}
    assert told == {"2026-08-05"}
    assert {one["outcome"] for one in operated["bank due"].json} == {"accepted"}


@pytest.mark.rule("COR-1", "GUP-2", "TRF-1")
def test_every_correction_has_a_command(operated: Operated) -> None:
    """Each is accepted by the gateway, told as applied before when it is the newest, and refused with its rule."""
    accepted = ("adjust", "average", "transfer", "correct", "cash", "give up", "accept", "refuse", "provisional")
    for name in accepted:
        assert operated[name].code == 0, operated[name].all
        assert operated[name].out.startswith("Accepted: "), operated[name].out
    assert operated["adjust again"].out.startswith("Was applied before: adjust of T3")
    assert operated["adjust otherwise"].json["outcome"] == operated["adjust back"].json["outcome"] == "accepted"
    assert "TWO_PEOPLE" in operated["transfer by one"].err
    assert operated["close out"].json["code"] == "NOT_HELD"
    assert operated["withdraw"].json["code"] == "NOT_PENDING"
    assert operated["give up badly"].err == "Expected an account and its lots like A=10, was 'D'.\n"


def test_corrections_settle_to_the_cent(operated: Operated) -> None:
    """A has 6 lots: 2 are given up to D, 2 transferred to B; 1.50 is paid to B; the amounts of all sum to zero."""
    lines = [line for line in operated["margin of the third"].json if line["contract"] == "TOK"]
    day = {line["account"]: line for line in lines if line["cycle"] == "end_of_day/1"}
    assert {account: line["end"] for account, line in day.items()} == {"A": 2, "B": -4, "D": 2}
    assert (day["A"]["adj"], day["B"]["adj"]) == ("-1.50", "1.50")
    assert {line["cycle"] for line in lines} == {"correction/1", "end_of_day/1"}
    assert sum(Decimal(line["total"]) - Decimal(line["fee"]) for line in lines) == 0


def test_the_audit_passes(operated: Operated) -> None:
    """What commands made replays to the same books."""
    assert operated["replay"].code == 0, operated["replay"].all
    assert operated["replay"].out.splitlines()[-1] == "PASS"


@pytest.mark.rule("IDX-1")
def test_a_series_is_fixed_or_printed(operated: Operated) -> None:
    """A fixing without observations has no value and says so; a printed one is what was printed; both are audited."""
    assert operated["series fix"].code == operated["series print"].code == 0, operated["series fix"].all
    assert operated["series fix again"].out.startswith("Was applied before: fixing of TOK for 2026-08-05")
    assert operated["series fix unknown"].json["code"] == "UNKNOWN_SERIES"
    assert "Expected" in operated["series print badly"].json["message"]
    [fixed], [printed] = operated["fixings of TOK"].json, operated["fixings of ADMIN"].json
    assert (fixed["date"], fixed["value"], fixed["tier"], fixed["observations"]) == ("2026-08-05", None, "stop", 0)
    assert (printed["value"], printed["tier"]) == ("2.3343", "print")
    assert " 2 fixings against their observations" in operated["replay"].out


@pytest.mark.rule("DSP-1")
def test_the_audit_names_a_price_that_claims_a_tier_which_did_not_give_it(operated: Operated) -> None:
    """The gateway takes a control's word for a tier; the audit asks the market of the log, and names who said so."""
    told = operated["replay after the lie"]
    assert told.code == 1, told.all
    prices, before, fixing = told.json["differences"]
    of_lie = "controls lie, {} of TOK (rule DSP-1)"
    assert prices == {
        "place": of_lie.format("the price"), "expected": "12.4 (previous) of the market",
        "was": "12.99 (vwap) (asked by mallory)",
    }  # fmt: skip
    assert before["place"] == of_lie.format("what would have been the price")
    assert before["was"] == "no price (asked by mallory)"
    assert fixing["place"].startswith("index-fixings ADMIN 2026-08-05 stream_seq ")
    assert (fixing["expected"], fixing["was"]) == ("2334300000", "2500000000")
