"""The terms that tell a market's people what no figure depends on: administrator, position limit, trading hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from settlement.domain import document as read

KEYS: Final = ("administrator", "position_limit", "trading")

LOTS_MOST: Final = 999_999_999
"""The most that a document's whole number may say."""
_TRADING: Final = frozenset(("calendar", "zone", "hours"))


def check(terms: Mapping[str, Any]) -> None:
    """Check the form of those that a document has.

    administrator: who answers for the series of the final price.  position_limit: lots of a member, house and clients
    apart; more is told, and stands (rule POS-1).  trading: `zone` (IANA name), `calendar` and `hours` (texts).

    Raises:
        TermsError: of the first that has another form.
    """
    if terms.get("administrator") is not None:
        read.text(terms["administrator"], "administrator")
    if terms.get("position_limit") is not None:
        read.count(terms["position_limit"], "position_limit", 1, LOTS_MOST)
    if terms.get("trading") is not None:
        trading = read.mapping(terms["trading"], "trading", _TRADING)
        for key in sorted(set(trading) - {"zone"}):
            read.text(trading[key], f"trading.{key}")
        read.zone(trading.get("zone"), "trading.zone")
