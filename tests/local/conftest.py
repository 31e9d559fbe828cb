"""The real parts that the tests of this folder share: one broker, one database, one folder of jars."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from infra.local.kafka_jars import class_path
from infra.local.postgres import Postgres


@dataclass(frozen=True)
class Parts:
    """A running broker and database."""

    kafka: str
    database: str


@pytest.fixture(scope="session")
def cache() -> Path:
    """Return the folder of downloads with every jar in it: only this one may need the network."""
    first = class_path(None, lambda _text: None)[0]
    return next(folder.parent for folder in first.parents if folder.name == "maven")


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Parts]:
    """Run a broker and a database for the whole session."""
    data = tmp_path_factory.mktemp("parts")
    postgres, kafka = Postgres(data), Kafka(data, cache)
    try:
        postgres.start()
        kafka.start()
        yield Parts(kafka.bootstrap, postgres.dsn)
    finally:
        kafka.stop()
        postgres.stop()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every download into a closed port."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
