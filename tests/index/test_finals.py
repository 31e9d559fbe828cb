"""What the log says of final prices: which print is due, and what a contract waits for (rule FSP-2)."""

from typing import Any

import pytest

from settlement.domain.dates import parse_date
from settlement.domain.final_settlement import FinalState
from settlement.folds.finals import Finals
from tests.index.records import nano

pytestmark = pytest.mark.rule("FSP-2")

NAME = "H100-2026-07"
# Friday 31 July is the last trading day; the closing day is Tuesday 4 August.
TERMS: dict[str, Any] = {
    "contract": NAME, "size": "730", "tick": "0.001", "last_trade": "2026-07-31",
    "final_settlement": {
        "method": "average", "series": "H100", "days": "listed", "list": ["2026-07-30", "2026-07-31"],
        "missing": "error", "precision": 4,
    },
}  # fmt: skip


def terms(**final: Any) -> dict[str, Any]:
    """Return the terms with another final settlement."""
    return {**TERMS, "final_settlement": {**TERMS["final_settlement"], **final}}


class Log:
    """The controls, each answered at once, and the fixings that they ask for."""

    def __init__(self, document: dict[str, Any] = TERMS, opened: str = "2026-07-30") -> None:
        self.finals, self.seq, self.open_date = Finals(), 0, 0
        self.control("listing", document)
        self.open_date = parse_date(opened)
        self.control("open", {"date": opened})

    def control(self, kind: str, payload: dict[str, Any], control_id: str = "", *, code: str = "") -> None:
        """Take a control, accepted or refused with a code."""
        answer = {"accepted": not code, "repeated": False, "business_date": self.open_date, "code": code,
                  "message": "Expected it."}  # fmt: skip
        self.seq += 1
        self.finals.take(self.seq, {"control_id": control_id or f"C{self.seq}", "kind": kind}, payload, answer)

    def cut(self, date: str, following: str, *, priced: bool = True) -> None:
        """Cut a date, and settle it."""
        self.open_date = parse_date(following)
        self.control("cut", {"date": date})
        if priced:
            self.price(date)

    def price(self, date: str) -> None:
        """Settle a date."""
        self.control("prices", {"date": date, "kind": "end_of_day", "prices": {}})

    def fix(self, date: str, value: str | None, *, made: bool = True) -> None:
        """Ask for a fixing of H100, which is made or not yet."""
        self.control("fix", {"series": "H100", "date": date})
        if made:
            self.make(date, value)

    def make(self, date: str, value: str | None) -> None:
        """Take a fixing, and its twin."""
        record = {"series": "H100", "date": parse_date(date), "stream_seq": self.seq, "partition": 0,
                  "value_nano": None if value is None else nano(value), "tier": "primary"}  # fmt: skip
        self.finals.fixing(record)
        self.finals.fixing(dict(record))

    @property
    def due(self) -> tuple[str, str] | None:
        """Return the id and the price of the print that is due."""
        due = self.finals.expiry(NAME).due
        return None if due is None else (due.control_id.removeprefix(f"final/{NAME}/"), due.payload["price"])

    @property
    def waits_for(self) -> str:
        """Return what the contract waits for."""
        return self.finals.expiry(NAME).waits_for

    @property
    def state(self) -> FinalState:
        """Return where the contract stands."""
        return self.finals.expiry(NAME).state

    def send(self, code: str = "") -> None:
        """Send the print that is due, and have it answered."""
        due = self.finals.expiry(NAME).due
        assert due is not None
        self.control("final", due.payload, due.control_id, code=code)


