"""The embedded broker on the real Kafka."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from infra.local import proc
from infra.local.errors import LocalError
from infra.local.kafka import Kafka
from infra.local.kafka_jars import class_path, listed_jars
from tests.local.conftest import Parts


def _create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "message.max.bytes": 16 * 2**20})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def _values(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = [message.value() or b"" for message in consumer.consume(count, 20)]
    consumer.close()
    return values


@pytest.mark.usefixtures("no_network")
def test_records_survive_kill_9_and_a_lost_port(tmp_path: Path, cache: Path) -> None:
    """Offline, the broker starts; killed, it serves the same records on the same port; that taken, on another."""
    kafka = Kafka(tmp_path, cache)
    try:
        kafka.start()
        first = kafka.bootstrap
        _create(first, "fills")
        _produce(first, "fills", b"one")
        os.kill(kafka.pid or 0, signal.SIGKILL)
        assert proc.wait_until(lambda: kafka.pid is None, 5)
        kafka.launch()
        assert proc.wait_until(kafka.is_ready, 30)
        assert kafka.bootstrap == first
        assert _values(first, "fills", 1) == [b"one"]
        kafka.stop()
        with socket.create_server(("127.0.0.1", int(first.partition(":")[2]))):
            kafka.start()
            assert kafka.bootstrap != first
            assert _values(kafka.bootstrap, "fills", 1) == [b"one"]
    finally:
        kafka.stop()


def test_a_port_taken_between_choice_and_use_is_chosen_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody takes the port in the moment after it was chosen, the start chooses another."""
    said: list[str] = []
    kafka = Kafka(tmp_path, cache, said.append)
    with socket.create_server(("127.0.0.1", 0)) as thief:
        stolen = int(thief.getsockname()[1])
        ports = iter([stolen])
        real = kafka._choose_port
        monkeypatch.setattr(kafka, "_choose_port", lambda: next(ports, None) or real())
        try:
            kafka.start()
            assert kafka.bootstrap != f"127.0.0.1:{stolen}"
        finally:
            kafka.stop()
    assert any("was taken" in text for text in said)


def test_the_broker_keeps_everything_and_creates_nothing_by_itself(parts: Parts) -> None:
    """Records never expire, topics are never made by a client's mistake, and records of up to 16 MiB pass."""
    admin = AdminClient({"bootstrap.servers": parts.kafka, "log_level": 0})
    broker = ConfigResource(ResourceType.BROKER, "1")
    found = admin.describe_configs([broker])[broker].result(20)
    assert found["log.retention.ms"].value == "-1"
    assert found["auto.create.topics.enable"].value == "false"
    _create(parts.kafka, "big")
    _produce(parts.kafka, "big", bytes(15 * 2**20))
    assert "misspelt" not in admin.list_topics("misspelt", timeout=10).topics or admin.list_topics(
        "misspelt", timeout=10
    ).topics["misspelt"].error is not None  # fmt: skip


def test_the_broker_listens_on_127_0_0_1_only(parts: Parts) -> None:
    """No port of the broker is open to other machines."""
    port = int(parts.kafka.partition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    tcp6 = Path("/proc/net/tcp6")
    rows += [line.split() for line in tcp6.read_text().splitlines()[1:]] if tcp6.exists() else []
    addresses = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    assert addresses <= {f"0100007F:{port:04X}", f"0000000000000000FFFF00000100007F:{port:04X}"}
    assert addresses


def test_a_broker_that_cannot_start_is_quoted(tmp_path: Path, cache: Path) -> None:
    """The error of a failed start quotes the end of the broker's log and says what to do."""
    kafka = Kafka(tmp_path, cache)
    folder = tmp_path / "kafka"
    (folder / "log").mkdir(parents=True)
    (folder / "log" / "meta.properties").write_text("version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\nnode.id=9\n")
    (folder / "formatted").touch()
    with pytest.raises(LocalError, match=r"(?s)ended with code 1.*node.id.*NOVATE_KAFKA"):
        kafka.start()
    assert kafka.pid is None


def test_a_second_broker_on_the_folder_is_refused(tmp_path: Path, cache: Path) -> None:
    """The log has one broker: while somebody holds it, another start names the process."""
    kafka = Kafka(tmp_path, cache)
    kafka._lock.take("the log", "")
    with pytest.raises(LocalError, match=f"in use by process {os.getpid()}"):
        Kafka(tmp_path, cache).start()
    kafka._lock.release()


@pytest.mark.usefixtures("no_network")
def test_a_changed_jar_is_never_run(tmp_path: Path, cache: Path) -> None:
    """One flipped byte in a cached jar makes it be fetched again; offline, the start is refused and names the jar."""
    copy = tmp_path / "cache"
    shutil.copytree(cache / "maven", copy / "maven")
    jar = copy / "maven" / listed_jars()[0].path
    content = bytearray(jar.read_bytes())
    content[100] ^= 1
    jar.write_bytes(content)
    with pytest.raises(LocalError, match=rf"(?s)Expected to fetch {jar.name} from Maven Central.*NOVATE_KAFKA"):
        class_path(copy, lambda _text: None)
