"""The catalogue of rules: every figure, refusal and order of events has a code that leads to its code and tests.

`docs/rules/README.md` is made from it (`make rules`): rule, functions, tests, worked cases. A built rule without a
test fails `make lint`; a rule that is not built yet has no `since` and is listed as planned.
"""

from dataclasses import dataclass

FIRST = "0.1.0"


class UnknownRuleError(KeyError):
    """A rule code is not in the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of clearing.

    code: letters, a hyphen, a number; never used again for another rule.
    title: the rule in a few words.
    text: the rule in full. Amounts: + receives, - pays. V(p) is the money value of one contract at price p.
    since: the release that first keeps the rule; None while it is planned.
    """

    code: str
    title: str
    text: str
    since: str | None = FIRST


_MONEY = (
    Rule(
        code="VAL-1",
        title="A contract's value is rounded once, per price level.",
        text="V(p) = price x size, rounded once, per contract and per price level, to the currency's minor unit, exact "
        "in integers; a position or a price change is never rounded. The contract names the mode: half-up (away from "
        "zero; the default), half-even, down (toward zero). A fill carries V of its price and its fee; both engines "
        "check originals against the terms in force; derived fills copy them from what they reverse.",
    ),
    Rule(
        code="VM-1",
        title="A day's trades are marked from their own price (TVAR).",
        text="TVAR = bought lots x (V(settlement) - V(trade price)) - sold lots x the same.",
    ),
    Rule(
        code="VM-2",
        title="The book brought forward is marked from the prior settlement (SMTM).",
        text="SMTM = lots at the start of the day x (V(settlement) - V(prior settlement)).",
    ),
    Rule(
        code="VM-3",
        title="Every position and every fill has its line.",
        text="A cycle has a line for every account and contract with a position or a fill, even when it is zero.",
    ),
    Rule(
        code="VM-4",
        title="What is paid is collected, to the minor unit.",
        text="Over all accounts, per contract, TVAR + SMTM + IMTM + FMTM + CRES + ADJ = 0 and long lots = short lots; "
        "FEE balances with the clearing house's fee account.",
    ),
    Rule(
        code="VM-5",
        title="No price, no settlement.",
        text="Every contract with a position or a fill of the date needs a settlement price, and a carried position a "
        "prior one; an incomplete set is refused, and a price is never zero by default. An intraday cycle that omits "
        "a contract leaves it as it was.",
    ),
    Rule(
        code="DSP-1",
        title="A daily price by hand that overrides the tiers needs two people and a reason.",
        text="Where the contract's tiers give a price, another one is an override: tier `override`, two different "
        "people, both named, a reason, and beside it price and tier that it replaces, which stay in the log. One "
        "person may give a price only where the terms name no tiers, or the tiers of the date that is cut gave none.",
    ),
    Rule(
        code="CUT-1",
        title="A cut closes a business date.",
        text="Its prices come later, while fills of the next date already arrive: the date's book is frozen at the "
        "cut. After it, late trades carry the open date (as-of) and are marked from their trade price.",
    ),
    Rule(
        code="ITD-1",
        title="What was paid intraday is taken back at the end of the day.",
        text="An intraday cycle marks the book so far (CRES included) at the intraday prices; its lines carry only "
        "IMTM, the change since the cycle before. The end-of-day line carries the full TVAR, SMTM, CRES, FEE and "
        "IMTM = minus what was paid intraday.",
    ),
    Rule(
        code="PAY-1",
        title="One payment per member, origin and currency.",
        text="All amounts of a cycle are netted; house and client never net, currencies never net. Fees of client "
        "accounts are paid by the member's house. A payment that nets to zero is left out. A payment is calculated, "
        "instructed, then confirmed or failed by the bank; a failed one may be instructed again. Only a confirmation "
        "of its amount moves cash, and it is final; an answer that does not fit moves nothing and is kept with its "
        "reason.",
    ),
    Rule(
        code="PAY-2",
        title="A payment is due on a banking day of its currency.",
        text="Payments of an end of day, a final and a correction are due on the first banking day of the currency "
        "after the business date on which the cycle is booked; those of an intraday cycle on that date itself where "
        "it is a banking day, otherwise on the next. Banking days are Mondays to Fridays without the holidays of the "
        "currency's bank that were accepted before the cycle's prices in the log; without such a calendar, Mondays to "
        "Fridays.",
    ),
    Rule(
        code="FEE-1",
        title="A fee is per side and lot, and goes to the clearing house.",
        text="From the contract's schedule, never finer than the minor unit; reversed by a bust; paid to the clearing "
        "house's fee account.",
    ),
    Rule(
        code="ACC-1",
        title="Accounts are house or client, net or gross.",
        text="Net accounts keep net lots. Gross accounts keep long and short apart (open/close on the fill, as in "
        "Shanghai); a close that exceeds what is open refuses the whole trade.",
    ),
    Rule(
        code="POS-1",
        title="A position over its limit is reported, and nothing is refused.",
        text="Terms may carry a position limit in lots, of a member and contract, house and clients apart, at the "
        "end of a settled date: the long lots of all its accounts, and the short ones, each against the limit; lots of "
        "two accounts never net, and a gross account counts on both sides. The version of the terms counts that was in "
        "force on the date. What is over is told with the date since when; trades, give-ups and transfers stand, "
        "for the venue decides what follows.",
    ),
    Rule(
        code="IDX-1",
        title="A fixing explains itself.",
        text="It is a pure function of the observations up to its marker and of the methodology's version; it carries "
        "every exclusion with its reason.",
    ),
)