def test_a_contract_goes_through_its_states() -> None:
    """Last trade, awaiting, provisional, final on the closing day, closed when that day is settled."""
    log = Log()
    assert (log.state, log.waits_for) == (FinalState.LAST_TRADE, "its last trading day 2026-07-31")
    log.fix("2026-07-30", "2.0001")
    log.cut("2026-07-30", "2026-07-31")
    assert log.due is None
    log.cut("2026-07-31", "2026-08-03")
    assert (log.state, log.waits_for) == (FinalState.AWAITING, "the fixing of H100 for 2026-07-31")
    log.fix("2026-07-31", "2.0002", made=False)
    assert (log.due, log.waits_for) == (None, "the index worker to make the fixing of H100 for 2026-07-31")
    log.make("2026-07-31", "2.0002")
    assert log.due == ("provisional/1", "2.0002")
    log.send()
    assert (log.state, log.due, log.waits_for) == (FinalState.PROVISIONAL, None, "its closing day 2026-08-04")
    log.cut("2026-08-03", "2026-08-04", priced=False)
    assert (log.due, log.waits_for) == (None, "the end of day of 2026-08-03")
    log.price("2026-08-03")
    due = log.finals.expiry(NAME).due
    assert due is not None
    assert due.control_id == f"final/{NAME}/final/1"
    assert due.payload == {
        "contract": NAME, "date": "2026-08-04", "price": "2.0002", "status": "final", "tier": "average",
    }  # fmt: skip
    log.send()
    assert (log.state, log.due, log.waits_for) == (FinalState.FINAL, None, "the end of day of 2026-08-04")
    log.cut("2026-08-04", "2026-08-05")
    assert (log.state, log.due, log.waits_for) == (FinalState.CLOSED, None, "")


def awaiting(document: dict[str, Any] = TERMS) -> Log:
    """Return the log of a contract whose last trading day is over, with the fixings of both days."""
    log = Log(document)
    log.fix("2026-07-30", "2")
    log.fix("2026-07-31", "3")
    log.cut("2026-07-30", "2026-07-31")
    log.cut("2026-07-31", "2026-08-03")
    return log


def test_a_restated_fixing_gives_a_new_provisional() -> None:
    """Each price that differs from the last has the next number; the same price is not printed again."""
    log = awaiting()
    log.send()
    log.fix("2026-07-31", "3.5")
    assert log.due == ("provisional/2", "2.75")
    log.send()
    log.fix("2026-07-31", "3.5")
    assert log.due is None
    log.fix("2026-07-31", "3")
    assert log.due == ("provisional/3", "2.5")


def test_a_fixing_from_the_closing_day_on_is_ignored() -> None:
    """The final price is of the fixings that were asked for before the closing day opened."""
    log = awaiting()
    log.cut("2026-08-03", "2026-08-04")
    log.fix("2026-07-31", "9")
    assert log.due == ("final/1", "2.5")


def test_a_missing_day_is_awaited_whatever_the_date() -> None:
    """Where a missing day is an error the contract waits, and says for what; the first late value of the day counts."""
    log = Log()
    log.fix("2026-07-30", "2")
    log.cut("2026-07-30", "2026-07-31")
    log.cut("2026-07-31", "2026-08-03")
    log.cut("2026-08-03", "2026-08-04")
    log.cut("2026-08-04", "2026-08-05")
    log.fix("2026-07-31", None)
    assert (log.due, log.waits_for) == (None, "the fixing of H100 for 2026-07-31")
    log.fix("2026-07-30", "9")
    log.fix("2026-07-31", "3")
    log.fix("2026-07-31", "4")
    assert log.due == ("final/1", "2.5")
    log.send()
    assert log.state is FinalState.FINAL


@pytest.mark.parametrize(("missing", "price"), [("carry", "2"), ("skip", "2")])
def test_a_day_that_may_be_missing_is_awaited_until_the_closing_day(missing: str, price: str) -> None:
    """Without the last day's fixing there is no provisional price; the final one does without."""
    log = Log(terms(missing=missing))
    log.fix("2026-07-30", "2")
    log.cut("2026-07-30", "2026-07-31")
    log.cut("2026-07-31", "2026-08-03")
    assert (log.due, log.waits_for) == (None, "the fixing of H100 for 2026-07-31")
    log.cut("2026-08-03", "2026-08-04")
    assert log.due == ("final/1", price)


def test_days_after_the_closing_day_are_awaited() -> None:
    """A contract is not closed before its last trading day and all days of its average are over."""
    log = Log(terms(list=["2026-07-31", "2026-08-05"], missing="carry"))
    log.fix("2026-07-31", "2")
    log.cut("2026-07-30", "2026-07-31")
    for date, following in (("2026-07-31", "2026-08-03"), ("2026-08-03", "2026-08-04"), ("2026-08-04", "2026-08-05")):
        log.cut(date, following)
        assert log.due is None
    log.fix("2026-08-05", "3")
    assert log.due == ("provisional/1", "2.5")
    log.cut("2026-08-05", "2026-08-06")
    assert log.due == ("final/1", "2.5")


