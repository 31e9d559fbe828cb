"""A platform of its own topics for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kafka import Kafka
from tests.parts import own_name
from tests.streams.platform import Platform


@pytest.fixture
def empty_platform(bootstrap: str, tmp_path: Path) -> Iterator[Platform]:
    """A platform without topics yet."""
    platform = Platform(bootstrap, f"{own_name('test')}.", tmp_path)
    yield platform
    platform.end()


@pytest.fixture
def platform(empty_platform: Platform) -> Platform:
    """A platform with empty topics."""
    empty_platform.create()
    return empty_platform


@pytest.fixture
def lone_platform(own_kafka: Kafka, tmp_path: Path) -> Iterator[Platform]:
    """A platform with empty topics on a broker of its own."""
    platform = Platform(own_kafka.bootstrap, "lone.", tmp_path)
    platform.create()
    yield platform
    platform.end()
