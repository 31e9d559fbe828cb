"""The content of a cycle in one canonical form: what is hashed, and compared line by line.

A line is a JSON object, so no value can run into the next one; the order is that of the rows' keys, whatever order
they came in. The form is versioned by its first line: a later form gets another, and old cycles keep theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from settlement.ledger.model import BankAnswer, CyclePosting, CyclePrice, Fee, MarginLine, PartitionMark, Payment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FORM: Final = b"novate cycle content 1\n"


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One line of a cycle's content: its section, its key within the section, its values by name."""

    section: str
    key: tuple[str | int, ...]
    values: dict[str, str | int | None]

    def text(self) -> str:
        """Return the line as it is hashed."""
        return json.dumps([self.section, self.values], separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line in which two contents differ; only the differing values are told when both have the line."""

    section: str
    expected: str | None
    was: str | None


def content_sha256(posting: CyclePosting) -> bytes:
    """Return the hash of everything that the cycle posts."""
    digest = hashlib.sha256(_FORM)
    for line in content_lines(posting):
        digest.update(line.text().encode())
        digest.update(b"\n")
    return digest.digest()


def content_lines(posting: CyclePosting) -> Iterator[ContentLine]:
    """Yield the content in canonical order."""
    previous = None if posting.previous is None else str(posting.previous)
    yield ContentLine("cycle", (), {
        "cycle": str(posting.cycle), "previous": previous,
        "effective_date": posting.effective_date, "control_id": posting.control_id,
    })  # fmt: skip
    yield from _section("prices", CyclePrice, posting.prices, ("contract",))
    yield from _section("lines", MarginLine, posting.lines, ("account", "contract"))
    yield from _section("payments", Payment, posting.payments, ("member", "origin", "currency"))
    yield from _section("fees", Fee, posting.fees, ("currency",))
    yield from _section("bank", BankAnswer, () if posting.bank is None else (posting.bank,), ("payment",))
    yield from _section("marks", PartitionMark, posting.marks, ("partition",))
    for number, row in enumerate(posting.outbox, start=1):
        yield ContentLine(
            "outbox", (number,), {"line": number, "topic": row.topic, "key": row.key, "value": row.value.hex()}
        )


def first_difference(posted: CyclePosting, offered: CyclePosting) -> Difference | None:
    """Return the first line that differs, expected (posted) and was (offered); None when all are equal."""
    for expected, was in zip_longest(content_lines(posted), content_lines(offered)):
        if expected == was:
            continue
        if expected is None or was is None or (expected.section, expected.key) != (was.section, was.key):
            return _missing_line(expected, was)
        names = [name for name, value in expected.values.items() if was.values[name] != value]
        return Difference(expected.section, _told(expected, names), _told(was, names))
    return None


def _section(
    section: str, kind: type[DataclassInstance], rows: Iterable[object], key_names: tuple[str, ...]
) -> Iterator[ContentLine]:
    names = [field.name for field in fields(kind)]
    lines = []
    for row in rows:
        values = {name: _plain(getattr(row, name)) for name in names}
        lines.append(ContentLine(section, tuple(getattr(row, name) for name in key_names), values))
    yield from sorted(lines, key=lambda line: line.key)


def _plain(value: str | int | bytes | None) -> str | int | None:
    return value.hex() if isinstance(value, bytes) else value


def _missing_line(expected: ContentLine | None, was: ContentLine | None) -> Difference:
    """Tell the line that only one side has: the one that comes first in the canonical order."""
    if was is None or (expected is not None and _place(expected) < _place(was)):
        assert expected is not None  # noqa: S101  zip_longest never yields two fillers
        return Difference(expected.section, expected.text(), None)
    return Difference(was.section, None, was.text())


_SECTIONS: Final = ("cycle", "prices", "lines", "payments", "fees", "bank", "marks", "outbox")


def _place(line: ContentLine) -> tuple[int, tuple[str | int, ...]]:
    return _SECTIONS.index(line.section), line.key


def _told(line: ContentLine, names: list[str]) -> str:
    key = "/".join(str(part) for part in line.key)
    return " ".join([*([key] if key else []), *(f"{name}={line.values[name]}" for name in names)])