def test_a_lag_of_zero_closes_after_the_last_trading_day() -> None:
    """The last trading day itself is traded to its end."""
    log = Log(terms(closing_lag=0))
    log.fix("2026-07-30", "2")
    log.fix("2026-07-31", "3")
    log.cut("2026-07-30", "2026-07-31")
    assert log.due is None
    log.cut("2026-07-31", "2026-08-03")
    assert log.due == ("final/1", "2.5")


def test_a_holiday_moves_the_closing_day() -> None:
    """The closing day counts the business days of the accepted calendar."""
    log = Log()
    log.control("calendar", {"holidays": ["2026-08-04"]})
    assert log.finals.expiry(NAME).closing == 20260805


def test_a_final_by_hand_that_came_first_wins() -> None:
    """Nothing is due any more; a provisional print by hand changes nothing of what is due."""
    log = awaiting()
    by_hand = {"contract": NAME, "date": "2026-08-03", "price": "2.9"}
    log.control("final", {**by_hand, "status": "provisional"}, f"final/{NAME}/provisional/1")
    assert (log.state, log.due) == (FinalState.PROVISIONAL, ("provisional/2", "2.5"))
    log.send()
    log.control("final", {**by_hand, "status": "provisional"}, f"final/{NAME}/provisional/3")
    assert log.due is None
    log.cut("2026-08-03", "2026-08-04")
    log.control("final", {**by_hand, "date": "2026-08-04", "status": "final"}, "by-hand/2")
    log.control("final", {**by_hand, "price": "3", "date": "2026-08-04", "status": "final"}, "by-hand/3")
    expiry = log.finals.expiry(NAME)
    assert (expiry.state, expiry.due) == (FinalState.FINAL, None)
    assert expiry.print is not None
    assert expiry.print.control_id == "by-hand/2"


def test_a_refused_final_waits_for_people() -> None:
    """The same is not sent again on the same date, and the refusal is told; the next date asks once more."""
    log = awaiting()
    log.cut("2026-08-03", "2026-08-04")
    log.send(code="LIMIT")
    assert (log.due, log.waits_for) == (
        None, "a final price by hand (novate final): the proposal was refused, LIMIT: Expected it.",
    )  # fmt: skip
    log.cut("2026-08-04", "2026-08-05")
    assert log.due == ("final/2", "2.5")


@pytest.mark.parametrize("final", [None, {"closing_lag": 1}])
def test_a_contract_without_an_average_waits_for_a_price_by_hand(final: dict[str, Any] | None) -> None:
    """Its terms name no series, so nothing is proposed."""
    log = Log({**TERMS, "final_settlement": final})
    log.cut("2026-07-30", "2026-07-31")
    log.cut("2026-07-31", "2026-08-03")
    assert (log.state, log.due) == (FinalState.AWAITING, None)
    assert log.waits_for == "a final price by hand (novate final), since its terms have no average"


def test_only_contracts_that_end_are_listed() -> None:
    """A contract without a last trading day is none of them, until a final closed it; it may have an average."""
    log = Log()
    log.fix("2026-07-30", "2")
    log.control("listing", {**TERMS, "contract": "OPEN", "last_trade": None})
    assert [one.contract for one in log.finals.expiries()] == [NAME]
    assert log.finals.expiry("OPEN").due is None
    log.control("final", {"contract": "OPEN", "status": "final", "price": "2", "date": "2026-07-30"}, "F")
    assert [(one.contract, one.state) for one in log.finals.expiries()][1:] == [("OPEN", FinalState.FINAL)]


@pytest.mark.rule("TRM-1")
def test_terms_of_a_later_date_change_an_expiry_when_it_opens() -> None:
    """The lag that waits for Tuesday does not move Monday's closing day; a contract's final keeps its own terms."""
    log = Log()
    log.control("listing", {**terms(closing_lag="5"), "effective_date": "2026-08-03"})
    assert log.finals.expiry(NAME).closing == 20260804
    log.cut("2026-07-30", "2026-07-31")
    log.cut("2026-07-31", "2026-08-03")
    assert log.finals.expiry(NAME).closing == 20260807
    log.control("final", {"contract": NAME, "status": "final", "price": "2.9"})
    log.control("listing", {**terms(precision="1"), "effective_date": "2026-08-04"})
    log.cut("2026-08-03", "2026-08-04")
    assert log.finals.terms_of(NAME)["final_settlement"]["precision"] == 4
