"""The index fold: the observations of the series of one `index-ticks` partition become fixings (rule IDX-1)."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Final

from settlement.domain.contract import TermsError
from settlement.domain.exclusions import REMEMBERED_US, Observation
from settlement.domain.fixing import Fixing, FixingTier, Quality, fixing
from settlement.domain.methodology import CARRY_DAYS_MAX, Methodology
from settlement.domain.restatement import Restatement, restatement
from settlement.folds.fold import Output
from settlement.wire import codec
from settlement.wire.columns import Piece

Json = dict[str, Any]
Stands = tuple[int | None, FixingTier, int | None]
"""The value that a fix or a print gives, its tier, and the value that is ignored."""

_FIXINGS: Final = "index-fixings"
_REACH_LEAST_US: Final = 7 * 24 * 3_600_000_000  # a later version of the methodology may look further back
OBSERVATIONS_MAX: Final = 100_000
"""Observations kept per series: at twice as many, the first in the log go. The real data brings 70 a day."""
FIXINGS_KEPT: Final = CARRY_DAYS_MAX + 28
"""Dates kept per series: every fixing that can still be carried, and some before a restated one."""


@dataclass(frozen=True, slots=True)
class PastFixing:
    """What later fixings need of one.

    value_nano: 1e-9, None where the series stopped.  made: neither carried nor stopped.  outliers: those behind it.
    """

    date: int
    value_nano: int | None
    made: bool
    outliers: tuple[str, ...]


@dataclass(slots=True)
class Series:
    """One series: its methodology in force, its observations in the log's order, its fixings by ascending date."""

    version: int = 0
    document: str = "null"
    document_sha256: str = ""
    observations: list[Observation] = field(default_factory=list)
    fixings: list[PastFixing] = field(default_factory=list)

    def methodology(self) -> Methodology | None:
        """Return the methodology in force; None before one is, or for a document that breaks a rule."""
        try:
            return Methodology.of(json.loads(self.document))
        except TermsError:
            return None

    def fix(self, date: int, at_us: int) -> Fixing | None:
        """Return the fixing of a date from what was observed; None without a methodology.

        A date that is fixed again is computed as the first time: from the fixings before it, not from its own.
        """
        methodology = self.methodology()
        if methodology is None:
            return None
        before = [past for past in self.fixings if past.date < date]
        made = fixing(
            methodology,
            self.observations,
            date=date,
            at_us=at_us,
            previous={past.date: past.value_nano for past in before if past.made and past.value_nano is not None},
            outliers=frozenset(before[-1].outliers) if before else frozenset(),
        )
        if self.is_restated(date, made.value_nano):
            self._keep(PastFixing(date, made.value_nano, made.tier.is_made, tuple(sorted(made.outliers))))
        else:
            made = replace(made, value_nano=None, tier=FixingTier.IGNORED, ignored_nano=made.value_nano)
        self._forget(at_us, methodology)
        return made

    def is_restated(self, date: int, value_nano: int | None) -> bool:
        """Whether a value counts: the first of its date does, a later one as the methodology's restatement rule says.

        Where there is such a rule, a stop takes no value back.
        """
        methodology = self.methodology()
        standing = next((past.value_nano for past in self.fixings if past.date == date), None)
        if methodology is None or methodology.restatement is None or standing is None:
            return True
        if value_nano is None:
            return False
        next_is_fixed = any(past.date > date for past in self.fixings)
        found = restatement(standing, value_nano, next_is_fixed=next_is_fixed, above=methodology.restatement)
        return found in {Restatement.RESTATED, Restatement.UNCHANGED}

    def print(self, date: int, value_nano: int) -> bool:
        """Take an administrator's value as the fixing of a date, and return whether it counts.

        The outliers stay as they were before it.
        """
        if not self.is_restated(date, value_nano):
            return False
        before = [past for past in self.fixings if past.date < date]
        self._keep(PastFixing(date, value_nano, made=True, outliers=before[-1].outliers if before else ()))
        return True

    def observe(self, observation: Observation) -> None:
        """Add an observation."""
        self.observations.append(observation)
        if len(self.observations) >= 2 * OBSERVATIONS_MAX:
            del self.observations[:-OBSERVATIONS_MAX]

    def _keep(self, past: PastFixing) -> None:
        self.fixings = [one for one in self.fixings if one.date != past.date]
        insort(self.fixings, past, key=lambda one: one.date)
        del self.fixings[:-FIXINGS_KEPT]

    def _forget(self, at_us: int, methodology: Methodology) -> None:
        """Drop what no fixing from this instant on needs: too old, and not what names its provider as stale."""
        reach_us = methodology.reach_us
        if reach_us is None:
            return
        oldest_us = at_us - max(reach_us, _REACH_LEAST_US)
        last: dict[str, int] = {}
        for place, one in enumerate(self.observations):
            if one.provider not in last or self.observations[last[one.provider]].at_us <= one.at_us:
                last[one.provider] = place
        named = {place for place in last.values() if at_us - self.observations[place].at_us <= REMEMBERED_US}
        self.observations = [
            one for place, one in enumerate(self.observations) if one.at_us >= oldest_us or place in named
        ]

    def to_json(self) -> Json:
        """Return the state as JSON values."""
        return {
            "version": self.version,
            "document": self.document,
            "document_sha256": self.document_sha256,
            "observations": [[o.provider, o.price_nano, o.quantity_nano, o.at_us] for o in self.observations],
            "fixings": [[past.date, past.value_nano, past.made, list(past.outliers)] for past in self.fixings],
        }

    @classmethod
    def from_json(cls, state: Json) -> Series:
        """Return the series of a state."""
        observations = [
            Observation(provider=provider, price_nano=price_nano, quantity_nano=quantity_nano, at_us=at_us)
            for provider, price_nano, quantity_nano, at_us in state["observations"]
        ]
        fixings = [PastFixing(date, value, made, tuple(outliers)) for date, value, made, outliers in state["fixings"]]
        return cls(state["version"], state["document"], state["document_sha256"], observations, fixings)


