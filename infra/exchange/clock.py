"""The simulated exchange's time: microseconds since midnight UTC of the business date. It never reads a clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of a date in microseconds since midnight UTC, both ends in it."""

    start_us: int
    end_us: int

    def __contains__(self, us: int) -> bool:
        return self.start_us <= us <= self.end_us


def span(day: date, ends: tuple[str, str], zone: str) -> Span:
    """Return an interval given in a zone's local time, like ("08:30:00", "15:00:00")."""
    midnight = datetime.combine(day, time(), UTC)
    start, end = (
        (datetime.combine(day, time.fromisoformat(text), ZoneInfo(zone)).astimezone(UTC) - midnight) // _MICROSECOND
        for text in ends
    )
    return Span(start, end)


def instant_text(day: str, us: int) -> str:
    """Return an instant of a date as the feed writes it, like 2026-08-03T14:00:00.000000Z."""
    seconds, fraction = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    return f"{day}T{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction:06}Z"


def us_of_day(day: str, instant: str) -> int:
    """Return where an instant stands in a date; 0 when it is of an earlier date."""
    if instant[:10] != day:
        return 0
    since_midnight = datetime.fromisoformat(instant) - datetime.combine(date.fromisoformat(day), time(), UTC)
    return since_midnight // _MICROSECOND
