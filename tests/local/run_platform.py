"""Run a whole platform as another shell would: run_platform.py DATA CACHE; says `ready` when it is."""

import sys
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.process import Endpoints, Process
from infra.local.supervisor import Platform

CHILD = Path(__file__).with_name("child.py")


def processes(endpoints: Endpoints) -> list[Process]:
    """Return two processes that beat."""
    return [
        Process(name=name, argv=[sys.executable, str(CHILD), str(endpoints.data / "run" / f"{name}.heartbeat"), "well"])
        for name in ("gateway", "worker-1")
    ]


def main() -> None:
    """Run until stopped."""
    try:
        with Platform(Path(sys.argv[1]), processes, cache=Path(sys.argv[2])) as platform:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            platform.run_until_stopped()
    except LocalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
