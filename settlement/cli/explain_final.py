"""How a final settlement price came about, as one document: days, average, quote, bounds, and the control of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.cli.explain_log import finals_of
from settlement.cli.operate_log import ControlBook
from settlement.domain.contract import Contract
from settlement.domain.dates import format_date, to_instant
from settlement.domain.final_settlement import AveragedDay, FinalPrice, FinalSettlement, bounded
from settlement.domain.money import NANO, DecimalTextError, format_decimal, parse_decimal
from settlement.folds.evidence import Evidence
from settlement.folds.finals import Expiry, Finals, Printed, average_of

Json = dict[str, Any]
TERMS: Final = ("days", "from", "to", "list", "missing", "precision", "quote", "cap", "floor")
NO_AVERAGE: Final = "its terms have no average, so its price is given by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A contract's final price, or what it would be now.

    expiry: where it stands.  finals: the log before the final print, which is of it; all of it without one.
    terms, found: None without an average.  fixings: the records `fixing` behind the days, by date.
    """

    expiry: Expiry
    finals: Finals
    contract: Contract
    terms: FinalSettlement | None
    found: FinalPrice | None
    fixings: Mapping[int, Json]

    @classmethod
    def of(cls, book: ControlBook, fixings: Collection[Json], name: str) -> Explanation:
        """Return the explanation of a listed contract."""
        expiry = finals_of(book, fixings).expiry(name)
        finals = finals_of(book, fixings, expiry.print.seq if expiry.print and expiry.print.status == "final" else None)
        document = finals.terms_of(name)
        terms = average_of(document)
        found = finals.average(name) if terms else None
        days = found.days if found else ()
        behind = {day.date: _source(finals, name, terms, day) for day in days}
        return cls(
            expiry=expiry, finals=finals, contract=Contract.of(document), terms=terms, found=found,
            fixings={date: record for date, record in behind.items() if record is not None},
        )  # fmt: skip

    @property
    def price_nano(self) -> int | None:
        """The price by the contract's rule, within its bounds; None where there is none."""
        found_nano = self.found.price_nano if self.found else None
        if found_nano is None:
            return None
        return bounded(found_nano, self.contract.cap_nano, self.contract.floor_nano)

    def differences(self) -> list[str]:
        """Return what the print says otherwise than the fixings.

        Empty where there is no print, or no average; and while a new provisional print is due.
        """
        printed = self.expiry.print
        if printed is None or self.found is None or self.expiry.due is not None:
            return []
        if self.found.price_nano is None:
            return [f"Expected {_text(printed)} to follow from the fixings, was none: {self.found.reason}"]
        try:
            price_nano = parse_decimal(str(printed.payload.get("price")), NANO)
        except DecimalTextError:
            price_nano = -1
        if price_nano == self.found.price_nano:
            return []
        by_rule = figure(self.found.price_nano)
        return [
            f"Expected {by_rule}, the average of the fixings, was {printed.payload.get('price')} in {_text(printed)}."
        ]

    def document(self) -> Json:
        """Return everything as plain values; figures are decimal text."""
        expiry, found, terms = self.expiry, self.found, self.contract.document.get("final_settlement") or {}
        rule = {**terms, "cap": self.contract.document.get("cap"), "floor": self.contract.document.get("floor")}
        values = [day.value_nano for day in found.days if day.value_nano is not None] if found else []
        return {
            "contract": expiry.contract,
            "state": expiry.state.value,
            "waits_for": expiry.waits_for,
            "last_trade": _date(expiry.last_trade),
            "closing": _date(expiry.closing),
            "series": expiry.series or None,
            "terms": {name: rule.get(name) for name in TERMS},
            "days": [self._day(day) for day in found.days] if found else [],
            "sum": figure(sum(values)) if values else None,
            "count": len(values),
            "average": figure(found.average_nano) if found else None,
            "price": figure(self.price_nano),
            "reason": found.reason if found else NO_AVERAGE,
            "print": None if expiry.print is None else printed_document(expiry.print),
            "differences": self.differences(),
        }

    def _day(self, day: AveragedDay) -> Json:
        record = self.fixings.get(day.date)
        return {
            "date": _date(day.date),
            "value": figure(day.value_nano),
            "source": day.source,
            "source_date": _date(day.source_date),
            "control": self._asked_by(day) if record else None,
            "methodology_version": record["methodology_version"] if record else None,
            "observations": record["observations"] if record else None,
            "included": len(record["included"]) if record else None,
            "excluded": len(record["excluded"]) if record else None,
        }

    def _asked_by(self, day: AveragedDay) -> str | None:
        found = self.finals.source(self.expiry.contract, self.expiry.series, day.source_date or day.date)
        return found[0].control_id if found else None


def fixing_document(logged: Json, found: Evidence) -> Json:
    """Return one fixing down to its observations, computed again."""
    return {
        "series": logged["series"],
        "date": _date(logged["date"]),
        "value": figure(logged["value_nano"]),
        "tier": logged["tier"],
        "at": None if found.made is None else _instant(found.record["at_us"]),
        "control": found.record["control_id"],
        "methodology_version": logged["methodology_version"],
        "methodology_sha256": logged["methodology_sha256"],
        "inputs_sha256": logged["inputs_sha256"],
        **{name: found.record[name] for name in ("observations", "counted", "parts")},
        **{name: figure(found.record[f"{name}_nano"]) for name in ("lowest", "highest", "deviation")},
        "carried_date": _date(found.record["carried_date"]),
        "providers": [
            {
                "provider": one.provider, "value": figure(one.value_nano), "observations": one.observations,
                "verdict": one.verdict,
            }
            for one in found.providers()
        ],
        "seen": [
            {
                "provider": one.provider, "at": _instant(one.at_us), "price": figure(one.price_nano),
                "quantity": figure(one.quantity_nano), "verdict": verdict,
            }
            for one, verdict in found.observations()
        ],
        "differences": found.differences(logged),
    }  # fmt: skip


def printed_document(printed: Printed) -> Json:
    """Return the control that carried a price."""
    people = {name: printed.control[name] for name in ("requested_by", "approved_by", "reason", "exchange_reference")}
    said = {name: printed.payload.get(name) for name in ("price", "status", "date")}
    tier = printed.payload.get("tier") or "given"
    return {
        "control": printed.control_id,
        **said,
        "tier": tier,
        **people,
        "open_date": _date(printed.answer["business_date"]),
    }


def figure(nano: int | None) -> str | None:
    """Return a figure in 1e-9 as decimal text, as short as it is exact."""
    return None if nano is None else format_decimal(nano, NANO, least=0)


def _source(finals: Finals, name: str, terms: FinalSettlement | None, day: AveragedDay) -> Json | None:
    if terms is None or day.source_date is None:
        return None
    found = finals.source(name, terms.series, day.source_date)
    return found[1] if found else None


def _text(printed: Printed) -> str:
    people = f"asked by {printed.control['requested_by']}"
    if printed.control["approved_by"]:
        people += f", approved by {printed.control['approved_by']}"
    return f"the {printed.status} print {printed.control_id} ({people})"


def _date(number: int | None) -> str | None:
    return format_date(number) if number else None


def _instant(at_us: int) -> str:
    return to_instant(at_us).isoformat().replace("+00:00", "Z")
