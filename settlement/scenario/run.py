"""Settles a scenario: every event through the production gateway and folds, every line through both engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from settlement.domain.account import FEE_ACCOUNT, Positions
from settlement.domain.calendar import Calendar
from settlement.domain.contract import Contract, TermsError
from settlement.domain.daily_settlement import choose
from settlement.domain.dates import format_date
from settlement.domain.final_settlement import FinalSettlement, final_price, standing
from settlement.domain.money import NANO, format_decimal, format_price
from settlement.domain.rejection import Code, Rejection
from settlement.folds.gateway import Step
from settlement.scenario import controls, document
from settlement.scenario import events as of
from settlement.scenario.compare import disagreements, expired_sides, lines_by_cycle
from settlement.scenario.controls import Control
from settlement.scenario.errors import Problem, UnreadableScenarioError
from settlement.scenario.expectation import Difference, differences
from settlement.scenario.offline import Offline
from settlement.scenario.parse import Scenario

Json = dict[str, Any]
PARTITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a scenario.

    document: the output.  disagreements: what the two engines see differently, empty when they agree.  differences:
    what is not as expected.
    """

    scenario: Scenario
    document: Json
    disagreements: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 where an expectation differs or the engines disagree."""
        return 1 if self.disagreements or self.differences else 0


def run_scenario(scenario: Scenario, *, partitions: int = PARTITIONS) -> Result:
    """Settle a scenario through both engines, over so many partitions, whose number changes nothing.

    Raises:
        UnreadableScenarioError: the gateway refuses a contract or a series of the file.
    """
    run = settled(scenario, partitions=partitions)
    lines = lines_by_cycle(run.offline)
    disagreeing = disagreements(run.offline, lines, bank_calendars(scenario))
    gross = {name for name, account in controls.accounts(scenario).items() if account.positions is Positions.GROSS}
    disagreeing += expired_sides((line for inner in lines.values() for line in inner), run.expired, gross)
    output = {**run.figures(), "engines_agree": not disagreeing}
    expect = scenario.expect
    different = [] if expect is None else differences(expect, output, _names(scenario))
    return Result(scenario, output, tuple(disagreeing), tuple(different))


def settled(scenario: Scenario, *, partitions: int = PARTITIONS) -> Run:
    """Return a scenario after its last event, as the folds alone have it.

    Raises:
        UnreadableScenarioError: the gateway refuses a contract or a series of the file.
    """
    run = Run(scenario, Offline(partitions))
    run.set_up()
    for entry in scenario.events:
        run.take(entry)
    return run


def bank_calendars(scenario: Scenario) -> dict[str, Calendar]:
    """Return the banking days of every currency that the file gives a bank calendar (rule PAY-2)."""
    return {currency: Calendar(frozenset(days)) for currency, days in scenario.banks.items()}


def _names(scenario: Scenario) -> frozenset[str]:
    return frozenset((*controls.accounts(scenario), FEE_ACCOUNT))


@dataclass(slots=True)
class Run:
    """A scenario on its way through the folds, event by event."""

    scenario: Scenario
    offline: Offline
    dates: controls.Dates = field(init=False)
    translator: controls.Translator = field(init=False)
    contracts: dict[str, Contract] = field(init=False)
    rejections: list[Json] = field(default_factory=list)
    finals: list[Json] = field(default_factory=list)
    expired: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dates = controls.Dates.of(self.scenario)
        self.translator = controls.Translator(self.scenario, self.dates)
        self.contracts = {name: Contract.of(terms) for name, terms in self.scenario.contracts.items()}

    def set_up(self) -> None:
        """Send what stands before the first event; the parser has checked it, so a refusal names the file."""
        for number, control in enumerate(controls.setup(self.scenario, self.dates.first), 1):
            step = self.offline.control(control, f"setup-{number}")
            if step.rejection is not None:
                section, name = _named(control)
                line = self.scenario.lines.get((section, name), 0)
                problem = Problem(line, f"{section} that the gateway accepts", repr(name), step.rejection.message)
                raise UnreadableScenarioError(self.scenario.file, [problem])

    def take(self, entry: of.Entry) -> None:
        """Apply one event; a refusal is noted and the rest goes on."""
        rejection = _too_fine(entry.event, self.contracts)
        if rejection is None:
            rejection = self._step(entry).rejection
        if rejection is not None:
            noted = {"code": rejection.code.value, "rule": rejection.rule, "message": rejection.message}
            self.rejections.append({"event": entry.number, **noted})

    def _step(self, entry: of.Entry) -> Step:
        event = entry.event
        report = self.translator.report(entry)
        if report is not None:
            return self.offline.report(report)
        if isinstance(event, of.FinalPrice):
            return self._final(entry, event)
        following = self.dates.after(entry.number, event.date) if isinstance(event, of.Cut | of.Settle) else None
        if isinstance(event, of.Settle):
            return self._send(entry, controls.settle(event, self._settlement_prices(event), following))
        return self._send(entry, controls.control(event, following))

    def _send(self, entry: of.Entry, control: Control) -> Step:
        return self.offline.control(control, f"event-{entry.number}")

    def _settlement_prices(self, event: of.Settle) -> dict[str, Json]:
        if not isinstance(event.prices, str):
            return controls.given(event.prices)
        chosen = choose(self.offline.tier_prices(event.date))
        return {
            name: {"price": format_price(price_nano), "tier": tier}
            for name, (price_nano, tier) in chosen.items()
            if (last := self.contracts[name].last_trade) is None or event.date <= last
        }

    def _final(self, entry: of.Entry, event: of.FinalPrice) -> Step:
        price, tier = event.price, "given"
        if price == of.AUTO and event.contract in self.contracts:
            found = self._average(event.contract)
            if isinstance(found, Rejection):
                return Step(rejection=found)
            price, tier = found, "average"
        elif price == of.AUTO:
            price = "0"  # of an unknown contract: the gateway says so
        held = self.offline.gateway.state.holdings.get(event.contract, {})
        sides = {(account, event.contract): (one.long, one.short) for account, one in held.items()}
        step = self._send(entry, controls.final(event, price, tier))
        if step.rejection is None:
            self._note_final(event, price, step, sides)
        return step

    def _average(self, name: str) -> str | Rejection:
        """Return the contract's average of its fixings, or why there is none (rule FSP-1)."""
        terms = self.contracts[name].document.get("final_settlement")
        try:
            settlement = FinalSettlement.of(terms)
        except TermsError:
            message = (
                f"Expected a `final_settlement` with a series in the terms of {name}, was {terms!r}. Give a price."
            )
            return Rejection(code=Code.MISSING_PRICE, message=message)
        fixings = standing(self.offline.fixings(), settlement.series)
        found = final_price(settlement, fixings, Calendar(frozenset(self.scenario.holidays)))
        if found.price_nano is None:
            return Rejection(
                code=Code.MISSING_PRICE, message=found.reason + " Print the missing fixings, or give a price."
            )
        return format_decimal(found.price_nano, NANO, least=0)

    def _note_final(
        self, event: of.FinalPrice, price: str, step: Step, sides: Mapping[tuple[str, str], tuple[int, int]]
    ) -> None:
        paid = [emission.record for emission in step.emissions if emission.name == "prices"]
        ignored = not paid and self.offline.gateway.state.listed[event.contract].closed
        if paid:
            [settled] = paid[0]["prices"]
            price = self._writer().price(event.contract, settled["price_nano"])
            self.expired |= sides
        noted = {"contract": event.contract, "date": format_date(event.date), "price": price}
        self.finals.append({**noted, "status": "ignored" if ignored else event.status})

    def _writer(self) -> document.Writer:
        return document.Writer(controls.accounts(self.scenario), self.contracts, bank_calendars(self.scenario))

    def figures(self) -> Json:
        """Return the output, but for the second engine's word on it."""
        lines = lines_by_cycle(self.offline)
        writer = self._writer()
        asked = [prices for prices in self.offline.cycles if prices["kind"] != "opening"]
        return {
            "cycles": writer.cycles(asked, lines, self.expired),
            "positions": writer.positions(self.offline.positions()),
            "totals": writer.totals(lines.values()),
            "fixings": [document.fixing(record) for record in self.offline.fixings()],
            "finals": self.finals,
            "rejections": self.rejections,
        }


