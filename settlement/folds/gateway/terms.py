"""Contracts' terms: listed at once or from a later business date on (rules VAL-1, TRM-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settlement.domain import market_terms
from settlement.domain.contract import FILL_LIMIT_MINOR, Contract, TermsError
from settlement.domain.daily_settlement import DailySettlement
from settlement.domain.dates import format_date
from settlement.domain.document import canonical
from settlement.domain.final_settlement import FinalSettlement, closing_lag
from settlement.domain.rejection import Code, Refused
from settlement.domain.versions import later_date
from settlement.folds.gateway import checks, fields
from settlement.folds.gateway.state import Date, Listed
from settlement.folds.gateway.writing import FILLS, ORDERS, Writer

if TYPE_CHECKING:
    from settlement.domain.versions import Version

FROZEN: Final = ("size", "month", "currency", "rounding")


def open_date(writer: Writer, payload: fields.Payload) -> None:
    """Open the first business date."""
    day = fields.date(payload, "date")
    if writer.state.open is not None:
        if writer.state.open.date == day:
            return
        raise Refused(Code.WRONG_DATE, f"Expected no open date, was {writer.state.open.date}. Cut it first.")
    writer.state.open = Date(day)
    come_into_force(writer)


def listing(writer: Writer, payload: fields.Payload) -> None:
    """List a contract or a new version of its terms, in force at once or from its `effective_date` on (rule TRM-1).

    The version of a later date waits, and replaces the one that waited for that date. All versions that wait and the
    one in force agree on what is frozen, so a position that arises meanwhile hinders none of them.
    """
    name = _checked(payload).contract
    today = writer.state.open.date if writer.state.open else 0
    effective = fields.date(payload, "effective_date") if payload.get("effective_date") is not None else today
    waits_for, known = later_date(payload, today), writer.state.terms.of(name)
    if known.knows(payload, waits_for):
        return
    if effective < today:
        raise Refused(
            Code.WRONG_DATE,
            f"Expected terms of {name} from the open date {format_date(today)} or a later one on, was "
            f"{format_date(effective)}. Give another date (--from), or none.",
        )
    _check_frozen(writer, name, payload, waits_for)
    version = writer.state.terms.take(payload, today, writer.control_id)
    if version is not None:
        _put_in_force(writer, version)


def come_into_force(writer: Writer) -> None:
    """Bring into force what waits for the date that has just opened, contract by contract as first listed (TRM-1)."""
    for version in writer.state.terms.open(writer.open_date().date):
        _put_in_force(writer, version)


def _put_in_force(writer: Writer, version: Version) -> None:
    contract = Contract.of(version.document)
    name, state = contract.contract, writer.state
    listed = state.listed.setdefault(name, Listed(len(state.listed) + 1))
    writer.contracts[name] = contract
    record = {
        "contract": name,
        "ordinal": listed.ordinal,
        "version": len(state.terms.of(name).reached),
        "effective_date": version.since,
        "currency": contract.currency,
        "currency_decimals": contract.currency_decimals,
        "size_nano": contract.size_nano,
        "tick_nano": contract.tick_nano,
        "rounding": contract.rounding.value,
        "fee_minor": contract.fee_minor,
        "document": canonical(version.document),
        "document_sha256": version.sha256,
        "control_id": version.control_id,
    }
    writer.emit_everywhere(FILLS, "listing", record)
    writer.emit_keyed(ORDERS, name, "listing", record)


def _checked(payload: fields.Payload) -> Contract:
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


def _check_frozen(writer: Writer, name: str, payload: fields.Payload, waits_for: int) -> None:
    """Refuse another size, month, currency or rounding than stands beside the new version.

    Beside it stand the versions that wait for other dates, and the one in force; not where the new one replaces that
    at once and the contract has neither a position nor a fill.
    """
    known = writer.state.terms.of(name)
    beside = [version for version in known.pending if version.since != waits_for]
    used = name in writer.state.holdings or (name in writer.state.listed and writer.state.listed[name].closed)
    if used or waits_for:  # any fill leaves a holding, and only the final takes it away
        beside += known.reached[-1:]
    for version in beside:
        changed = next((key for key in FROZEN if version.document.get(key) != payload.get(key)), None)
        if changed is not None:
            raise Refused(
                Code.FROZEN_TERMS,
                f"Expected {changed} of {name} to stay {version.document.get(changed)!r}, was "
                f"{payload.get(changed)!r}. It changes at once only, while nothing was traded and no version waits.",
            )
