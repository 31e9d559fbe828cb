"""The `expect` of a scenario: any part of the output, checked against what came out.

A part is enough. The items of a list are found by their naming keys (a cycle by date and kind, a line by account and
contract), and `[]` means empty. Numbers compare as decimals: 87.6 is 87.60. A zero that the output leaves out equals 0,
so an amount type, a payment or a position that is not there may be expected to be 0, as long as its account occurs in
the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from settlement.scenario.errors import Fault
from settlement.scenario.forms import unknown
from settlement.scenario.readers import gather
from settlement.scenario.tree import Items, Node, Text, describe
from settlement.scenario.tree import Mapping as Keys

NAMING: Final[Mapping[str, tuple[str, ...]]] = {
    "cycles": ("date", "kind"),
    "lines": ("account", "contract"),
    "payments": ("member", "origin", "currency"),
    "fixings": ("series", "date"),
    "excluded": ("provider",),
    "finals": ("contract", "status"),
    "rejections": ("event",),
}
"""The keys by which an item of a list is found."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand somewhere in the output: a mapping, a list, or neither.

    keys: of a mapping.  each: in a mapping from any names.  item: in a list.  zero: what is not there counts as 0.
    """

    keys: Mapping[str, Shape] | None = None
    each: Shape | None = None
    item: Shape | None = None
    zero: bool = False


_SCALAR = Shape()
_ZERO = Shape(zero=True)
_NAMED = Shape(each=_SCALAR)
_AMOUNTS = Shape(keys=dict.fromkeys(("TVAR", "SMTM", "IMTM", "FMTM", "CRES", "ADJ", "FEE"), _ZERO))
_LINE = Shape(
    keys={
        **dict.fromkeys(("account", "contract", "currency", "previous", "price", "total"), _SCALAR),
        **dict.fromkeys(("start", "bought", "sold", "transferred", "expired", "end"), _ZERO),
        **dict.fromkeys(("start_long", "start_short", "end_long", "end_short", "expired_long", "expired_short"), _ZERO),
        "amounts": _AMOUNTS,
    }
)
_PAYMENT = Shape(keys={**dict.fromkeys(("member", "origin", "currency", "value_date"), _SCALAR), "amount": _ZERO})
_CYCLE = Shape(
    keys={
        **dict.fromkeys(("date", "kind", "effective_date"), _SCALAR),
        "prices": _NAMED,
        "price_tiers": _NAMED,
        "lines": Shape(item=_LINE),
        "payments": Shape(item=_PAYMENT),
        "open_interest": Shape(each=_ZERO),
    }
)
_EXCLUSION = Shape(keys=dict.fromkeys(("provider", "reason"), _SCALAR))
_QUALITY = ("observations", "counted", "parts", "lowest", "highest", "deviation", "ignored", "carried_date")
_MADE_BY = ("methodology_version", "methodology_sha256", "inputs_sha256")
_FIXING = Shape(
    keys={
        **dict.fromkeys(("series", "date", "value", "tier", *_QUALITY, *_MADE_BY), _SCALAR),
        "included": Shape(item=_SCALAR),
        "excluded": Shape(item=_EXCLUSION),
    }
)
_SIDES = Shape(keys={"long": _ZERO, "short": _ZERO}, zero=True)
DOCUMENT: Final = Shape(
    keys={
        "cycles": Shape(item=_CYCLE),
        "positions": Shape(each=Shape(each=_SIDES)),
        "totals": Shape(each=Shape(each=_ZERO)),
        "fixings": Shape(item=_FIXING),
        "finals": Shape(item=Shape(keys=dict.fromkeys(("contract", "price", "status", "date"), _SCALAR))),
        "rejections": Shape(item=Shape(keys=dict.fromkeys(("event", "code", "rule", "message"), _SCALAR))),
        "engines_agree": _SCALAR,
    }
)
"""The output: what `expect` may say a part of."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not as expected.

    path: where in the output, for example `cycles[2026-11-23 end_of_day].lines[A GPUH].total`.  line: of the
    expectation in the file.
    """

    path: str
    expected: str
    was: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, was {self.was} (line {self.line})"


def read_expectation(node: Node) -> Node:
    """Return the node of an `expect` that could be met.

    Raises:
        Fault: it names keys that the output does not have, or has a list where the output has a mapping.
    """
    _check(node, DOCUMENT, "`expect`")
    return node


def _check(node: Node, shape: Shape, what: str) -> None:
    if shape.item is not None:
        if not isinstance(node, Items):
            raise Fault.at(node.line, f"a list for {what}", describe(node))
        item = shape.item
        gather(lambda inner: _check(inner, item, f"an item of {what}"), node.items)
    elif isinstance(node, Items):
        raise Fault.at(node.line, f"no list for {what}", describe(node))
    elif shape.keys is None and shape.each is None:
        if not isinstance(node, Text):
            raise Fault.at(node.line, f"a text or a number for {what}", describe(node))
    elif isinstance(node, Keys):
        gather(lambda entry: _check_key(*entry, shape, what), node.entries)
    elif not shape.zero:
        raise Fault.at(node.line, f"a mapping for {what}", describe(node))


def _check_key(key: Text, node: Node, shape: Shape, what: str) -> None:
    inner = shape.each if shape.keys is None else shape.keys.get(key.value)
    if inner is None:
        raise Fault([unknown(key, list(shape.keys or ()), what)])
    _check(node, inner, f"`{key.value}`")


def differences(expected: Node, document: Mapping[str, Any], accounts: frozenset[str]) -> list[Difference]:
    """Return where a document is not as expected, in the order of the expectation.

    accounts: those that occur in the file.
    """
    return list(_Comparison(accounts).node(expected, document, DOCUMENT, ""))


_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class _Comparison:
    accounts: frozenset[str]

    def node(self, expected: Node, was: object, shape: Shape, path: str) -> Iterator[Difference]:
        """Yield the differences of one part."""
        if isinstance(expected, Items) and shape.item is not None:
            yield from self._items(expected, was, shape.item, path)
        elif isinstance(expected, Keys):
            yield from self._keys(expected, was, shape, path)
        elif isinstance(expected, Text) and not _equal(expected, was, zero=shape.zero):
            yield Difference(path, _shown(expected), _written(was), expected.line)

    def _keys(self, expected: Keys, was: object, shape: Shape, path: str) -> Iterator[Difference]:
        if not (_all_zero(expected, shape) if was is _ABSENT else isinstance(was, Mapping)):
            yield Difference(path, _shown(expected), _written(was), expected.line)
            return
        for key, inner in expected.entries:
            found = was.get(key.value, _ABSENT) if isinstance(was, Mapping) else _ABSENT
            below = (shape.each if shape.keys is None else shape.keys.get(key.value)) or _SCALAR
            here = f"{path}.{key.value}" if path else key.value
            if found is _ABSENT and path in ("positions", "totals") and key.value not in self.accounts:
                yield Difference(here, _shown(inner), "no such account in the file", inner.line)
            else:
                yield from self.node(inner, found, below, here)

    def _items(self, expected: Items, was: object, shape: Shape, path: str) -> Iterator[Difference]:
        left = list(was) if isinstance(was, list) else []
        if not expected.items and left:
            yield Difference(path, "empty", f"{len(left)}: {'; '.join(_written(item) for item in left)}", expected.line)
        naming = NAMING.get(path.rpartition(".")[2], ())
        for item in expected.items:
            yield from self._item(item, left, naming, shape, path)

    def _item(
        self, item: Node, left: list[Any], naming: tuple[str, ...], shape: Shape, path: str
    ) -> Iterator[Difference]:
        names = [(key, text) for key in naming if isinstance(item, Keys) and isinstance(text := item.get(key), Text)]
        label = " ".join(text.value for _, text in names) if isinstance(item, Keys) else _shown(item)
        here = f"{path}[{label}]"
        found = (
            [one for one in left if all(_equal(text, one.get(key, _ABSENT)) for key, text in names)]
            if isinstance(item, Keys)
            else left
        )
        tried = [(one, list(self.node(item, one, shape, here))) for one in found]
        best = next((pair for pair in tried if not pair[1]), tried[0] if tried and isinstance(item, Keys) else None)
        if best is not None:
            left.remove(best[0])
            yield from best[1]
        elif not (path.endswith("payments") and isinstance(item, Keys) and _is_zero(item.get("amount"))):
            yield Difference(here, _shown(item), "nothing", item.line)


def _equal(expected: Text, was: object, *, zero: bool = False) -> bool:
    if was is _ABSENT:
        return zero and _is_zero(expected)
    if was is None:
        return expected.is_null
    text = str(was).lower() if isinstance(was, bool) else str(was)
    if isinstance(was, Mapping | list):
        return False
    first, second = _number(expected.value), _number(text)
    return first == second if first is not None and second is not None else expected.value == text


def _all_zero(expected: Node, shape: Shape) -> bool:
    """Whether everything below is expected to be a zero that may be left out."""
    if isinstance(expected, Keys):
        below = (
            (shape.each if shape.keys is None else shape.keys.get(key.value), inner) for key, inner in expected.entries
        )
        return all(inner_shape is not None and _all_zero(inner, inner_shape) for inner_shape, inner in below)
    return shape.zero and _is_zero(expected)


def _is_zero(expected: Node | None) -> bool:
    return isinstance(expected, Text) and _number(expected.value) == 0


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _shown(node: Node) -> str:
    if isinstance(node, Text):
        return "nothing" if node.is_null else node.value
    if isinstance(node, Items):
        return "[" + ", ".join(_shown(item) for item in node.items) + "]"
    return "{" + ", ".join(f"{key.value}: {_shown(inner)}" for key, inner in node.entries) + "}"


def _written(was: object) -> str:
    if was is _ABSENT or was is None:
        return "nothing"
    if isinstance(was, bool):
        return str(was).lower()
    if isinstance(was, Mapping):
        return "{" + ", ".join(f"{key}: {_written(value)}" for key, value in was.items()) + "}"
    if isinstance(was, list):
        return "[" + ", ".join(_written(value) for value in was) + "]"
    return str(was)
