"""One real broker for the session, and a clearing house of its own topics and feeds for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from tests.gateway.house import House

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that lives as long as the session."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def house(kafka: Kafka, tmp_path: Path) -> Iterator[House]:
    """A clearing house without gateways yet."""
    made = House(kafka.bootstrap, f"gateway{next(_numbers)}.", tmp_path)
    yield made
    made.end()
