"""A clearing house for one test: its own topics on the shared broker, real gateway processes, a feed, controls."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from settlement.wire import codec
from streams.gateway.controls import Controls, Outcome
from streams.topics import ensure

PARTITIONS = 3
PATIENCE_SECONDS = 40.0
NUMBERED = ("fills", "orders", "index-ticks")
MEMBERS = 6
Json = dict[str, Any]

TERMS: Json = {
    "contract": "GPUH", "size": "730", "tick": "0.001", "fee": "0.35",
    "daily_settlement": {"window": "day", "zone": "UTC", "tiers": ["vwap", "last-in-quote", "previous"]},
}  # fmt: skip


def wait_until(what: str, look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first true answer of `look`, or fail and say what was awaited."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"Expected {what} within {seconds:.0f} s, was: {look()!r}")


@dataclass(slots=True)
class Feed:
    """An exchange that writes a journal."""

    path: Path
    next_seq: int = 1

    def write(self, *records: Json) -> int:
        """Append records and return the number of the last."""
        lines = []
        for record in records:
            lines.append(json.dumps({"source_seq": self.next_seq, **record}))
            self.next_seq += 1
        self.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return self.next_seq - 1

    def write_raw(self, line: bytes) -> int:
        """Append one line of any bytes and return its number."""
        self.next_seq += 1
        self.write_bytes(line + b"\n")
        return self.next_seq - 1

    def write_bytes(self, some: bytes) -> None:
        """Append bytes as they are."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as journal:
            journal.write(some)


def account(number: int) -> str:
    """Return the name of an account of a member."""
    return f"M{number:02}-H"


def trade(number: int, lots: int = 1, **other: Any) -> Json:
    """Return a matched trade: the same for the same number."""
    chance = random.Random(number)
    buyer, seller = chance.sample(range(1, MEMBERS + 1), 2)
    record = {
        "type": "trade", "trade_id": f"T{number}", "contract": "GPUH", "buyer": account(buyer),
        "seller": account(seller), "lots": lots, "price": f"2.{300 + number % 90}", "at": "2026-08-03T14:00:00.000000Z",
    }  # fmt: skip
    return {**record, **other}


def session(date: str, first: int, trades: int) -> list[Json]:
    """Return a whole session: trades from number `first` on with an order and a quote now and then, and its close."""
    records: list[Json] = [{"type": "session_open", "business_date": date}]
    for number in range(first, first + trades):
        records.append(trade(number))
        if number % 5 == 0:
            records.append({"type": "quote", "contract": "GPUH", "bid": "2.350", "ask": "2.351",
                            "at": "2026-08-03T14:00:00.000000Z"})  # fmt: skip
        if number % 7 == 0:
            records.append({"type": "observe", "series": "H100", "provider": "lambda", "price": "2.99",
                            "quantity": "1", "at": "2026-08-03T14:00:00.000000Z"})  # fmt: skip
    records.append({"type": "session_close", "business_date": date, "trades": trades, "lots": trades})
    return records


@dataclass(slots=True)
class Running:
    """A process that this test started."""

    name: str
    process: subprocess.Popen[bytes]
    data: Path
    log: Path

    def heartbeat(self) -> Json:
        """Return what the process last said of itself; empty before it has said anything."""
        path = self.data / "run" / f"{self.name}.heartbeat"
        beat: Json = json.loads(path.read_text()) if path.exists() else {}
        return beat if beat.get("pid") == self.process.pid else {}

    def note(self) -> Json:
        """Return its exit note."""
        note: Json = json.loads((self.data / "run" / f"{self.name}.died").read_text())
        return note

    def has_taken(self, feed: Feed, name: str = "exchange") -> bool:
        """Whether it has applied all that the feed has."""
        return bool(self.heartbeat().get("feeds", {}).get(name, {}).get("next_seq") == feed.next_seq)

    def kill(self) -> None:
        """End the process with SIGKILL and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def ended(self) -> int:
        """Wait until the process has ended by itself and return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)


