"""Reads a hedge file: what will be used month by month, the futures held, and the prices to value them at."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from settlement.domain.contract import Contract
from settlement.domain.money import NANO, divide, parse_decimal
from settlement.scenario import readers
from settlement.scenario.errors import Fault, Problem, UnreadableScenarioError
from settlement.scenario.forms import Key, fill, read_keys
from settlement.scenario.terms import Document, Shipped, read_contract
from settlement.scenario.tree import Items, Node, Text, describe, read_tree
from settlement.scenario.tree import Mapping as Keys

AUTO: Final = "auto"
"""A futures price that is the contract's own final settlement price, averaged from the fixings of the file."""
BYTES_MAX: Final = 16 << 20
_HOURS_A_DAY: Final = 24

Series: TypeAlias = Mapping[int, int]
"""Fixings: value (1e-9) by date (yyyymmdd)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _UseForm:
    month: Annotated[str, readers.month]
    index: Annotated[str, readers.name]
    quantity: Annotated[str | None, readers.nano] = None
    gpus: Annotated[str | None, readers.nano] = None
    utilisation: Annotated[str | None, readers.not_negative] = None
    premium: Annotated[str, readers.nano] = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class _FutureForm:
    contract: Annotated[str, readers.name]
    lots: Annotated[int, readers.whole]
    price: Annotated[str, readers.nano]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is used of an index's good in a month, and paid at the index plus a premium.

    quantity_nano: units, 1e-9 (GPU-hours, million tokens), below zero for who rents out.  premium_nano: 1e-9 of the
    currency unit per unit.
    """

    month: str
    index: str
    quantity_nano: int
    premium_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """Lots bought (+) or sold (-) of a contract at a price (1e-9); line: where it stands in the file."""

    contract: str
    lots: int
    price_nano: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A hedge file that can be read.

    contracts: terms by name.  prices: what each contract is valued at, decimal text or `auto`.  index: a month's
    average as it is known or expected (1e-9), by index and month.  indices: the index that a contract hedges, where it
    is not that of its final settlement.  accounts: whose futures a platform's books are asked for.
    """

    file: str
    title: str = ""
    currency: str = "USD"
    use: tuple[Use, ...] = ()
    contracts: Mapping[str, Document] = field(default_factory=dict)
    futures: tuple[Future, ...] = ()
    prices: Mapping[str, str] = field(default_factory=dict)
    index: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fixings: Mapping[str, Series] = field(default_factory=dict)
    holidays: tuple[int, ...] = ()
    indices: Mapping[str, str] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    expect: Node | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def unreadable(self, key: str, expected: str, was: str, hint: str = "") -> UnreadableScenarioError:
        """Return an error of the file at one of its top-level keys."""
        return UnreadableScenarioError(self.file, [Problem(self.lines.get(key, 0), expected, was, hint)])


def read_plan(path: Path, shipped: Shipped) -> Plan:
    """Return the plan of a file.

    Raises:
        UnreadableScenarioError: with every problem of the file.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise UnreadableScenarioError(
                str(path), [Problem(0, f"a file of at most {BYTES_MAX} bytes", "a larger one")]
            )
        content = path.read_bytes()
    except OSError as error:
        was = (error.strerror or str(error)).lower()
        raise UnreadableScenarioError(str(path), [Problem(0, "a readable file", was)]) from error
    return parse_plan(content, str(path), shipped)


def parse_plan(content: bytes | str, file: str, shipped: Shipped) -> Plan:
    """Return the plan that a text describes; `file` names it in errors.

    Raises:
        UnreadableScenarioError: with every problem of the text.
    """
    problems: list[Problem] = []
    try:
        root, problems = read_tree(content.encode() if isinstance(content, str) else content)
        plan = _plan(root, file, shipped)
    except Fault as fault:
        raise UnreadableScenarioError(file, [*problems, *fault.problems]) from fault
    if problems:
        raise UnreadableScenarioError(file, problems)
    return plan


def _plan(root: Node, file: str, shipped: Shipped) -> Plan:
    keys = {
        "title": Key(readers.text),
        "currency": Key(readers.currency),
        "use": Key(readers.items(_use, "what is used in a month", least=1), required=True),
        "contracts": Key(lambda node: _contracts(node, shipped)),
        "futures": Key(readers.items(_future, "futures")),
        "prices": Key(readers.by_name(readers.either(AUTO, readers.nano), "contract: price")),
        "index": Key(_index),
        "fixings": Key(readers.by_name(_series, "index: fixings")),
        "calendar": Key(_calendar),
        "indices": Key(readers.by_name(readers.name, "contract: index")),
        "accounts": Key(readers.items(readers.name, "accounts", least=1)),
        "expect": Key(_expect),
    }
    read = read_keys(root, keys, "a hedge file")
    read["holidays"] = read.pop("calendar", ())
    assert isinstance(root, Keys)  # noqa: S101  read_keys takes mappings only
    plan = Plan(file=file, lines={key.value: key.line for key, _ in root.entries}, **read)
    _check_futures(plan)
    return plan


