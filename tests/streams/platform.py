"""A platform for one test: its own topics on the shared broker, real worker processes, and the truth to compare."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from settlement.folds.continuity import Continuity
from settlement.wire import codec
from settlement.wire.columns import Columns
from streams import topics
from tests.streams.tally import TallyFold

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
PATIENCE_SECONDS = 40.0
ACCOUNTS = [f"M{number:02d}-H" for number in range(7)]


def fill(seq: int, *, lots: int = 0) -> bytes:
    """Return fill number `seq`; all of it follows from the number."""
    return codec.encode(
        "fill",
        {
            "stream_seq": seq,
            "business_date": 20260803,
            "trade_date": 20260803,
            "kind": "trade",
            "fill_id": f"T{seq}/1",
            "trade_id": f"T{seq}",
            "account": ACCOUNTS[seq % len(ACCOUNTS)],
            "contract": "H100-2026-09",
            "side": "BUY" if seq % 3 else "SELL",
            "position_effect": "OPEN",
            "lots": lots or seq % 11 + 1,
            "price_nano": 2_350_000_000,
            "value_minor": 171_550 + seq % 13,
            "fee_minor": -35,
            "cres_minor": 0,
            "adj_minor": 0,
            "trade_type": "regular",
            "executed_at_us": 1_785_700_000_000_000 + seq,
            "feed": "exchange",
            "source_seq": seq,
            "corrects": "",
            "control_id": "",
        },
    )


def cut(seq: int) -> bytes:
    """Return a cut at that place."""
    return codec.encode(
        "cut",
        {
            "stream_seq": seq,
            "business_date": 20260803,
            "next_date": 20260804,
            "fills": 0,
            "lots": 0,
            "absolute_lots": 0,
            "lots_value_minor": 0,
            "sessions": [],
            "open_breaks": [],
            "control_id": f"C{seq}",
        },
    )


def stream(start: int, end: int, *, cut_every: int = 0) -> list[bytes]:
    """Return the records of stream_seq start..end-1: fills, and a cut at every number that `cut_every` divides."""
    return [cut(seq) if cut_every and seq and seq % cut_every == 0 else fill(seq) for seq in range(start, end)]


def as_next_version(value: bytes) -> bytes:
    """Return a fill in the second version that `Platform.next_schemas` makes: one text more."""
    return b"\0\0\0\0\x63" + value[5:] + b"\x06CME"


def truth(partition: int, values: Sequence[bytes]) -> list[bytes]:
    """Return what the fold emits over these values, read one by one in this process."""
    fold, columns, continuity = TallyFold(partition), Columns(TallyFold.columnar), Continuity()
    return [output.value for value in values for output in fold.apply(continuity.fresh(columns(value, [len(value)])))]


def wait_until(what: str, look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first true answer of `look`, or fail and say what was awaited."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"Expected {what} within {seconds:.0f} s, was: {look()!r}")


@dataclass(slots=True)
class RunningWorker:
    """A worker process that this test started."""

    name: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    def heartbeat(self) -> dict[str, Any]:
        """Return what the process last said of itself; empty before it has said anything."""
        path = self.folder / f"{self.name}.heartbeat"
        beat: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return beat if beat.get("pid") == self.process.pid else {}

    def note(self) -> dict[str, Any]:
        """Return its exit note."""
        note: dict[str, Any] = json.loads((self.folder / f"{self.name}.died").read_text())
        return note

    def ended(self) -> int:
        """Wait until the process has ended by itself and return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(10)


