"""Daily prices by hand: where the tiers give a price, two people stand behind another one (rule DSP-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settlement.domain.daily_settlement import Tier
from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import fields

if TYPE_CHECKING:
    from settlement.folds.gateway.state import State

OVERRIDE: Final = "override"
WOULD_HAVE_BEEN: Final = "would_have_been"


def check(payload: fields.Payload, reason: str) -> None:
    """Refuse an override that lacks a reason, or what the tiers gave instead (rule DSP-1)."""
    for name, price in _of_end_of_day(payload):
        if price.get("tier") == OVERRIDE:
            _check_override(f"prices.{name}", price, reason)


def need_two_people(state: State, payload: fields.Payload) -> bool:
    """Whether a price of an end of day is somebody's word where the tiers have one, or were not asked (rule DSP-1).

    The gateway cannot see the market, so each price says what the tiers gave: null where they gave none, a price and
    its tier where it overrides them, and nothing where they were not asked. Only null, or a tier's own price, stands on
    one person's word.
    """
    cuts, prices = bool(payload.get("cut")), _of_end_of_day(payload)
    day = fields.date(payload, "date") if prices else 0
    return any(
        price.get("tier") == OVERRIDE or (_has_tiers(state, name, day) and not _is_of_tiers(price, cuts=cuts))
        for name, price in prices
    )


def _of_end_of_day(payload: fields.Payload) -> list[tuple[str, fields.Payload]]:
    if payload.get("kind") != "end_of_day":
        return []
    given = sorted(fields.mapping(payload, "prices").items())
    return [(name, price if isinstance(price, dict) else {"price": price}) for name, price in given]


def _is_of_tiers(price: fields.Payload, *, cuts: bool) -> bool:
    """Whether a tier gave the price, or none gave one; before the cut they have not spoken."""
    gave_none = WOULD_HAVE_BEEN in price and price[WOULD_HAVE_BEEN] is None
    return price.get("tier") in set(Tier) or (gave_none and not cuts)


def _check_override(key: str, price: fields.Payload, reason: str) -> None:
    if not reason.strip():
        raise Refused(
            Code.MALFORMED, f"reason: Expected why {key} overrides the tiers, was nothing. Say it with --reason."
        )
    instead = price.get(WOULD_HAVE_BEEN)
    if not isinstance(instead, dict) or instead.get("tier") not in set(Tier):
        raise fields.malformed(f"{key}.{WOULD_HAVE_BEEN}", "the price and the tier that it overrides", instead)
    if fields.decimal(instead.get("price"), f"{key}.{WOULD_HAVE_BEEN}") == fields.decimal(price.get("price"), key):
        raise fields.malformed(key, f"another price than the tier {instead['tier']} gives", price.get("price"))


def _has_tiers(state: State, name: str, day: int) -> bool:
    """Whether a contract's terms of a date name tiers; without them its price is always given by hand."""
    version = state.terms.of(name).on(day)
    return bool(version and version.document.get("daily_settlement"))
