"""The log of the platform, settled offline by `novate calc`: the same margin lines and payments, to the cent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from settlement.domain.currency import DECIMALS
from settlement.domain.money import format_decimal, parse_decimal
from settlement.ledger import queries
from settlement.ledger.model import MarginLine
from settlement.ledger.session import as_auditor, connect
from tests.e2e.as_scenario import scenario_of
from tests.e2e.baseline import Baseline

Json = dict[str, Any]
AMOUNTS = ("tvar", "smtm", "imtm", "fmtm", "cres", "adj", "fee")
LOTS = ("start", "bought", "sold", "transferred", "end")
SIDES = ("start_long", "start_short", "end_long", "end_short")


@pytest.fixture(scope="module")
def calculated(baseline: Baseline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What `novate calc --json` makes of the log: its cycles by date, kind and number."""
    file: Path = tmp_path_factory.mktemp("calc") / "log.yaml"
    file.write_text(json.dumps(scenario_of(baseline.house)))  # JSON is YAML
    said = baseline.house.command("calc", str(file), "--json")
    assert said.returncode == 0, said
    document = json.loads(said.stdout)
    assert document["engines_agree"] is True
    assert document["rejections"] == []
    return {f"{cycle['date']}/{cycle['kind']}/1": cycle for cycle in document["cycles"]}


@pytest.mark.rule("VM-1", "VM-2", "VM-3", "ITD-1", "COR-1", "FEE-1", "ACC-1")
def test_the_margin_lines_are_the_same(baseline: Baseline, calculated: dict[str, Json]) -> None:
    """Every line of every cycle: lots, prices and all seven amounts; none more, none less."""
    with connect(baseline.house.endpoints.database) as conn, as_auditor(conn):
        cycles = [header.cycle for header in queries.cycles(conn)]
        posted = {str(cycle): [_line(line) for line in queries.lines(conn, cycle)] for cycle in cycles}
    assert list(posted) == list(calculated)
    assert sum(map(len, posted.values())) == baseline.books.report.lines > 1000
    for name, cycle in calculated.items():
        assert [_told(line) for line in cycle["lines"]] == posted[name], name


@pytest.mark.rule("PAY-1")
def test_the_payments_are_the_same(baseline: Baseline, calculated: dict[str, Json]) -> None:
    """Every payment of every cycle, by member, origin and currency."""
    with connect(baseline.house.endpoints.database) as conn, as_auditor(conn):
        for name, cycle in calculated.items():
            found = [one for one in queries.payments(conn) if str(one.cycle) == name]
            told = [(p["member"], p["origin"].upper(), p["currency"], p["amount"]) for p in cycle["payments"]]
            assert sorted(told) == sorted(
                (p.member, p.origin, p.currency, format_decimal(p.amount_minor, DECIMALS[p.currency])) for p in found
            )


def _line(line: MarginLine) -> Json:
    """Return a posted line in the words of `calc`, prices as numbers."""
    amounts = {name.upper(): getattr(line, f"{name}_minor") for name in AMOUNTS if getattr(line, f"{name}_minor")}
    money = {name: format_decimal(amount, DECIMALS[line.currency]) for name, amount in amounts.items()}
    held = LOTS if line.positions == "NET" else LOTS + SIDES
    return {
        "account": line.account, "contract": line.contract, "currency": line.currency, "amounts": money,
        "previous": line.previous_nano, "price": line.price_nano, **{name: getattr(line, name) for name in held},
        "total": format_decimal(sum(amounts.values()), DECIMALS[line.currency]),
    }  # fmt: skip


def _told(line: Json) -> Json:
    prices = {name: None if line[name] is None else parse_decimal(line[name], 9) for name in ("previous", "price")}
    return {**line, **prices}
