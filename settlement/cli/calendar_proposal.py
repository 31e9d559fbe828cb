"""A calendar as a library knows it: a document for a person to check; only the accepted event counts (rule PAY-2).

The library `holidays` is imported here alone, and only to propose: no fold, run or audit asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from settlement.cli.refusals import CommandError
from settlement.domain.currency import DECIMALS

if TYPE_CHECKING:
    from holidays import HolidayBase

FIRST_YEAR, LAST_YEAR = 1970, 2199
_BANKS: Final = {"USD": "XFED", "EUR": "XECB"}
"""Currencies whose payment system has a calendar of its own: the Federal Reserve's, TARGET's."""
_COUNTRIES: Final = {"CNH": "HK"}
"""Where the first two letters of the currency do not name the country whose banks settle it."""
_REGIONS: Final = {"AUD": "NSW", "CAD": "ON", "CHF": "ZH", "GBP": "ENG"}
"""The region of the banks, where a country's regions have holidays of their own."""
_FRIDAY: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A year's holidays from Monday to Friday, each with what the library calls it.

    name: a currency, or a venue by the library's code.  source: the library, its version and its calendar.
    """

    name: str
    year: int
    source: str
    holidays: Mapping[date, str]

    @property
    def document(self) -> dict[str, object]:
        """The document that `novate calendar add` takes."""
        return {self._key: self.name, "source": self.source, "holidays": [day.isoformat() for day in self.holidays]}

    @property
    def _key(self) -> str:
        return "currency" if self.name in DECIMALS else "venue"

    def text(self) -> str:
        """Return the document as YAML, with the holidays' names, and that a person must check it."""
        days = "".join(f"  - {day.isoformat()}  # {what}\n" for day, what in self.holidays.items())
        return (
            f"# PROPOSED by a library, not checked: {self.source}.\n"
            "# A person must check it with what the bank or the venue publishes; then: novate calendar add FILE\n"
            f"{self._key}: {self.name}\n"
            f"source: {self.source}\n"
            f"holidays:{'' if days else ' []'}\n{days}"
        )


def propose(name: str, year: int) -> Proposal:
    """Return what the library says of a venue or a currency's bank.

    Raises:
        CommandError: the library has no such calendar, or nothing of that year.
    """
    import holidays

    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CommandError(f"Expected a year from {FIRST_YEAR} to {LAST_YEAR}, was {year}.")
    code = _BANKS.get(name, name)
    try:
        if name in DECIMALS and name not in _BANKS:
            code, found = _country(name, year)
        else:
            found = holidays.financial_holidays(code, years=year)
    except NotImplementedError as error:
        known = ", ".join(sorted(holidays.list_supported_financial(include_aliases=False)))
        raise CommandError(
            f"Expected a currency such as USD, or one of the library's venues ({known}), was {name!r}."
        ) from error
    if not found:
        raise CommandError(
            f"Expected holidays of {name} in {year}, was none in the library holidays. Write them by hand."
        )
    weekdays = (day for day in _days_of(year) if day.weekday() <= _FRIDAY)
    closed = {day: found.get(day, "weekend") for day in weekdays if not found.is_working_day(day)}
    return Proposal(name=name, year=year, source=f"holidays {version('holidays')}, {code} {year}", holidays=closed)


def _country(currency: str, year: int) -> tuple[str, HolidayBase]:
    """Return the holidays of the country whose money it is, those of its banks too where the library tells them."""
    import holidays

    country, region = _COUNTRIES.get(currency, currency[:2]), _REGIONS.get(currency)
    known = holidays.country_holidays(country).supported_categories
    categories = tuple(one for one in ("public", "bank") if one in known)
    found = holidays.country_holidays(country, subdiv=region, years=year, categories=categories)
    return "-".join(part for part in (country, region) if part), found


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]
