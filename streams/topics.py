"""The topics of the platform: names, partitions and settings; created explicitly, and verified at every start.

A topic whose settings drifted loses money quietly (a retention deletes the log, a compression slows every reader), so
nothing starts on one.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are public, the stub forgot to say so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

_FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
_COMPACTED = {"cleanup.policy": "compact"}
# The largest record is a cut or a set of prices over every contract of a shard, some 100 bytes a contract; snapshots
# are cut into smaller chunks.
_RECORD_BYTES_MAX = {"max.message.bytes": str(4 << 20)}
# The time is evidence of when the log took it, never an input. Uncompressed: a record batch lies in the log as readers
# decode it.
_INPUT = {**_FOR_EVER, "message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed"}

# At least four full sets of every fold must fit; `streams/runner.py` paces its snapshots by this number.
SNAPSHOT_RETENTION_BYTES = 256 << 20


class TopicsError(RuntimeError):
    """Topics are missing or are not set as the platform needs them."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    partitions: how many; None stands for P, the number of shards that the platform was created with.
    settings: what is set explicitly and verified; everything else is the broker's own.
    """

    name: str
    partitions: int | None
    settings: Mapping[str, str]


def _topic(name: str, partitions: int | None, *settings: Mapping[str, str]) -> Topic:
    merged = dict(_RECORD_BYTES_MAX)
    for some in settings:
        merged.update(some)
    return Topic(name, partitions, merged)


TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        _topic("controls", 1, _INPUT, {"flush.messages": "1"}),  # the order of instructions must survive the machine
        _topic("fills", None, _INPUT),
        _topic("orders", None, _INPUT),
        _topic("index-ticks", None, _INPUT),
        _topic("positions", None, _COMPACTED),
        _topic("variation-margin", None, _FOR_EVER),
        _topic("market", None, _FOR_EVER),
        _topic("index-fixings", 1, _FOR_EVER),
        _topic(
            "snapshots",
            None,
            {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": str(SNAPSHOT_RETENTION_BYTES)},
            {"segment.bytes": str(SNAPSHOT_RETENTION_BYTES // 8)},  # whole segments are deleted: an eighth is the grain
        ),
        # Small segments that roll often and are compacted early: a restore reads this topic from its beginning.
        _topic(
            "snapshot-manifests",
            None,
            _COMPACTED,
            {"segment.bytes": str(1 << 20), "segment.ms": str(10 * 60_000), "min.cleanable.dirty.ratio": "0.1"},
        ),
        _topic("rejections", 1, _FOR_EVER),
        _topic("outcomes", 1, _FOR_EVER),  # what was answered to each control, for whoever asked
        _topic("settlements", 1, _FOR_EVER),
        _topic("statements", 1, _FOR_EVER),
    )
}


def ensure(bootstrap: str, partitions: int, *, prefix: str = "", timeout_seconds: float = 30) -> None:
    """Create what is missing of the topics, then verify all of them; harmless to repeat, also by two at once.

    partitions: P.  prefix: stands before every name, to keep several platforms on one cluster apart.

    Raises:
        TopicsError: a topic is not as it should be, or did not appear in time.
        KafkaException: the broker cannot be reached or refuses.
    """
    admin = _admin(bootstrap)
    there = admin.list_topics(timeout=timeout_seconds).topics
    missing = [topic for topic in TOPICS.values() if prefix + topic.name not in there]
    _create(admin, missing, partitions, prefix, timeout_seconds)
    _await(admin, [prefix + topic.name for topic in missing], timeout_seconds)
    _refuse(list(_differences(admin, partitions, prefix, timeout_seconds)))


def verify(bootstrap: str, *, prefix: str = "", timeout_seconds: float = 30) -> int:
    """Verify every topic's settings and that the shards are equally many everywhere; return P.

    Raises:
        TopicsError: a topic is missing or not as it should be.
        KafkaException: the broker cannot be reached or refuses.
    """
    admin = _admin(bootstrap)
    fills = admin.list_topics(timeout=timeout_seconds).topics.get(f"{prefix}fills")
    partitions = len(fills.partitions) if fills else 0
    _refuse(list(_differences(admin, partitions, prefix, timeout_seconds)))
    return partitions


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})


def _create(admin: AdminClient, topics: list[Topic], partitions: int, prefix: str, timeout_seconds: float) -> None:
    new = [
        NewTopic(
            prefix + topic.name,
            partitions if topic.partitions is None else topic.partitions,
            replication_factor=-1,  # the broker's default: 1 in the embedded one, whatever is right in yours
            config=dict(topic.settings),
        )
        for topic in topics
    ]
    if not new:
        return
    for created in admin.create_topics(new, operation_timeout=timeout_seconds).values():
        try:
            created.result()
        except KafkaException as error:
            if _code(error) != KafkaError.TOPIC_ALREADY_EXISTS:  # another one was faster: as good, and verified below
                raise


def _await(admin: AdminClient, names: list[str], timeout_seconds: float) -> None:
    """Wait until every partition of the new topics has a leader, so that the first reader or writer finds one."""
    until = time.monotonic() + timeout_seconds
    while True:
        there = admin.list_topics(timeout=timeout_seconds).topics
        waiting = [name for name in names if name not in there or not _has_leaders(there[name])]
        if not waiting:
            return
        if time.monotonic() > until:
            raise TopicsError(
                f"Expected the new topics to be ready within {timeout_seconds:.0f} s, was still without a leader: "
                f"{', '.join(waiting)}. Look at the broker's log; start again when it is healthy."
            )
        time.sleep(0.05)


def _has_leaders(topic: Any) -> bool:  # noqa: ANN401  confluent-kafka's metadata classes are private
    return bool(topic.partitions) and all(partition.leader >= 0 for partition in topic.partitions.values())


def _differences(admin: AdminClient, partitions: int, prefix: str, timeout_seconds: float) -> Iterator[str]:
    there = admin.list_topics(timeout=timeout_seconds).topics
    known = [topic for topic in TOPICS.values() if prefix + topic.name in there]
    for topic in TOPICS.values():
        if topic not in known:
            yield f"Expected the topic {prefix}{topic.name}, was missing. Create the topics: `novate up` does."
    for topic, settings in zip(known, _settings(admin, known, prefix, timeout_seconds), strict=True):
        name = prefix + topic.name
        count, was = topic.partitions or partitions, len(there[name].partitions)
        if was != count:
            yield (
                f"Expected {count} partitions of {name}, was {was}. The number is fixed for the life of the log: "
                "start with the number it was created with, or open a new generation of the topics."
            )
        for key, value in topic.settings.items():
            if settings.get(key) != value:
                yield (
                    f"Expected {key}={value} on {name}, was {settings.get(key)}. Set it back: "
                    f"kafka-configs.sh --alter --topic {name} --add-config {key}={value}"
                )


def _settings(admin: AdminClient, topics: list[Topic], prefix: str, timeout_seconds: float) -> list[dict[str, str]]:
    """Return the settings of each topic; a topic made a moment ago may not answer yet, so ask again."""
    until = time.monotonic() + timeout_seconds
    resources = [ConfigResource(ResourceType.TOPIC, prefix + topic.name) for topic in topics]
    while resources:
        asked: dict[ConfigResource, Future[Any]] = admin.describe_configs(resources, request_timeout=timeout_seconds)
        try:
            return [{key: str(entry.value) for key, entry in asked[one].result().items()} for one in resources]
        except KafkaException as error:
            if _code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > until:
                raise
            time.sleep(0.05)
    return []


def _code(error: KafkaException) -> int:
    reason: KafkaError = error.args[0]
    return int(reason.code())


def _refuse(differences: list[str]) -> None:
    if differences:
        raise TopicsError("\n".join(differences))


def partition_in(topic: str, shard: int) -> int:
    """Return where a shard's records go in a topic: its own partition, or 0 where the topic has one."""
    return 0 if TOPICS[topic].partitions == 1 else shard
