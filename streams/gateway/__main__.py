"""The process of a gateway: `python -m streams.gateway --bootstrap HOST:PORT --partitions 4 --feeds FOLDER ...`."""

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from streams.exits import Exits
from streams.gateway.gateway import Gateway, Options


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a gateway until it is ended; SIGTERM ends it at once, nothing has to be flushed."""
    options = _options(argv)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    exits = Exits.of_process(options.name, options.data / "run")
    try:
        Gateway(options, exits).run()
    except BaseException as error:  # noqa: BLE001  whatever it is, the note says it
        exits.die_of("gateway@run", error)


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m streams.gateway", description="Writes the clearing log.")
    parser.add_argument("--bootstrap", required=True, help="the broker, HOST:PORT")
    parser.add_argument("--partitions", required=True, type=int, help="P, as the topics were created with")
    parser.add_argument("--feeds", required=True, type=Path, help="folder of the feeds' journals, NAME.jsonl")
    parser.add_argument("--data", required=True, type=Path, help="the platform's folder: heartbeat, notes, snapshots")
    parser.add_argument("--name", default="gateway", help="of this gateway, in its files and its log")
    parser.add_argument("--prefix", default="", help="before the name of every topic")
    parser.add_argument("--snapshot-seconds", type=float, default=5.0, help="between two snapshots")
    return Options(**vars(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
