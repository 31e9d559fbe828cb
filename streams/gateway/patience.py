"""Asking a broker again that is away, or that has just made a topic and not yet told everybody who leads it."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

AGAIN_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 60.0
TRANSIENT: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT,  # noqa: SLF001  their public names
    }
)  # fmt: skip

Answer = TypeVar("Answer")


def is_transient(error: KafkaException) -> bool:
    """Whether the same question may be answered a little later."""
    reason = error.args[0] if error.args else None
    return isinstance(reason, KafkaError) and (reason.code() in TRANSIENT or reason.retriable())


def patiently(
    ask: Callable[[], Answer], *, seconds: float = PATIENCE_SECONDS, tick: Callable[[], None] = lambda: None
) -> Answer:
    """Return the answer, asked again and again while the broker cannot give it; `tick` is called meanwhile.

    Raises:
        KafkaException: it still cannot after so many seconds, or it refuses.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except KafkaException as error:
            if not is_transient(error) or time.monotonic() > until:
                raise
        tick()
        time.sleep(AGAIN_SECONDS)
