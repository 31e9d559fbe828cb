"""The real parts for the settlement run's tests."""

from tests.run.parts import broker, database, platform, producer

__all__ = ["broker", "database", "platform", "producer"]
