"""The log of the platform, settled offline by `novate calc`: the same margin lines and payments, to the cent."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from settlement.domain.currency import DECIMALS
from settlement.domain.dates import format_date
from settlement.domain.money import format_decimal, parse_decimal
from settlement.ledger import queries
from settlement.ledger.model import MarginLine
from settlement.ledger.session import as_auditor, connect
from settlement.wire import codec
from tests.e2e.baseline import Baseline
from tests.e2e.books import records
from tests.e2e.house import ROOT

Json = dict[str, Any]
AMOUNTS = ("tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee")
LOTS = ("start", "bought", "sold", "transferred", "end")
PAID = ("currency", "amount", "value_date")
SIDES = ("start_long", "start_short", "end_long", "end_short")


@pytest.fixture(scope="module")
def calculated(document: Json) -> dict[str, Json]:
    """What `novate calc --json` makes of the log: its cycles by date, kind and number."""
    return _by_name(document["cycles"])


@pytest.fixture(scope="module")
def document(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What `novate calc --json` makes of the log."""
    file: Path = tmp_path_factory.mktemp("calc") / "log.yaml"
    written = [sys.executable, "-m", "tests.e2e.as_scenario", str(baseline.house.data), str(file)]
    subprocess.run(written, cwd=ROOT, check=True)
    said = baseline.house.command("calc", str(file), "--json")
    assert said.returncode == 0, said
    found: Json = json.loads(said.stdout)
    assert found["engines_agree"] is True
    assert found["rejections"] == []
    return found


@pytest.mark.rule("VM-1", "VM-2", "VM-3", "ITD-1", "COR-1", "COR-2", "AVG-1", "GUP-1", "TRF-1", "FEE-1", "ACC-1")
def test_the_margin_lines_are_the_same(baseline: Baseline, calculated: dict[str, Json]) -> None:
    """Every line of every cycle: lots, prices and all seven amounts; none more, none less."""
    with connect(baseline.house.endpoints.database) as conn, as_auditor(conn):
        cycles = [header.cycle for header in queries.cycles(conn)]
        posted = {str(cycle): [_line(line) for line in queries.lines(conn, cycle)] for cycle in cycles}
    assert list(posted) == list(calculated)
    assert sum(map(len, posted.values())) == baseline.books.report.lines > 1000
    for name, cycle in calculated.items():
        assert [_told(line) for line in cycle["lines"]] == posted[name], name


@pytest.mark.rule("VM-5", "FSP-2")
def test_the_prices_and_their_tiers_are_the_same(baseline: Baseline, calculated: dict[str, Json]) -> None:
    """Every price of every cycle, and where it came from: found again from the feed's trades and quotes."""
    with connect(baseline.house.endpoints.database) as conn, as_auditor(conn):
        posted = {(str(one.cycle), one.contract): (one.price_nano, one.tier) for one in queries.prices(conn)}
    told = {
        (name, contract): (parse_decimal(price, 9), cycle["price_tiers"][contract])
        for name, cycle in calculated.items()
        for contract, price in cycle["prices"].items()
    }
    assert told == posted
    assert {tier for _, tier in posted.values()} == {"vwap", "last-in-quote", "previous", "prior", "given", "average"}


@pytest.mark.rule("PAY-1", "PAY-2")
def test_the_payments_are_the_same(baseline: Baseline, calculated: dict[str, Json]) -> None:
    """Every payment of every cycle, by member, origin and currency, and when it is due."""
    with connect(baseline.house.endpoints.database) as conn, as_auditor(conn):
        for name, cycle in calculated.items():
            found = [one for one in queries.payments(conn) if str(one.cycle) == name]
            told = [(p["member"], p["origin"].upper(), *(p[key] for key in PAID)) for p in cycle["payments"]]
            assert sorted(told) == sorted(
                (p.member, p.origin, p.currency, format_decimal(p.amount_minor, DECIMALS[p.currency]),
                 format_date(p.value_date))
                for p in found
            )  # fmt: skip


@pytest.mark.rule("IDX-1", "FSP-1", "FSP-3")
def test_the_fixings_and_the_final_price_are_the_same(baseline: Baseline, document: Json) -> None:
    """Every fixing, from the observations on, and the month's price: the average of its days' fixings."""
    made = [codec.decode(message.value() or b"")[1] for message in records(baseline.house, "index-fixings")]
    known = {(one["series"], format_date(one["date"])): (one["value_nano"], one["tier"]) for one in made}
    told = {
        (one["series"], one["date"]): (None if one["value"] is None else parse_decimal(one["value"], 9), one["tier"])
        for one in document["fixings"]
    }
    assert told == known
    *provisional, settled = document["finals"]
    assert {one["price"] for one in provisional} == {"2.9", settled["price"]}  # by hand, and pricing's
    assert ({one["status"] for one in provisional}, settled["status"]) == ({"provisional"}, "final")
    of_july = [value for (series, day), (value, _) in known.items() if series == "H100" and value and day < "2026-08"]
    assert len(of_july) == 26
    assert settled["contract"] == "H100-2026-07"
    assert Decimal(settled["price"]) == round(Decimal(sum(of_july)) / 26 / 10**9, 4)


@pytest.mark.rule("FSP-2")
def test_every_kind_of_event_is_in_it(document: Json) -> None:
    """The compared days have an expiry, corrections of every kind before and after the cut, and a late trade."""
    lines = [line for cycle in document["cycles"] for line in cycle["lines"]]
    types = {name for line in lines for name, amount in line["amounts"].items() if parse_decimal(amount, 2)}
    assert types == {name.upper() for name in AMOUNTS}
    kinds = [cycle["kind"] for cycle in document["cycles"]]
    assert kinds.count("correction") >= 3
    assert kinds.count("final") == 1
    assert sum(line.get("expired", 0) != 0 for line in lines) > 10
    assert any(line["transferred"] for line in lines)


def _by_name(cycles: list[Json]) -> dict[str, Json]:
    """Return cycles by their id: numbered within date and kind."""
    found: dict[str, Json] = {}
    for cycle in cycles:
        stem = f"{cycle['date']}/{cycle['kind']}/"
        found[f"{stem}{1 + sum(name.startswith(stem) for name in found)}"] = cycle
    return found


def _line(line: MarginLine) -> Json:
    """Return a posted line in the words of `calc`, prices as numbers."""
    amounts = {name.upper(): getattr(line, f"{name}_minor") for name in AMOUNTS if getattr(line, f"{name}_minor")}
    money = {name: format_decimal(amount, DECIMALS[line.currency]) for name, amount in amounts.items()}
    held = (LOTS if line.positions == "NET" else LOTS + SIDES) + (("expired",) if line.kind == "final" else ())
    return {
        "account": line.account, "contract": line.contract, "currency": line.currency, "amounts": money,
        "previous": line.previous_nano, "price": line.price_nano, **{name: getattr(line, name) for name in held},
        "total": format_decimal(sum(amounts.values()), DECIMALS[line.currency]),
    }  # fmt: skip


def _told(line: Json) -> Json:
    prices = {name: None if line[name] is None else parse_decimal(line[name], 9) for name in ("previous", "price")}
    return {**line, **prices}
