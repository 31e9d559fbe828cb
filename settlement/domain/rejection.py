"""Why an event is refused: codes in their order of precedence, and the refusal as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Rejection codes; when several apply, the first of this list is given."""

    MALFORMED = "MALFORMED"
    """The bytes do not decode, a field is missing or of the wrong form."""
    UNKNOWN_CONTRACT = "UNKNOWN_CONTRACT"
    """No listing of that contract is in the log."""
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    """No account of that name is open."""
    UNKNOWN_TRADE = "UNKNOWN_TRADE"
    """No accepted trade has that id."""
    UNKNOWN_SERIES = "UNKNOWN_SERIES"
    """No index series of that name is in the log."""
    UNKNOWN_BREAK = "UNKNOWN_BREAK"
    """No open break has that feed and number."""
    DUPLICATE_TRADE = "DUPLICATE_TRADE"
    """The trade id is taken; a busted trade's id stays taken."""
    DUPLICATE_NAME = "DUPLICATE_NAME"
    """The account, contract or series exists with other terms."""
    CONTROL_REUSED = "CONTROL_REUSED"
    """A control with this id and another content came before."""
    FROZEN_TERMS = "FROZEN_TERMS"
    """Size, currency and rounding cannot change while a position or a correctable trade exists."""
    WRONG_DATE = "WRONG_DATE"
    """The control names a date that is not open, not cut, or not the next to settle."""
    APPROVAL_STALE = "APPROVAL_STALE"
    """The date for which the control was approved is no longer open."""
    ALREADY_SETTLED = "ALREADY_SETTLED"
    """The date has its end-of-day cycle."""
    CONTRACT_CLOSED = "CONTRACT_CLOSED"
    """The contract was finally settled; only a cash adjustment is left."""
    AFTER_LAST_TRADE = "AFTER_LAST_TRADE"
    """The contract's last trading day is over."""
    BAD_LOTS = "BAD_LOTS"
    """Lots are whole and greater than zero."""
    OFF_TICK = "OFF_TICK"
    """A trade or daily price is a multiple of the contract's tick."""
    PRICE_LIMIT = "PRICE_LIMIT"
    """A trade or daily price is within the contract's cap and floor."""
    ALREADY_CARRIED = "ALREADY_CARRIED"
    """A book is brought forward at one price, before the contract has one of its own; no cut waits."""
    ALREADY_BUSTED = "ALREADY_BUSTED"
    """The trade is busted; nothing of it stands."""
    ALREADY_MOVED = "ALREADY_MOVED"
    """These lots were given up, or this trade averaged, once before."""
    NOT_PENDING = "NOT_PENDING"
    """Nothing of that give-up waits for that account: it is unknown, or was answered, withdrawn or has lapsed."""
    TOO_LATE = "TOO_LATE"
    """More business days have passed than the contract allows for corrections."""
    GROSS_CLOSED = "GROSS_CLOSED"
    """A gross account's long or short side would become negative; bust the close first."""
    NOT_HELD = "NOT_HELD"
    """More lots are moved than the account holds."""
    UNBALANCED = "UNBALANCED"
    """Lots brought forward, or a trade's allocation, do not add up."""
    MISSING_PRICE = "MISSING_PRICE"
    """Every contract with a position or a fill of the date needs a settlement price (rule VM-5)."""
    NO_PREVIOUS = "NO_PREVIOUS"
    """The contract has no prior settlement price that could be used."""
    TWO_PEOPLE = "TWO_PEOPLE"
    """This needs a second person who is not the first."""
    LIMIT = "LIMIT"
    """A number is beyond the limits that keep every sum below 2^63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An event that was refused, as a value: nothing of it took effect.

    code: the first that applies.  rule: the code's sentence.  message: expected, was, and what to do.
    """

    code: Code
    message: str

    @property
    def rule(self) -> str:
        """The code's rule in a sentence."""
        return _RULES[self.code]


def _rules() -> dict[Code, str]:
    return {
        Code.MALFORMED: "Every report and control is complete and well formed.",
        Code.UNKNOWN_CONTRACT: "Contracts are listed before they are used.",
        Code.UNKNOWN_ACCOUNT: "Accounts are opened before they are used.",
        Code.UNKNOWN_TRADE: "A correction names an accepted trade.",
        Code.UNKNOWN_SERIES: "An index series is defined before it is observed.",
        Code.UNKNOWN_BREAK: "A waiver names an open break.",
        Code.DUPLICATE_TRADE: "A trade id is used once; a busted trade's id stays taken.",
        Code.DUPLICATE_NAME: "An account, contract or series keeps its terms.",
        Code.CONTROL_REUSED: "A control's id is used once.",
        Code.FROZEN_TERMS: "Size, currency and rounding cannot change while a position or a correctable trade exists.",
        Code.WRONG_DATE: "Cuts and intraday cycles name the open date; dates settle in their cuts' order (CUT-1); new "
        "terms begin on the open date or later (TRM-1).",
        Code.APPROVAL_STALE: "A correction approved for another date than the open one is approved anew (COR-3).",
        Code.ALREADY_SETTLED: "A date has one end-of-day cycle (CUT-1).",
        Code.CONTRACT_CLOSED: "After the final settlement only a cash adjustment is left (FSP-2).",
        Code.AFTER_LAST_TRADE: "A contract trades until its last trading day (FSP-2).",
        Code.BAD_LOTS: "Lots are whole and greater than zero.",
        Code.OFF_TICK: "Trade and daily prices are multiples of the contract's tick.",
        Code.PRICE_LIMIT: "Trade and daily prices are within the contract's cap and floor.",
        Code.ALREADY_CARRIED: "A book is brought forward once, at one price, while no date waits for prices.",
        Code.ALREADY_BUSTED: "A busted trade has nothing left to correct (COR-1).",
        Code.ALREADY_MOVED: "Lots are given up once and trades averaged once (GUP-1, AVG-1).",
        Code.NOT_PENDING: "A give-up is answered once by each taker, and withdrawn while it is pending (GUP-2).",
        Code.TOO_LATE: "Corrections are made within the contract's correction days (COR-1).",
        Code.GROSS_CLOSED: "A gross account's long and short sides never become negative (ACC-1).",
        Code.NOT_HELD: "No more lots are moved than are held (TRF-1).",
        Code.UNBALANCED: "Long lots equal short lots (VM-4).",
        Code.MISSING_PRICE: "Every contract with a position or a fill of the date has a settlement price (VM-5).",
        Code.NO_PREVIOUS: "A default price is a prior settlement price (VM-5, TRF-1).",
        Code.TWO_PEOPLE: "Two different people stand behind a waiver, a corrected price, a final price by hand, "
        "a daily price that overrides the tiers, cash, or a transfer between members.",
        Code.LIMIT: "Numbers stay within limits that make every sum provably smaller than 2^63.",
    }


_RULES = _rules()


class Refused(Exception):  # noqa: N818  a refusal is no error: the fold turns it into a Rejection before anyone else sees it
    """Raised while an event is examined, before anything has changed."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.rejection = Rejection(code=code, message=message)
