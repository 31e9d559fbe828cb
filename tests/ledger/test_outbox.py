"""The outbox on a real broker: in order, complete, and resumed after whatever the topics hold."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psycopg import Connection

from settlement.ledger import outbox, queries
from settlement.ledger.errors import OutboxStalled
from settlement.ledger.outbox import OutboxRelay, make_consumer, make_producer, message_key, place_of
from settlement.ledger.poster import post
from tests.ledger.books import chain

TOPICS = ("settlements", "statements")


@pytest.fixture
def bootstrap(bootstrap: str) -> Iterator[str]:
    """The broker's address, with empty topics."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, 1, 1) for topic in TOPICS]).values():
        future.result()
    yield bootstrap
    for future in admin.delete_topics(list(TOPICS)).values():
        future.result()


@pytest.fixture
def relay(bootstrap: str) -> Iterator[Callable[[], OutboxRelay]]:
    """Makes relays, each like one after a restart."""
    made: list[OutboxRelay] = []

    def make() -> OutboxRelay:
        made.append(OutboxRelay.of(bootstrap))
        return made[-1]

    yield make
    for one in made:
        one.close()


def everything(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    """Return key and value of every message of a topic."""
    consumer: Consumer = make_consumer(bootstrap)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(10)) is not None and message.error() is None:
        found.append((message.key() or b"", message.value() or b""))
    consumer.close()
    return found


def wanted(conn: Connection[Any], topic: str) -> list[tuple[bytes, bytes]]:
    """Return what a topic should hold: the ledger's own rows."""
    return [(message_key(row), row.value) for row in queries.outbox(conn) if row.topic == topic]


def test_every_row_is_published_once_in_order(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay]
) -> None:
    """The topics hold the outbox's rows in its order, each key beginning with its place; then nothing is left to do."""
    for posting in chain(5):
        post(conn, posting)
    one = relay()
    assert one.publish(conn) == 15
    assert one.publish(conn) == 0
    for topic in TOPICS:
        assert everything(bootstrap, topic) == wanted(conn, topic)
    assert everything(bootstrap, "settlements")[1][0] == b"2/1/2026-08-03/end_of_day/1"


def test_a_relay_goes_on_where_the_topics_end(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay]
) -> None:
    """A new relay publishes what came since, and nothing again; so does the old one."""
    postings = chain(6)
    post(conn, postings[0])
    first = relay()
    assert first.publish(conn) == 3
    for posting in postings[1:3]:
        post(conn, posting)
    assert relay().publish(conn) == 6
    for posting in postings[3:]:
        post(conn, posting)
    assert first.publish(conn) == 15  # it does not know of the other relay: six twins, which readers drop by their key
    for topic in TOPICS:
        assert list(dict.fromkeys(sorted(everything(bootstrap, topic), key=lambda m: place_of(m[0])))) == wanted(
            conn, topic
        )
    assert relay().publish(conn) == 0


@pytest.mark.parametrize("published", [1, 4, 8])
def test_a_crash_at_any_row_is_completed(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay], published: int
) -> None:
    """One topic ahead of the other, as a crash leaves them: each is completed by itself, and nothing is sent twice."""
    for posting in chain(3):
        post(conn, posting)
    producer: Producer = make_producer(bootstrap)
    rows = [row for row in queries.outbox(conn) if row.topic == "statements"][: published - 1]
    rows += [row for row in queries.outbox(conn) if row.topic == "settlements"][: 9 - published]
    for row in rows:
        producer.produce(row.topic, key=message_key(row), value=row.value)
    assert producer.flush(30) == 0
    assert relay().publish(conn) == 9 - len(rows)
    for topic in TOPICS:
        assert everything(bootstrap, topic) == wanted(conn, topic)


def test_a_topic_of_another_ledger_is_refused(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay]
) -> None:
    """Another value under a place of ours, or a key without a place, stops the relay before it publishes."""
    post(conn, chain(1)[0])
    producer: Producer = make_producer(bootstrap)
    producer.produce("settlements", key=b"1/1/x", value=b"another")
    assert producer.flush(30) == 0
    with pytest.raises(OutboxStalled, match=r"Expected settlements to hold row 1/1 of this ledger's outbox"):
        relay().publish(conn)
    producer.produce("settlements", key=b"nobody's", value=b"")
    assert producer.flush(30) == 0
    with pytest.raises(OutboxStalled, match="Expected a message key such as"):
        relay().publish(conn)
    assert everything(bootstrap, "statements") == []


def test_a_broker_that_does_not_answer_stalls_the_relay(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing counts as published without the broker's answer; a relay made later publishes everything."""
    monkeypatch.setattr(outbox, "BROKER_SECONDS", 1.0)
    post(conn, chain(1)[0])
    nobody = "127.0.0.1:1"
    for one in (OutboxRelay.of(nobody), OutboxRelay(make_producer(nobody), make_consumer(bootstrap))):
        with pytest.raises(OutboxStalled, match="Is the broker running"):
            one.publish(conn)
        one.close()
    monkeypatch.undo()
    assert relay().publish(conn) == 3


def test_a_topic_with_two_partitions_is_refused(
    conn: Connection[Any], bootstrap: str, relay: Callable[[], OutboxRelay]
) -> None:
    """Order, and the meaning of a topic's end, need one partition."""
    from confluent_kafka.cimpl import NewPartitions

    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_partitions([NewPartitions("statements", 2)])["statements"].result()
    post(conn, chain(1)[0])
    with pytest.raises(OutboxStalled, match=r"Expected the topic statements with 1 partition, was 2"):
        relay().publish(conn)


@pytest.mark.parametrize("key", [b"", b"x", b"1", b"1/2", b"1/x/y", b"-1/2/x", b"/1/x"])
def test_a_key_without_a_place_is_refused(key: bytes) -> None:
    """Only "cycle_seq/line/..." is a key of the outbox."""
    with pytest.raises(OutboxStalled):
        place_of(key)
    assert place_of(b"12/3/2026-08-03/final/1") == (12, 3)
