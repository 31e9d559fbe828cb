"""Reference data: accounts, calendars, index series."""

from __future__ import annotations

import hashlib

from settlement.domain.account import Origin, Positions, is_clearing_house
from settlement.domain.contract import TermsError
from settlement.domain.currency import DECIMALS
from settlement.domain.document import canonical
from settlement.domain.methodology import Methodology
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.state import Opened
from settlement.folds.gateway.writing import FILLS, TICKS, Writer
from settlement.wire.partition import partition_of


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
