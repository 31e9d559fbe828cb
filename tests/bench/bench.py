"""Measures one worker beside plain Faust, a bare consumer and the audit, on the same broker, one after the other."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tests.bench.load import PARTITIONS, create, load
from tests.bench.measured import Measured

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 600.0
PLAIN_RATIO_MIN, BARE_RATIO_MIN, MEMORY_MIB_MAX = 100, 0.5, 2048  # what issue 3 promises

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured.

    fills: for everything fast.  plain: for plain Faust.  accounts x contracts: the lines of the fast runs.
    lines: positions of the memory run.
    """

    fills: int = 3_000_000
    plain: int = 40_000
    accounts: int = 500
    contracts: int = 20
    lines: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run of everything."""

    bare: Measured
    worker: Measured
    plain: Measured
    audit: Measured
    big_book: Measured

    @property
    def to_plain(self) -> float:
        """The worker's rate against plain Faust's."""
        return self.worker.rate / self.plain.rate

    @property
    def to_bare(self) -> float:
        """The worker's rate against the bare consumer's."""
        return self.worker.rate / self.bare.rate


def measure(bootstrap: str, folder: Path, size: Size, say: Say) -> Figures:
    """Load the topics and run one after the other; each in a process of its own."""
    fast, plain, book = "bench.", "bench-plain.", "bench-book."
    for prefix in (fast, plain, book):
        create(bootstrap, prefix)
    say(f"writing {size.fills:,} fills, {size.accounts * size.contracts:,} lines")
    load(bootstrap, fast, size.fills, accounts=size.accounts, contracts=size.contracts)
    say("a bare consumer")
    bare = _run(folder, "tests.bench.bare", bootstrap, fast, str(size.fills))
    say("one worker")
    worker = _worker(folder, bootstrap, fast, size.fills)
    say("the audit")
    audit = _run(folder, "tests.bench.audit", bootstrap, fast)
    say(f"plain Faust, {size.plain:,} fills")
    load(bootstrap, plain, size.plain, accounts=size.accounts, contracts=size.contracts)
    plain_run = _run(folder, "tests.bench.plain_faust", bootstrap, plain, str(size.plain), str(folder / "plain"))
    say(f"a worker with {size.lines:,} position lines, settled once")
    contracts = min(100, size.lines)
    records = load(bootstrap, book, size.lines, accounts=size.lines // contracts, contracts=contracts, settle=True)
    big_book = _worker(folder, bootstrap, book, records)
    return Figures(bare=bare, worker=worker, plain=plain_run, audit=audit, big_book=big_book)


def _worker(folder: Path, bootstrap: str, prefix: str, records: int) -> Measured:
    return _run(
        folder, "tests.bench.timed_worker", str(records), "--fold", "positions", "--partitions", f"0-{PARTITIONS - 1}",
        "--bootstrap", bootstrap, "--name", f"{prefix}worker", "--run-folder", str(folder), "--prefix", prefix,
    )  # fmt: skip


def _run(folder: Path, module: str, *arguments: str) -> Measured:
    """Run a module as a process and return what its last line says."""
    log = folder / f"{module}.log"
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=out, check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
    lines = done.stdout.decode().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"Expected figures of {module}, was exit code {done.returncode}:\n{log.read_text()[-3000:]}")
    return Measured(**json.loads(lines[-1]))


def table(figures: Figures) -> Table:
    """Return the figures for a person, 80 columns wide."""
    shown = Table(title="Fills a second on this machine, broker included, one run", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "records", "a second", "CPU us", "MiB", "x bare", "x plain"):
        shown.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    rows = {
        "bare consumer": figures.bare,
        "one worker": figures.worker,
        "audit": figures.audit,
        "plain Faust": figures.plain,
        "big book, settled": figures.big_book,
    }
    for name, run in rows.items():
        shown.add_row(
            name, f"{run.records:,}", f"{run.rate:,.0f}", f"{run.cpu_us:.2f}", f"{run.memory_mib:,.0f}",
            f"{run.rate / figures.bare.rate:.2f}", f"{run.rate / figures.plain.rate:,.0f}",
        )  # fmt: skip
    return shown


def promises(figures: Figures) -> list[tuple[str, bool]]:
    """Return each promise with its figure, and whether it is kept."""
    lines, memory = figures.big_book.records, figures.big_book.memory_mib
    return [
        (f"{figures.to_plain:,.0f} times plain Faust, at least {PLAIN_RATIO_MIN}", figures.to_plain >= PLAIN_RATIO_MIN),
        (f"{figures.to_bare:.2f} of a bare consumer, at least {BARE_RATIO_MIN}", figures.to_bare >= BARE_RATIO_MIN),
        (f"{memory:,.0f} MiB with {lines:,} lines, below {MEMORY_MIB_MAX:,}", memory < MEMORY_MIB_MAX),
    ]