class IndexFold:
    """Observations, methodologies and prints of one partition to records `fixing` on `index-fixings`.

    A fix of a series without a methodology is a fixing that stopped; observations of such a series are kept, up to
    the limit.
    """

    name: str = "index"
    version: int = 1
    columnar: ClassVar[dict[str, list[str]]] = {}

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._next_seq = 0
        self._series: dict[str, Series] = {}

    def apply(self, pieces: Sequence[Piece]) -> list[Output]:
        """Fold records that follow each other; return the fixings that fixes and prints among them ask for."""
        return [
            Output(topic=_FIXINGS, key=fields["series"], value=codec.encode("fixing", fields))
            for fields, _ in self.fixings(pieces)
        ]

    def live(self) -> list[Output]:
        """Return nothing: a fixing is already all there is to see."""
        return []

    def snapshot(self) -> bytes:
        """Return the state as canonical JSON."""
        series = {name: one.to_json() for name, one in self._series.items()}
        state = {"next_seq": self._next_seq, "series": series}
        return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def restore(cls, partition: int, state: bytes) -> IndexFold:
        """Return the fold of a snapshot."""
        fold, content = cls(partition), json.loads(state)
        fold._next_seq = content["next_seq"]
        fold._series = {name: Series.from_json(one) for name, one in content["series"].items()}
        return fold

    def fixings(self, pieces: Sequence[Piece]) -> Iterator[tuple[Json, Fixing | None]]:
        """Fold records that follow each other; yield each record `fixing`, and what observations made of it."""
        for piece in pieces:
            for record in piece.records:
                self._next_seq = record["stream_seq"] + 1
                if piece.name in {"fix", "print"}:
                    yield self._fixing(piece.name, record)
                elif piece.name in {"series", "index_tick"}:
                    self._take(piece.name, record)

    def _take(self, name: str, record: Json) -> None:
        series = self._series.setdefault(record["series"], Series())
        if name == "index_tick":
            series.observe(_observation(record))
        else:
            series.version, series.document = record["version"], record["document"]
            series.document_sha256 = record["document_sha256"]

    def _fixing(self, name: str, record: Json) -> tuple[Json, Fixing | None]:
        series = self._series.setdefault(record["series"], Series())
        if name == "fix":
            made = series.fix(record["date"], record["at_us"])
            stands = (made.value_nano, made.tier, made.ignored_nano) if made else (None, FixingTier.STOP, None)
        else:
            made, value_nano = None, record["value_nano"]
            counts = series.print(record["date"], value_nano)
            stands = (value_nano, FixingTier.PRINT, None) if counts else (None, FixingTier.IGNORED, value_nano)
        return self._fields(record, series, stands, made), made

    def _fields(self, record: Json, series: Series, stands: Stands, made: Fixing | None) -> Json:
        excluded, quality = (made.excluded, made.quality) if made else ((), Quality())
        value_nano, tier, ignored_nano = stands
        return {
            "stream_seq": record["stream_seq"],
            "partition": self._partition,
            "series": record["series"],
            "date": record["date"],
            "value_nano": value_nano,
            "tier": tier.value,
            "methodology_version": series.version,
            "methodology_sha256": series.document_sha256,
            "inputs_sha256": made.inputs_sha256 if made else "",
            "observations": made.observations if made else 0,
            "included": list(made.included) if made else [],
            "excluded": [
                {"provider": e.provider, "reason": e.reason.value, "price_nano": e.price_nano} for e in excluded
            ],
            "control_id": record["control_id"],
            "at_us": record.get("at_us"),
            **asdict(quality),
            "carried_date": made.carried_date if made else None,
            "ignored_nano": ignored_nano,
        }


def _observation(record: Json) -> Observation:
    return Observation(
        provider=record["provider"],
        price_nano=record["price_nano"],
        quantity_nano=record["quantity_nano"],
        at_us=record["at_us"],
    )
