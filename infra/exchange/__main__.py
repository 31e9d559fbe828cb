"""The exchange as a process of its own: `python -m infra.exchange --feed PATH --first-date 2026-08-03`.

It writes session after session into the journal and ends; started again after a kill, it goes on where it stopped.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from infra.exchange.exchange import Exchange
from infra.exchange.journal import JournalBusy, JournalDiffers


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sessions; return 0, or 2 with a message when they cannot be written."""
    options = _parser().parse_args(arguments)
    try:
        exchange = Exchange(options.seed, options.first_date, options.days, options.trades, mischief=options.mischief)
        pace = _pace(options.rate) if options.rate else None
        for day in exchange.dates:
            written = exchange.write_session(options.feed, day, pace)
            sys.stdout.write(f"{day}  records {written.first_seq} to {written.last_seq}, {written.appended} new\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130  # what is written stays; the next start goes on from there
    except (ValueError, JournalBusy, JournalDiffers) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.exchange", description="A simulated, reproducible exchange.")
    parser.add_argument("--feed", type=Path, required=True, help="the journal to append to, one JSON record a line")
    parser.add_argument("--seed", type=int, default=7, help="chooses everything left to chance (default 7)")
    parser.add_argument(
        "--first-date", type=date.fromisoformat, default=date(2026, 8, 3), help="first session (default 2026-08-03)"
    )
    parser.add_argument("--days", type=int, default=3, help="sessions, Mondays to Fridays (default 3)")
    parser.add_argument("--trades", type=int, default=2_000, help="about how many trades a session (default 2000)")
    parser.add_argument("--mischief", type=int, default=0, help="bad records a session, to be rejected (default 0)")
    parser.add_argument("--rate", type=float, default=0, help="new records a second (default as fast as possible)")
    return parser


def _pace(records_per_second: float) -> Callable[[], None]:
    """Return a function that sleeps so that it is called that often and no oftener."""
    started, calls = time.monotonic(), 0

    def wait() -> None:
        nonlocal calls
        calls += 1
        time.sleep(max(0.0, started + calls / records_per_second - time.monotonic()))

    return wait


if __name__ == "__main__":
    sys.exit(main())
