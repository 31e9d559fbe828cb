"""The versions of contracts' terms: what was in force on each date, and what waits for its own (rule TRM-1).

A fold over the accepted listings and the dates as they open. The gateway keeps it in its state; pricing and the command
line fold the same controls, so all of them see the same terms.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from settlement.domain.dates import DateTextError, parse_date
from settlement.domain.document import canonical

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a contract's terms.

    since: the business date (yyyymmdd) from which on it is in force; 0 for what was listed before the first date.
    control_id: the control that lists it.
    """

    since: int
    document: Json
    control_id: str = ""

    @property
    def sha256(self) -> str:
        """The hash of the document's canonical JSON, hex."""
        return hashlib.sha256(canonical(self.document).encode()).hexdigest()


@dataclass(slots=True)
class Versions:
    """The versions of one contract.

    reached: those that came into force, in their order; the last one is in force.  pending: those that wait for their
    date, by date.
    """

    reached: list[Version] = field(default_factory=list)
    pending: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version | None:
        """The version in force; None while the first one waits for its date."""
        return self.reached[-1] if self.reached else None

    def on(self, date: int) -> Version | None:
        """Return the version that is in force on a date up to the open one; None before the first."""
        return next((version for version in reversed(self.reached) if version.since <= date), None)

    def planned(self, date: int) -> Version | None:
        """Return the version of any date, also of a later one, as things stand now; None before the first."""
        known = [*self.reached, *self.pending]
        return next((version for version in reversed(known) if version.since <= date), None)

    @property
    def shown_from(self) -> int:
        """The first date of what people see without naming one: the version in force, else the first that waits."""
        return (self.reached[-1:] or self.pending)[0].since

    def knows(self, document: Json, waits_for: int) -> bool:
        """Whether a document is in force, or waits for that date, so that listing it again changes nothing."""
        same = [version.document for version in self.pending if version.since == waits_for]
        return document in [*same, *(version.document for version in self.reached[-1:])]

    def hold(self, version: Version) -> None:
        """Have a version wait for its date; it replaces the one that waited for that date."""
        kept = [one for one in self.pending if one.since != version.since]
        self.pending = sorted([*kept, version], key=lambda one: one.since)

    def open(self, date: int) -> Version | None:
        """Bring into force what waited for a date that opens; return it, None where nothing did.

        Of several that waited for days on which no date opened, the last one counts.
        """
        due = [version for version in self.pending if version.since <= date]
        if not due:
            return None
        self.pending = self.pending[len(due) :]
        self.reached.append(Version(date, due[-1].document, due[-1].control_id))
        return self.reached[-1]


@dataclass(slots=True)
class TermsBook:
    """The versions of every contract, in the order of its first listing."""

    versions: dict[str, Versions] = field(default_factory=dict)

    def of(self, contract: str) -> Versions:
        """Return a contract's versions; none of one that was never listed."""
        return self.versions.get(contract, Versions())

    def take(self, document: Json, open_date: int, control_id: str = "") -> Version | None:
        """Take a listing that was accepted; return the version that it brings into force at once, None without one.

        open_date: the open business date, 0 before the first.
        """
        versions, waits_for = (
            self.versions.setdefault(document["contract"], Versions()),
            later_date(document, open_date),
        )
        if versions.knows(document, waits_for):
            return None
        if waits_for:
            versions.hold(Version(waits_for, document, control_id))
            return None
        versions.reached.append(Version(open_date, document, control_id))
        return versions.current

    def open(self, date: int) -> list[Version]:
        """Bring into force what waits for a date that opens."""
        opened = (versions.open(date) for versions in self.versions.values())
        return [version for version in opened if version is not None]

    def in_force(self) -> dict[str, Json]:
        """Return the document in force of every contract that has one."""
        return {name: one.current.document for name, one in self.versions.items() if one.current is not None}

    def trades_on(self, contract: str, date: int) -> bool:
        """Whether a contract is priced on a date: until its last trading day, by the terms of that date."""
        version = self.of(contract).on(date)
        try:
            return version is None or date <= parse_date(str(version.document.get("last_trade")))
        except DateTextError:
            return True  # it has no last trading day


def later_date(document: Json, open_date: int) -> int:
    """Return the date for which a listing waits: its `effective_date` where that is not open yet; else 0.

    Before the first date opens every `effective_date` is waited for.
    """
    if document.get("effective_date") is None:
        return 0
    date = parse_date(str(document["effective_date"]))
    return date if date > open_date else 0
