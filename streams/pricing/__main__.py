"""The process of pricing: `python -m streams.pricing --bootstrap HOST:PORT --partitions 4 --data FOLDER`."""

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from streams.exits import Exits
from streams.pricing.pricing import Options, Pricing


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run pricing until it is ended; SIGTERM ends it at once, nothing has to be flushed."""
    options = _options(argv)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    exits = Exits.of_process(options.name, options.data / "run")
    try:
        Pricing(options, exits).run()
    except BaseException as error:  # noqa: BLE001  whatever it is, the note says it
        exits.die_of("pricing@run", error)


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m streams.pricing", description="Proposes settlement prices.")
    parser.add_argument("--bootstrap", required=True, help="the broker, HOST:PORT")
    parser.add_argument("--partitions", required=True, type=int, help="P, as the topics were created with")
    parser.add_argument("--data", required=True, type=Path, help="the platform's folder: heartbeat and note")
    parser.add_argument("--name", default="pricing", help="of this process, in its files and its log")
    parser.add_argument("--prefix", default="", help="before the name of every topic")
    return Options(**vars(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
