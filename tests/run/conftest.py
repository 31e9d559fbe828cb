"""The real parts for the settlement run's tests."""

from tests.run.parts import broker, database, platform

__all__ = ["broker", "database", "platform"]