_LIFECYCLE = (
    Rule(
        code="COR-1",
        title="A correction never edits: it reverses and re-enters.",
        text="It acts on the trade's allocation (where give-ups, averages and adjustments have put it; later sales and "
        "position transfers do not matter), at the price that stands there. Before the cut it nets to zero in the "
        "day; after it, offset and re-entry are fills of the open date. A bust reverses lots, value and fee.",
    ),
    Rule(
        code="COR-2",
        title="A corrected settlement price is an adjustment (ADJ).",
        text="It pays those who held the book at that date, in a correction cycle of the open date that names its "
        "effective date; the corrected price becomes the prior one.",
    ),
    Rule(
        code="COR-3",
        title="A correction belongs to the open date for which it was approved; its cash effect can be seen first.",
        text="A correction can be tried first: its fills are valued at the last settlement price, lots x "
        "(V(settlement) - V(price)) on their side, with residuals, adjustments and fees, by member, origin and "
        "currency; with the fee account they sum to 0. It belongs to the date that is open where it stands in the "
        "log; approved for another date, it is refused and goes back for approval.",
    ),
    Rule(
        code="GUP-1",
        title="A give-up moves lots at the price that stands.",
        text="Minus at the executing account, plus at the carrying one; the fee moves along.",
    ),
    Rule(
        code="GUP-2",
        title="A requested give-up waits for each taker's answer.",
        text="Each taker accepts or refuses its own part, and the giver may withdraw what is pending. Until then the "
        "lots stay with the giver and are margined there, over cuts too, and nobody else can be given them. An "
        "acceptance writes GUP-1's fills in the date open then, at the price that stands then. A pending part lapses "
        "with a bust, with the contract's final, and at the cut that opens the first date too late for a correction.",
    ),
    Rule(
        code="TRM-1",
        title="Terms are in force from a business date on, and every date keeps its own.",
        text="A new version of a contract's terms is listed with its document and the document's hash. It is in force "
        "at once, or waits and comes into force with the first date that opens on its effective date or later, before "
        "anything else of that date. Another version for the same date replaces one that waits. A fill, a cycle and a "
        "corrected price are held to the terms in force on their own date, also when that date settles after the next "
        "one opened; an adjusted price to the terms of its trade's date; correction days are those in force. A version "
        "that waits has the size, month, currency and rounding of the one in force.",
    ),
    Rule(
        code="AVG-1",
        title="An average keeps its rounding as cash (CRES).",
        text="Average price over trades of one open date, account, contract, side and open/close, once each; rounded "
        "to the tick (half-up) only when they differ; each trade keeps its own cash residual = its lots x (V(average) "
        "- V(own price)) x side; a busted trade leaves with its share; CRES stays with the averaging account.",
    ),
    Rule(
        code="TRF-1",
        title="A position transfer is booked at the prior settlement price.",
        text="The giver is marked to it on those lots, the receiver from it. Different owners need two people.",
    ),
    Rule(
        code="FSP-1",
        title="A final price is an average whose days are the contract's data.",
        text="The list of days, what a missing day means (carry, skip, error) and the precision are terms.",
    ),
    Rule(
        code="FSP-2",
        title="A contract ends in stages: last trade, awaiting, provisional, final, closed.",
        text="Final `closing_lag` business days after the last trading day; prints correct it until then, later ones "
        "are recorded as ignored. In between the contract settles at its prior price (SMTM 0).",
    ),
    Rule(
        code="FSP-3",
        title="The final line pays the rest and ends the position (FMTM).",
        text="FMTM = lots x (V(final) - V(prior)); the final line also carries TVAR, FEE, CRES and IMTM of a last day "
        "that was not settled. A final price need not be a tick.",
    ),
)

