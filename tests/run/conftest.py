"""The real parts for the settlement run's tests."""

from tests.run.parts import platform, producer

__all__ = ["platform", "producer"]