@dataclass(slots=True)
class Platform:
    """Topics of one test on the shared broker, and the workers it started.

    written: every value that was written to `fills`, by partition, in the log's order.
    """

    bootstrap: str
    prefix: str
    folder: Path
    written: dict[int, list[bytes]] = field(default_factory=lambda: {p: [] for p in range(PARTITIONS)})
    workers: list[RunningWorker] = field(default_factory=list)

    def create(self) -> None:
        """Create the topics."""
        topics.ensure(self.bootstrap, PARTITIONS, prefix=self.prefix)

    def start(self, name: str, partitions: str = "0-3", *arguments: str, before: Sequence[str] = ()) -> RunningWorker:
        """Start a worker process; `before` are arguments for the test's own entry point."""
        log = self.folder / f"{name}.log"
        command = [
            sys.executable, "-m", "tests.streams.tally", *before, "--fold", "tally", "--partitions", partitions,
            "--bootstrap", self.bootstrap, "--name", name, "--run-folder", str(self.folder), "--prefix", self.prefix,
            "--snapshot-seconds", "0.3", *arguments,
        ]  # fmt: skip
        with log.open("ab") as out:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        worker = RunningWorker(name, process, self.folder, log)
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.end()

    def write(self, partition: int, values: Iterable[bytes | None]) -> None:
        """Append values to a partition of `fills` and wait until the broker has them."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True, "acks": "all"})
        for value in values:
            producer.produce(f"{self.prefix}fills", value, b"key", partition=partition)
            producer.poll(0)
            self.written[partition].append(value or b"")
        assert producer.flush(PATIENCE_SECONDS) == 0

    def read(self, topic: str, partition: int) -> list[tuple[bytes, bytes]]:
        """Return the keys and values that a partition holds now."""
        return list(_read(self.bootstrap, self.prefix + topic, partition))

    def results(self, partition: int) -> list[bytes]:
        """Return the results of a partition, the first of each; twins must be equal."""
        first: dict[bytes, bytes] = {}
        for key, value in self.read("variation-margin", partition):
            assert first.setdefault(key, value) == value, f"two different results for {key!r}"
        return list(first.values())

    def await_results(self, seconds: float = PATIENCE_SECONDS, partitions: Iterable[int] = range(PARTITIONS)) -> None:
        """Wait until the results of these partitions are exactly what their log asks for."""
        for partition in partitions:
            expected = truth(partition, self.written[partition])
            wait_until(f"the results of partition {partition}", partial(self._has, partition, len(expected)), seconds)
            assert self.results(partition) == expected

    def _has(self, partition: int, count: int) -> bool:
        return len(self.results(partition)) >= count

    def emitted(self) -> int:
        """Return how many results lie in the log, repetitions included."""
        return sum(len(self.read("variation-margin", partition)) for partition in range(PARTITIONS))

    def lose_the_log(self, topic: str, partition: int, *, keep: int) -> None:
        """Make the topic anew with only the first records of one partition, as if a broker had lost the others."""
        admin, name = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2}), self.prefix + topic
        admin.delete_topics([name])[name].result()
        wait_until("the topic gone", lambda: name not in admin.list_topics(timeout=10).topics)
        self.create()
        kept = self.written[partition][:keep]
        self.written[partition] = []
        self.write(partition, kept)

    def next_schemas(self) -> Path:
        """Return a copy of the schemas with a second version of `fill`, which has one field more."""
        folder = self.folder / "schemas"
        shutil.copytree(ROOT / "schemas", folder)
        newer = json.loads((folder / "fill.v1.avsc").read_text())
        newer["fields"].append({"name": "venue", "type": "string", "default": "", "doc": "Where."})
        (folder / "fill.v2.avsc").write_text(json.dumps(newer))
        ids = json.loads((folder / "ids.json").read_text())
        (folder / "ids.json").write_text(json.dumps({**ids, "99": "fill.v2"}))
        return folder

    def manifests(self, partition: int) -> list[codec.Record]:
        """Return the manifests of a partition's snapshots, oldest first."""
        return [codec.decode(value)[1] for _, value in self.read("snapshot-manifests", partition)]


def _read(bootstrap: str, topic: str, partition: int) -> Iterator[tuple[bytes, bytes]]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 5,
        }
    )
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_SECONDS)
        if low == high:
            return
        consumer.assign([TopicPartition(topic, partition, low)])
        while (message := consumer.poll(PATIENCE_SECONDS)) is not None:
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return
            yield message.key() or b"", message.value() or b""
    finally:
        consumer.close()
