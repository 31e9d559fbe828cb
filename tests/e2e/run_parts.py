"""Run broker and database of a folder, with our topics and tables: python -m tests.e2e.run_parts."""

import sys

from settlement import config
from settlement.cli.composition import platform_of, prepare


def main() -> None:
    """Run until stopped."""
    settings = config.load()
    with platform_of(settings, lambda text: print(text, file=sys.stderr), parts_only=True) as platform:  # noqa: T201
        prepare(platform.endpoints, settings.partitions)
        platform.run_until_stopped()


if __name__ == "__main__":
    main()