_ENTRANCE = (
    Rule(
        code="ENT-1",
        title="What is refused is kept, and the rest goes on.",
        text="A refusal carries its code, its rule, its place and the original bytes; state is as if it never came.",
    ),
    Rule(
        code="ENT-2",
        title="A price is a multiple of the tick.",
        text="Trade, intraday and daily settlement prices are multiples of the contract's tick; a final price need "
        "not be.",
    ),
    Rule(
        code="ENT-3",
        title="A trade names what is listed, once, in lots above zero.",
        text="Contract, accounts and series must be listed; a trade id is taken for ever, a busted one too.",
    ),
    Rule(
        code="ENT-4",
        title="A trade stands within the contract's bounds.",
        text="A trade or daily price beyond `cap` or `floor`, and a trade whose open date is after `last_trade`, are "
        "refused.",
    ),
    Rule(
        code="ENT-5",
        title="Limits keep every sum inside 64 bits.",
        text="|price| < 9.2e9, lots at most 1e9, |lots x V| < 9e16 minor units; beyond them is a refusal, never a "
        "number that wrapped.",
    ),
    Rule(
        code="ENT-6",
        title="A feed's record is (feed, source_seq), a control its id.",
        text="Numbers are contiguous; the same number or id with the same content is skipped, with other content "
        "refused.",
    ),
    Rule(
        code="ENT-7",
        title="A refused matched trade is an open break.",
        text="It must be resubmitted, cancelled by the exchange or waived by two different people before its date can "
        "post.",
    ),
    Rule(
        code="ENT-8",
        title="Dates run in order.",
        text="`cut` and `intraday` name the open date; dates settle in the order of their cuts, once; a correction "
        "comes at most `correction_days` business days after its trade's date, and none after the final settlement.",
    ),
    Rule(
        code="ENT-9",
        title="A name keeps its terms.",
        text="An account, contract or series that exists is not given other terms; a contract's size, currency and "
        "rounding cannot change while a position or a correctable trade exists. A book is brought forward at one "
        "price, before the contract has a price of its own, while no date that is cut waits for its prices.",
    ),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in (*_MONEY, *_LIFECYCLE, *_ENTRANCE)}

# Which rule a refusal keeps. Every member of the rejection enum stands here (tests/skeleton/test_rules.py).
RULE_OF_REJECTION: dict[str, str] = {
    "MALFORMED": "ENT-1",
    "UNKNOWN_CONTRACT": "ENT-3",
    "UNKNOWN_ACCOUNT": "ENT-3",
    "UNKNOWN_TRADE": "COR-1",
    "UNKNOWN_SERIES": "ENT-3",
    "UNKNOWN_BREAK": "ENT-7",
    "DUPLICATE_TRADE": "ENT-3",
    "DUPLICATE_NAME": "ENT-9",
    "CONTROL_REUSED": "ENT-6",
    "FROZEN_TERMS": "ENT-9",
    "WRONG_DATE": "ENT-8",
    "APPROVAL_STALE": "COR-3",
    "ALREADY_SETTLED": "ENT-8",
    "CONTRACT_CLOSED": "ENT-8",
    "AFTER_LAST_TRADE": "ENT-4",
    "BAD_LOTS": "ENT-3",
    "OFF_TICK": "ENT-2",
    "PRICE_LIMIT": "ENT-4",
    "ALREADY_CARRIED": "ENT-9",
    "ALREADY_BUSTED": "COR-1",
    "ALREADY_MOVED": "COR-1",
    "NOT_PENDING": "GUP-2",
    "TOO_LATE": "ENT-8",
    "GROSS_CLOSED": "ACC-1",
    "NOT_HELD": "TRF-1",
    "UNBALANCED": "VM-4",
    "MISSING_PRICE": "VM-5",
    "NO_PREVIOUS": "VM-5",
    "TWO_PEOPLE": "ENT-7",
    "LIMIT": "ENT-5",
}


def rule(code: str) -> Rule:
    """Return a rule by its code, for example `VM-4`.

    Raises:
        UnknownRuleError: no rule has that code.
    """
    try:
        return RULES[code]
    except KeyError:
        message = f"Expected a rule code of settlement/domain/rules.py, was {code!r}."
        raise UnknownRuleError(message) from None
