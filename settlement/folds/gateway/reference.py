"""Reference data: listings, accounts, calendars, index series, the first open date."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from settlement.domain import market_terms
from settlement.domain.account import Origin, Positions, is_clearing_house
from settlement.domain.contract import FILL_LIMIT_MINOR, Contract, TermsError
from settlement.domain.currency import DECIMALS
from settlement.domain.daily_settlement import DailySettlement
from settlement.domain.final_settlement import FinalSettlement, closing_lag
from settlement.domain.methodology import Methodology
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.state import Date, Listed, Opened
from settlement.folds.gateway.writing import FILLS, ORDERS, TICKS, Writer
from settlement.wire.partition import partition_of

FROZEN = ("size", "month", "currency", "rounding")


def canonical(document: dict[str, Any]) -> str:
    """Return a document as canonical JSON: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def open_date(writer: Writer, payload: fields.Payload) -> None:
    """Open the first business date."""
    day = fields.date(payload, "date")
    if writer.state.open is not None:
        if writer.state.open.date == day:
            return
        raise Refused(Code.WRONG_DATE, f"Expected no open date, was {writer.state.open.date}. Cut it first.")
    writer.state.open = Date(day)


def calendar(writer: Writer, payload: fields.Payload) -> None:
    """Accept the holidays of the venue, or with a `currency` those of its bank (rule PAY-2)."""
    added = _dates(payload, "holidays")
    if payload.get("currency") is None:
        writer.state.holidays = sorted(added | set(writer.state.holidays))
    else:
        _bank_calendar(writer, payload, added)


def _bank_calendar(writer: Writer, payload: fields.Payload, added: set[int]) -> None:
    """Write all holidays of a currency's bank into every partition, since every cycle's payments follow them."""
    currency = fields.text(payload, "currency")
    if currency not in DECIMALS:
        raise fields.malformed("currency", "an ISO 4217 code such as USD", currency)
    withdrawn = _dates(payload, "withdrawn") if payload.get("withdrawn") is not None else set()
    holidays = sorted((set(writer.state.banks.get(currency, ())) | added) - withdrawn)
    writer.state.banks[currency] = holidays
    record = {"currency": currency, "holidays": holidays, "control_id": writer.control_id}
    writer.emit_everywhere(FILLS, "bank_calendar", record)


def _dates(payload: fields.Payload, key: str) -> set[int]:
    days = payload.get(key)
    if not isinstance(days, list):
        raise fields.malformed(key, "a list of dates", days)
    return {fields.date({key: day}, key) for day in days}


def account(writer: Writer, payload: fields.Payload) -> None:
    """Open an account; the same again changes nothing."""
    name, member = _name(payload, "account"), _name(payload, "member")
    opened = Opened(member, _choice(payload, "origin", Origin), _choice(payload, "positions", Positions))
    known = writer.state.accounts.get(name)
    if known == opened:
        return
    if known is not None:
        raise Refused(Code.DUPLICATE_NAME, f"Expected a new account, was {name!r}, open with other terms.")
    writer.state.accounts[name] = opened
    record = {
        "account": name,
        "member": member,
        "origin": opened.origin,
        "positions": opened.positions,
        "control_id": writer.control_id,
    }
    writer.emit_keyed(FILLS, name, "account", record)


def _name(payload: fields.Payload, key: str) -> str:
    name = fields.text(payload, key)
    if is_clearing_house(name):
        raise fields.malformed(key, "a name that is not the clearing house's own (CCP, or CCP/ and more)", name)
    return name


def _choice(payload: fields.Payload, key: str, choices: type[Origin | Positions]) -> str:
    value = fields.text(payload, key)
    try:
        return choices(value.upper()).value
    except ValueError as error:
        raise fields.malformed(key, " or ".join(choice.value.lower() for choice in choices), value) from error


def listing(writer: Writer, payload: fields.Payload) -> None:
    """List a contract, or bring a new version of its terms into force (rule VAL-1)."""
    contract = _terms(payload)
    known = writer.state.listed.get(contract.contract)
    if known is not None and known.document == payload:
        return
    if known is not None:
        _may_change(writer, contract.contract, known, payload)
    listed = writer.state.listed.setdefault(contract.contract, Listed(payload, len(writer.state.listed) + 1, 0))
    listed.document, listed.version = payload, listed.version + 1
    writer.contracts[contract.contract] = contract
    document = canonical(payload)
    record = {
        "contract": contract.contract,
        "ordinal": listed.ordinal,
        "version": listed.version,
        "effective_date": writer.state.open.date if writer.state.open else 0,
        "currency": contract.currency,
        "currency_decimals": contract.currency_decimals,
        "size_nano": contract.size_nano,
        "tick_nano": contract.tick_nano,
        "rounding": contract.rounding.value,
        "fee_minor": contract.fee_minor,
        "document": document,
        "document_sha256": hashlib.sha256(document.encode()).hexdigest(),
        "control_id": writer.control_id,
    }
    writer.emit_everywhere(FILLS, "listing", record)
    writer.emit_keyed(ORDERS, contract.contract, "listing", record)


