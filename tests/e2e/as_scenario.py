"""The log of a run as a scenario file: the same trades, corrections, cuts and prices, to be settled offline.

It is made of what went in (the controls in their order, and the feed as far as they released it), of the gateway's
answers to it (what was refused is left out), and of no figure that came out. As a command it writes the file of a
running platform (docs/recipes/month-end-from-the-log.md): `python -m tests.e2e.as_scenario .novate log.yaml`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from settlement.wire import codec
from tests.e2e.books import records
from tests.e2e.house import House

Json = dict[str, Any]
NOT_TERMS: Final = frozenset(("contract", "product", "title", "version", "unit"))
PLAIN: Final = (
    "bust",
    "adjust",
    "give_up",
    "average",
    "transfer",
    "close_out",
    "cash_adjustment",
    "correct_settlement",
)
"""Controls whose payload is the event as a scenario says it."""


def scenario_of(house: House) -> Json:
    """Return the scenario of everything that a house's log says."""
    document: Json = {"title": "The log of a run", "contracts": {}, "accounts": {}, "series": {}, "events": []}
    feeds = {path.stem: path.read_bytes().splitlines() for path in (house.data / "feeds").glob("*.jsonl")}
    taken = dict.fromkeys(feeds, 1)
    refused = _refused(house)
    for control in _controls(house):
        kind, payload = control["kind"], json.loads(control["payload"])
        if kind == "advance":
            feed, last = payload["feed"], payload["to"]
            numbers = range(taken[feed], last + 1)
            reports = (_report(feeds[feed][seq - 1]) for seq in numbers if (feed, seq) not in refused)
            document["events"] += [report for report in reports if report is not None]
            taken[feed] = max(taken[feed], last + 1)
        elif kind == "listing":
            terms = {key: value for key, value in payload.items() if key not in NOT_TERMS and value is not None}
            document["contracts"][payload["contract"]] = terms
        elif kind == "account":
            document["accounts"][payload.pop("account")] = payload
        elif kind == "calendar" and "currency" in payload:
            document.setdefault("calendar", {"banks": {}})["banks"][payload["currency"]] = payload["holidays"]
        elif kind == "series":
            document["series"][payload.pop("series")] = payload
        else:
            document["events"] += _events(kind, payload)
    return document


def _controls(house: House) -> Iterator[Json]:
    """Yield every control that took effect, in order, once."""
    told = [codec.decode(message.value() or b"")[1] for message in records(house, "outcomes")]
    accepted = {outcome["control_id"] for outcome in told if outcome["accepted"]}
    seen = set()
    for message in records(house, "controls"):
        control = codec.decode(message.value() or b"")[1]
        if control["kind"] == "advance" or (control["control_id"] in accepted and control["control_id"] not in seen):
            seen.add(control["control_id"])
            yield control


def _refused(house: House) -> set[tuple[str, int]]:
    found = [codec.decode(message.value() or b"")[1] for message in records(house, "rejections")]
    return {(rejection["feed"], rejection["source_seq"]) for rejection in found}


def _report(line: bytes) -> Json | None:
    """Return a trade, a quote or an observation of the feed as an event; None for what settles nothing."""
    record = json.loads(line)
    if record["type"] == "quote":
        if record["bid"] is record["ask"] is None:
            return None  # an empty book: no tier looks at it, unless it stays so to the day's end
        return {"quote": {key: record[key] for key in ("contract", "bid", "ask", "at")}}
    if record["type"] == "observe":
        return {"observe": {key: record[key] for key in ("series", "provider", "price", "quantity", "at")}}
    if record["type"] != "trade":
        return None
    effects = {"buyer": record["buyer_effect"].lower(), "seller": record["seller_effect"].lower()}
    said = {key: record[key] for key in ("contract", "buyer", "seller", "lots", "price", "at")}
    return {"trade": {"id": record["trade_id"], "type": record["trade_type"], "open_close": effects, **said}}


def _events(kind: str, payload: Json) -> list[Json]:
    match kind:
        case "cut" | "fix":
            return [{kind: payload}]
        case "prices":
            prices = {contract: price["price"] for contract, price in payload["prices"].items()}
            given = any(price["tier"] == "given" for price in payload["prices"].values())
            if payload["kind"] == "intraday":
                return [{"intraday": {"date": payload["date"], "prices": prices}}]
            return [{"settle": {"date": payload["date"], "prices": prices if given else "auto"}}]
        case "final":  # found again from the fixings, and those from the observations
            tier = payload.pop("tier")
            return [{"final": {**payload, "price": "auto" if tier == "average" else payload["price"]}}]
        case "generation" | "calendar" | "open" | "waive":
            return []
        case _ if kind in PLAIN:
            return [{kind: payload}]
        case _:
            raise AssertionError(f"Expected a control that a scenario can say, was {kind}.")


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(scenario_of(House(Path(sys.argv[1]))), indent=1))  # JSON is YAML
