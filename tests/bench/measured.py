"""What each measured process prints as its last line: how much, how long, how much processor and memory."""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Measured:
    """One run.

    records: folded or read.  seconds: wall clock.  cpu_seconds: of the process.  memory_mib: its peak.
    """

    records: int
    seconds: float
    cpu_seconds: float
    memory_mib: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor a record."""
        return 1e6 * self.cpu_seconds / self.records


@dataclass(slots=True)
class Clock:
    """Starts when it is made."""

    _wall: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=time.process_time)

    def stop(self, records: int) -> Measured:
        """Return what was measured since."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Measured(records, wall, cpu, memory_mib())


def memory_mib() -> float:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(measured: Measured) -> None:
    """Print it for the one who started us."""
    sys.stdout.write("\n" + json.dumps(asdict(measured)) + "\n")
    sys.stdout.flush()