def _terms(payload: fields.Payload) -> Contract:
    """Return the contract of a terms document whose parts are all valid, or refuse."""
    try:
        if payload.get("daily_settlement") is not None:
            DailySettlement.of(payload["daily_settlement"])
        final = payload.get("final_settlement")
        closing_lag(final)
        if final and set(final) != {"closing_lag"}:  # a lag alone: the final price will be given
            FinalSettlement.of(final)
        market_terms.check(payload)
        contract = Contract.of(payload)
    except TermsError as error:
        raise Refused(Code.MALFORMED, str(error)) from error
    checks.within_limit(contract.size_nano, "size")
    for tick_nano in (contract.tick_nano, *contract.ticks_nano.values()):
        checks.within_limit(tick_nano, "tick")
    if contract.fee_minor >= FILL_LIMIT_MINOR:
        raise Refused(Code.LIMIT, f"Expected a fee below {FILL_LIMIT_MINOR} minor units, was {contract.fee_minor}.")
    return contract


def _may_change(writer: Writer, name: str, known: Listed, payload: fields.Payload) -> None:
    changed = [key for key in FROZEN if known.document.get(key) != payload.get(key)]
    used = name in writer.state.holdings or known.closed  # any fill leaves a holding, and only the final takes it away
    if changed and used:
        raise Refused(
            Code.FROZEN_TERMS,
            f"Expected {changed[0]} of {name} to stay {known.document.get(changed[0])!r}, was "
            f"{payload.get(changed[0])!r}.",
        )


def series(writer: Writer, payload: fields.Payload) -> None:
    """Define an index series and its methodology, or its next version (rule IDX-1)."""
    name = fields.text(payload, "series")
    methodology = {key: value for key, value in payload.items() if key != "series"}
    try:
        Methodology.of(methodology)
    except TermsError as error:
        raise Refused(Code.MALFORMED, str(error)) from error
    known = writer.state.series.get(name)
    if known is not None and known["document"] == methodology:
        return
    version = known["version"] + 1 if known else 1
    writer.state.series[name] = {"document": methodology, "version": version}
    document = canonical(methodology)
    record = {
        "series": name,
        "version": version,
        "document": document,
        "document_sha256": hashlib.sha256(document.encode()).hexdigest(),
    }
    writer.emit_keyed(TICKS, name, "series", {**record, "control_id": writer.control_id})


def fix(writer: Writer, payload: fields.Payload) -> None:
    """Ask for a fixing of a series from what was observed up to here (rule IDX-1)."""
    name = fields.text(payload, "series")
    if name not in writer.state.series:
        raise Refused(Code.UNKNOWN_SERIES, f"Expected a defined series, was {name!r}.")
    at_us = fields.instant(payload, "at")
    if at_us < 0:
        raise fields.malformed("at", "the instant that ages count from", payload.get("at"))
    record = {"series": name, "date": fields.date(payload, "date"), "at_us": at_us, "control_id": writer.control_id}
    writer.emit_keyed(TICKS, name, "fix", record)


def print_fixing(writer: Writer, payload: fields.Payload) -> None:
    """Record an administrator's printed fixing."""
    name = fields.text(payload, "series")
    value_nano = checks.within_limit(fields.decimal(payload.get("value"), "value"), "fixing")
    record = {
        "series": name,
        "date": fields.date(payload, "date"),
        "value_nano": value_nano,
        "control_id": writer.control_id,
    }
    writer.emit_keyed(TICKS, name, "print", record)


def generation(writer: Writer, payload: fields.Payload) -> None:
    """Confirm the number of partitions; it is fixed for this generation of the topics."""
    if str(payload.get("partitions")) != str(writer.state.partitions):
        raise fields.malformed(
            "partitions",
            f"{writer.state.partitions}, fixed for this generation of the topics",
            payload.get("partitions"),
        )


def waive(writer: Writer, payload: fields.Payload, requested_by: str, approved_by: str, reason: str) -> None:
    """Waive an open break, by two people."""
    feed, number = fields.text(payload, "feed"), str(payload.get("source_seq"))
    found = next(
        (known for known in writer.state.breaks if known.feed == feed and str(known.source_seq) == number), None
    )
    if found is None:
        raise Refused(Code.UNKNOWN_BREAK, f"Expected an open break, was {feed} number {number}.")
    checks.two_people(requested_by, approved_by)
    writer.state.breaks.remove(found)
    day = writer.state.cut[0].date if writer.state.cut else writer.open_date().date
    record = {
        "business_date": day,
        "feed": feed,
        "break_seq": found.source_seq,
        "requested_by": requested_by,
        "approved_by": approved_by,
        "reason": reason,
    }
    writer.emit(
        FILLS, partition_of(feed, writer.state.partitions), "waiver", {**record, "control_id": writer.control_id}
    )
