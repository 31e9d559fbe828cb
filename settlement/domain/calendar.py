"""Business days: Mondays to Fridays without the accepted holidays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from settlement.domain.dates import to_date, to_number

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of a venue; the holidays are events of the log, never a library's opinion.

    holidays: dates as yyyymmdd.
    """

    holidays: frozenset[int] = field(default_factory=frozenset)

    def is_business_day(self, day: int) -> bool:
        """Whether a date is a business day."""
        return to_date(day).weekday() < _SATURDAY and day not in self.holidays

    def next_business_day(self, day: int) -> int:
        """Return the business day after a date, which need not be one itself."""
        return self.add_business_days(day, 1)

    def add_business_days(self, day: int, count: int) -> int:
        """Return the date `count` (zero or more) business days after a date."""
        at = day
        for _ in range(count):
            at = _next_day(at)
            while not self.is_business_day(at):
                at = _next_day(at)
        return at

    def business_days_between(self, start: int, end: int) -> int:
        """Return how many business days lie after `start` up to and with `end`; 0 when end is not after start."""
        at, count = start, 0
        while at < end:
            at = _next_day(at)
            count += self.is_business_day(at)
        return count


def _next_day(day: int) -> int:
    return to_number(to_date(day) + timedelta(days=1))
