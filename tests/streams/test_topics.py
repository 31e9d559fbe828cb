"""Topics are created as the platform needs them, and refused when they are not so."""

import threading
import time

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are public, the stub forgot to say so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams import topics
from streams.log import LogReader
from tests.parts import own_name
from tests.streams.platform import PARTITIONS, Platform, wait_until

# Design section 3, spelt out once more: what every reader and writer relies on.
PROMISED = {
    "controls": {"message.timestamp.type": "LogAppendTime", "flush.messages": "1", "retention.ms": "-1"},
    "fills": {"message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed", "retention.ms": "-1"},
    "orders": {"message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed", "retention.ms": "-1"},
    "index-ticks": {"message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed"},
    "positions": {"cleanup.policy": "compact"},
    "variation-margin": {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"},
    "snapshot-manifests": {"cleanup.policy": "compact"},
    "settlements": {"retention.ms": "-1"},
}
SINGLE = {"controls", "index-fixings", "outcomes", "rejections", "settlements", "statements"}


def _settings(platform: Platform, name: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, platform.prefix + name)
    admin = AdminClient({"bootstrap.servers": platform.bootstrap})  # must outlive the answer
    return {key: str(entry.value) for key, entry in admin.describe_configs([resource])[resource].result().items()}


def test_topics_are_created_with_their_settings(empty_platform: Platform) -> None:
    """Every topic of the design exists afterwards, with its partitions and settings; a second call changes nothing."""
    topics.ensure(empty_platform.bootstrap, PARTITIONS, prefix=empty_platform.prefix)
    topics.ensure(empty_platform.bootstrap, PARTITIONS, prefix=empty_platform.prefix)
    assert topics.verify(empty_platform.bootstrap, prefix=empty_platform.prefix) == PARTITIONS
    for name, promised in PROMISED.items():
        assert promised.items() <= _settings(empty_platform, name).items(), name
    there = AdminClient({"bootstrap.servers": empty_platform.bootstrap}).list_topics(timeout=10).topics
    ours = {name: len(topic.partitions) for name, topic in there.items() if name.startswith(empty_platform.prefix)}
    assert ours == {empty_platform.prefix + name: 1 if name in SINGLE else PARTITIONS for name in topics.TOPICS}


def test_a_topic_is_read_the_moment_it_was_created(bootstrap: str) -> None:
    """Brokers answer for a while that a new partition has no leader; whoever reads waits for it."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    names = [own_name("new") for _ in range(8)]
    with LogReader(bootstrap) as log:
        for name in names:
            admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result()
            while not _is_known(admin, name):
                time.sleep(0.001)
            assert [log.bounds(name, partition) for partition in range(PARTITIONS)] == [(0, 0)] * PARTITIONS
    for future in admin.delete_topics(names).values():
        future.result()


def _is_known(admin: AdminClient, name: str) -> bool:
    there = admin.list_topics(timeout=10).topics.get(name)
    return there is not None and len(there.partitions) == PARTITIONS


def test_two_at_once_create_the_same_topics(empty_platform: Platform) -> None:
    """Two processes that start together both succeed."""
    errors: list[Exception] = []

    def create() -> None:
        try:
            topics.ensure(empty_platform.bootstrap, PARTITIONS, prefix=empty_platform.prefix)
        except Exception as error:  # noqa: BLE001  handed to the test
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_another_number_of_shards_is_refused(platform: Platform) -> None:
    """The number of partitions is fixed for the life of a log; the error says so and what to do."""
    with pytest.raises(topics.TopicsError, match=r"Expected 3 partitions of .*fills, was 4\. .* new generation"):
        topics.ensure(platform.bootstrap, 3, prefix=platform.prefix)


def test_a_drifted_setting_is_refused(platform: Platform) -> None:
    """A retention that somebody set is named, together with the command that sets it back."""
    name = f"{platform.prefix}fills"
    change = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[change])
    admin = AdminClient({"bootstrap.servers": platform.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result()
    wait_until("the change known to the broker", lambda: _settings(platform, "fills")["retention.ms"] == "1000")
    with pytest.raises(topics.TopicsError, match=rf"Expected retention\.ms=-1 on {name}, was 1000\. Set it back: "):
        topics.verify(platform.bootstrap, prefix=platform.prefix)


def test_missing_topics_are_refused(empty_platform: Platform) -> None:
    """A worker that is started before anybody created the topics is told so."""
    with pytest.raises(topics.TopicsError, match=r"Expected the topic .*controls, was missing"):
        topics.verify(empty_platform.bootstrap, prefix=empty_platform.prefix)
