"""What a fixing was made of, down to the observations: computed again from the log (rule IDX-1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from settlement.domain.averages import rounded
from settlement.domain.exclusions import Exclusion, Observation
from settlement.domain.fixing import Fixing
from settlement.folds.index import IndexFold
from settlement.wire.columns import Piece

Json: TypeAlias = dict[str, Any]
INCLUDED = "included"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderValue:
    """One provider: verdict is `included`, or the reason of its exclusion.

    value_nano: 1e-9; of an excluded one what it would have been.  observations: behind the value, 0 of an excluded one.
    """

    provider: str
    value_nano: int
    observations: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A fixing computed again.

    record: the record `fixing` that the log should have.  made: None for a print, and without a methodology.
    """

    record: Json
    made: Fixing | None

    def differences(self, logged: Json) -> list[str]:
        """Return the fields of a logged record, of whatever version, that are not as computed."""
        return [
            f"{name}: Expected {self.record[name]!r}, was {value!r}."
            for name, value in logged.items()
            if self.record[name] != value
        ]

    def providers(self) -> list[ProviderValue]:
        """Return every provider's value, those that count first; with partitions one of each part."""
        if self.made is None:
            return []
        counting = [(one.provider, one.value, one.observations) for one in self.made.values]
        return [
            ProviderValue(provider=name, value_nano=_nano(value), observations=count, verdict=INCLUDED)
            for name, value, count in sorted(counting)
        ] + [
            ProviderValue(provider=one.provider, value_nano=one.price_nano, observations=0, verdict=one.reason.value)
            for one in self.made.excluded
        ]

    def observations(self) -> list[tuple[Observation, str]]:
        """Return each observation that was fresh enough, in the log's order, with its own or its provider's verdict."""
        if self.made is None:
            return []
        excluded = Counter((one.provider, one.price_nano) for one in self.made.excluded)
        told = []
        for one in self.made.fresh:
            alone = (one.provider, one.price_nano)
            is_out = excluded[alone] > 0
            excluded[alone] -= is_out
            told.append((one, _verdict(one, self.made, alone=is_out)))
        return told


def evidence(partition: int, batches: Iterable[Sequence[Piece]], wanted: Collection[int]) -> dict[int, Evidence]:
    """Return the fixings of these stream_seqs, computed again from all records of a partition of `index-ticks`."""
    fold, found = IndexFold(partition), {}
    for pieces in batches:
        for record, made in fold.fixings(pieces):
            if record["stream_seq"] in wanted:
                found[record["stream_seq"]] = Evidence(record=record, made=made)
    return found


def _verdict(one: Observation, made: Fixing, *, alone: bool) -> str:
    reasons = [other for other in made.excluded if other.provider == one.provider]
    named = {one.provider, one.provider.rpartition("/")[0]}  # of a blend the provider counts, not its component
    if not alone and named & {value.provider for value in made.values}:
        return INCLUDED
    return _reason(reasons, one.price_nano)


def _reason(excluded: Sequence[Exclusion], price_nano: int) -> str:
    """Return the reason at this price, or else the provider's; empty where the fixing names none."""
    ordered = sorted(excluded, key=lambda other: other.price_nano != price_nano)
    return ordered[0].reason.value if ordered else ""


def _nano(value: Fraction) -> int:
    return rounded(value, 1)