def _named(control: Control) -> tuple[str, str]:
    """Return the section and the name of a file's entry that a control comes from."""
    sections = {
        "listing": ("contracts", "contract"),
        "account": ("accounts", "account"),
        "series": ("series", "series"),
    }
    section, key = sections.get(control.kind, (control.kind, ""))
    return section, str(control.payload.get(key, control.payload))


def _too_fine(event: of.Event, contracts: Mapping[str, Contract]) -> Rejection | None:
    """Return the refusal of a price of more decimals than any tick has, which cannot travel: it is off every tick."""
    if isinstance(event, of.FinalPrice):
        return None
    prices: list[str] = [
        value
        for one in fields(event)
        if one.name in {"price", "bid", "ask"} and isinstance(value := getattr(event, one.name), str)
    ]
    if isinstance(event, of.Settle | of.Intraday) and not isinstance(event.prices, str):
        prices += event.prices.values()
    fine = next((price for price in prices if len(price.partition(".")[2].rstrip("0")) > NANO), None)
    if fine is None:
        return None
    named = getattr(event, "contract", None)
    if named is not None and named not in contracts:
        return Rejection(code=Code.UNKNOWN_CONTRACT, message=f"Expected a contract of the file, was {named!r}.")
    message = f"Expected a price that is a multiple of the tick, so of at most {NANO} decimals, was {fine}."
    return Rejection(code=Code.OFF_TICK, message=message)
