"""The real parts as the tests of this folder take them, and the folder of jars."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.kafka_jars import class_path


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


@pytest.fixture
def parts(bootstrap: str, server: str) -> Parts:
    """The run's broker and database."""
    return Parts(bootstrap, server)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every download into a closed port."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
