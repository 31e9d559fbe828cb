"""One real broker for the session, and a platform of its own topics for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from tests.streams.platform import Platform

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that lives as long as the session."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def empty_platform(kafka: Kafka, tmp_path: Path) -> Iterator[Platform]:
    """A platform without topics yet."""
    platform = Platform(kafka.bootstrap, f"test{next(_numbers)}.", tmp_path)
    yield platform
    platform.end()


@pytest.fixture
def platform(empty_platform: Platform) -> Platform:
    """A platform with empty topics."""
    empty_platform.create()
    return empty_platform
