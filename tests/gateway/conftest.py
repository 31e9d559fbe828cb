"""A clearing house of its own topics and feeds for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from tests.gateway.house import House
from tests.parts import own_name


@pytest.fixture
def house(bootstrap: str, tmp_path: Path) -> Iterator[House]:
    """A clearing house without gateways yet."""
    made = House(bootstrap, f"{own_name('gateway')}.", tmp_path)
    yield made
    made.end()


@pytest.fixture
def lone_house(own_kafka: Kafka, tmp_path: Path) -> Iterator[House]:
    """A clearing house on a broker of its own."""
    made = House(own_kafka.bootstrap, "lone.", tmp_path)
    yield made
    made.end()