@dataclass(slots=True)
class House:
    """Topics, feeds, and the processes that this test started."""

    bootstrap: str
    prefix: str
    folder: Path
    snapshot_seconds: float = 0.3
    running: list[Running] = field(default_factory=list)
    _controls: Controls | None = None

    @property
    def data(self) -> Path:
        """The platform's folder."""
        return self.folder / "data"

    @property
    def controls(self) -> Controls:
        """Who appends controls."""
        if self._controls is None:
            ensure(self.bootstrap, PARTITIONS, prefix=self.prefix)
            self._controls = Controls(self.bootstrap, self.prefix)
        return self._controls

    def feed(self, name: str = "exchange") -> Feed:
        """Return a feed whose journal does not exist yet."""
        return Feed(self.data / "feeds" / f"{name}.jsonl")

    def gateway(self, name: str = "gateway") -> Running:
        """Start a gateway."""
        return self.start(
            "streams.gateway", name, "--feeds", str(self.data / "feeds"), "--snapshot-seconds",
            str(self.snapshot_seconds),
        )  # fmt: skip

    def worker(self, fold: str) -> Running:
        """Start a worker of all partitions of a fold."""
        command = [
            sys.executable, "-m", "streams.worker", "--fold", fold, "--partitions", f"0-{PARTITIONS - 1}",
            "--bootstrap", self.bootstrap, "--name", fold, "--run-folder", str(self.data / "run"),
            "--prefix", self.prefix,
        ]  # fmt: skip
        return self._spawn(fold, command)

    def start(self, module: str, name: str, *arguments: str) -> Running:
        """Start a process of ours."""
        command = [
            sys.executable, "-m", module, "--bootstrap", self.bootstrap, "--partitions", str(PARTITIONS),
            "--data", str(self.data), "--name", name, "--prefix", self.prefix, *arguments,
        ]  # fmt: skip
        return self._spawn(name, command)

    def _spawn(self, name: str, command: list[str]) -> Running:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        running = Running(name, process, self.data, log)
        self.running.append(running)
        return running

    def append(self, kind: str, payload: Json, control_id: str = "", **fields: str) -> tuple[str, int]:
        """Append a control and return its id and offset."""
        control_id = control_id or f"{kind}/{json.dumps(payload, sort_keys=True)}"
        return control_id, self.controls.append(
            kind, payload, control_id=control_id, **{"requested_by": "ann", **fields}
        )

    def ask(self, kind: str, payload: Json, control_id: str = "", **fields: str) -> Outcome:
        """Append a control and return what the gateway answered."""
        return self.controls.outcome(*self.append(kind, payload, control_id, **fields), timeout=PATIENCE_SECONDS)

    def open(self, date: str = "2026-08-03") -> None:
        """List the contract, open the accounts and the first date."""
        self.append("listing", TERMS)
        self.append(
            "series", {"series": "H100", "value_per_provider": "last", "across_providers": "median", "precision": 4}
        )
        for number in range(1, MEMBERS + 1):
            self.append("account", {"account": account(number), "member": f"M{number:02}", "origin": "house",
                                    "positions": "net"})  # fmt: skip
        self.append("open", {"date": date})

    def log_of(self, topic: str, partition: int = 0) -> list[tuple[bytes, bytes]]:
        """Return every (key, value) that stands in a partition now."""
        return list(_records(self.bootstrap, self.prefix + topic, partition))

    def records(self, topic: str) -> list[Json]:
        """Return every record of a topic with one partition, twins included."""
        return [codec.decode(value)[1] for _, value in self.log_of(topic)]

    def rejections(self) -> list[Json]:
        """Return the rejections without their twins."""
        found = {
            (one["feed"], one["source_seq"], one["control_id"]): one for one in reversed(self.records("rejections"))
        }
        return sorted(found.values(), key=lambda one: (one["feed"], one["source_seq"]))

    def written(self) -> dict[str, list[bytes]]:
        """Return what readers see: of every numbered partition the values without twins, whole and in order."""
        return {f"{topic}-{p}": contiguous(self.log_of(topic, p)) for topic in NUMBERED for p in range(PARTITIONS)}

    def sizes(self) -> dict[str, int]:
        """Return how many records stand in every topic that the gateway derives, twins included."""
        at = [(topic, p) for topic in NUMBERED for p in range(PARTITIONS)] + [("rejections", 0), ("outcomes", 0)]
        return {f"{topic}-{p}": len(self.log_of(topic, p)) for topic, p in at}

    def end(self) -> None:
        """End every process that was started."""
        for running in self.running:
            running.kill()
        if self._controls is not None:
            self._controls.close()


def contiguous(log: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Return the first copy of each stream_seq in its order, each taken where it is the next; twins must be equal."""
    taken: list[bytes] = []
    for _, value in log:
        seq = codec.decode(value)[1]["stream_seq"]
        if seq == len(taken):
            taken.append(value)
        elif seq < len(taken):
            assert taken[seq] == value, f"Expected an equal twin of {seq}, was {codec.decode(value)}"
    highest = max((codec.decode(value)[1]["stream_seq"] for _, value in log), default=-1)
    assert highest == len(taken) - 1, f"Expected no hole, was whole up to {len(taken)} of {highest + 1}"
    return taken


def _records(bootstrap: str, topic: str, partition: int) -> Iterator[tuple[bytes, bytes]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True,
                         "fetch.wait.max.ms": 10})  # fmt: skip
    consumer.assign([TopicPartition(topic, partition, 0)])
    try:
        while True:
            for message in consumer.consume(1000, 0.05):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    return
                assert error is None, error
                yield message.key() or b"", message.value() or b""
    finally:
        consumer.close()