def _use(node: Node) -> Use:
    form = fill(_UseForm, node, "`use`")
    amounts = [name for name in ("quantity", "gpus") if getattr(form, name) is not None]
    if len(amounts) != 1:
        raise Fault.at(node.line, "either `quantity` or `gpus` in `use`", " and ".join(amounts) or "neither")
    if form.utilisation is not None and form.gpus is None:
        raise Fault.at(node.line, "`utilisation` only with `gpus`", "with `quantity`")
    quantity_nano = parse_decimal(form.quantity, NANO) if form.quantity is not None else _gpu_hours_nano(form)
    if not quantity_nano:
        raise Fault.at(node.line, "a quantity other than zero", "0")
    premium_nano = parse_decimal(form.premium, NANO)
    return Use(month=form.month, index=form.index, quantity_nano=quantity_nano, premium_nano=premium_nano)


def _gpu_hours_nano(form: _UseForm) -> int:
    """Return the hours of GPUs that run day and night, times the share of the time that they are used."""
    year, month = (int(part) for part in form.month.split("-"))
    hours = monthrange(year, month)[1] * _HOURS_A_DAY
    share_nano = parse_decimal(form.utilisation or "1", NANO)
    return divide(parse_decimal(form.gpus or "0", NANO) * hours * share_nano, 10**NANO)


def _future(node: Node) -> Future:
    form = fill(_FutureForm, node, "`futures`")
    if not form.lots:
        raise Fault.at(node.line, "lots other than zero, + bought and - sold", "0")
    return Future(contract=form.contract, lots=form.lots, price_nano=parse_decimal(form.price, NANO), line=node.line)


def _contracts(node: Node, shipped: Shipped) -> dict[str, Document]:
    if not isinstance(node, Keys):
        raise Fault.at(node.line, "a mapping of contract: terms", describe(node))

    def one(entry: tuple[Text, Node]) -> tuple[str, Document]:
        key, inner = entry
        document = read_contract(readers.name(key), inner, shipped)
        if not document.get("month"):
            raise Fault.at(inner.line, "a `month` in the terms of a contract that hedges one", "none")
        return key.value, document

    return dict(readers.gather(one, node.entries))


def _index(node: Node) -> dict[tuple[str, str], int]:
    by_index = readers.by_name(readers.by_name(readers.nano, "month: price"), "index: months")(node)
    return {
        (index, _month(month, node)): parse_decimal(price, NANO)
        for index, months in by_index.items()
        for month, price in months.items()
    }


def _month(month: str, node: Node) -> str:
    return readers.month(Text(node.line, month))


def _series(node: Node) -> dict[int, int]:
    written = readers.by_name(readers.nano, "date: value")(node)
    return {readers.date(Text(node.line, day)): parse_decimal(value, NANO) for day, value in written.items()}


def _calendar(node: Node) -> tuple[int, ...]:
    keys = {"holidays": Key(readers.items(readers.date, "dates"))}
    holidays: tuple[int, ...] = read_keys(node, keys, "`calendar`").get("holidays", ())
    return holidays


def _expect(node: Node) -> Node:
    if not isinstance(node, Items):
        raise Fault.at(node.line, "a list of months with the figures that must come out", describe(node))
    return node


def _check_futures(plan: Plan) -> None:
    """Check that futures name contracts of the file, on their tick and in the plan's currency, with a price."""
    problems: list[Problem] = []
    for future in plan.futures:
        terms = plan.contracts.get(future.contract)
        if terms is None:
            hint = readers.suggestion(future.contract, plan.contracts)
            problems.append(Problem(future.line, "a contract of `contracts`", repr(future.contract), hint))
            continue
        contract = Contract.of(terms)
        if contract.currency != plan.currency:
            was = f"{future.contract} in {contract.currency}"
            problems.append(Problem(future.line, f"futures in {plan.currency}, the plan's `currency`", was))
        if future.contract not in plan.prices:
            problems.append(Problem(future.line, f"a price of {future.contract} in `prices`", "none"))
    unknown: list[Any] = [
        name for name in (*plan.prices, *plan.indices) if plan.contracts and name not in plan.contracts
    ]
    problems += [Problem(plan.lines.get("prices", 0), "a contract of `contracts`", repr(name)) for name in unknown]
    if problems:
        raise Fault(problems)
