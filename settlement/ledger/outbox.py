"""The relay: publishes the outbox to Kafka in order, and resumes after what it finds there.

Nothing is marked in the database: the message key begins with the row's place, "cycle_seq/line/", so the end of each
topic says how far it has come. A crash, or a second relay, sends a row again at worst; readers drop the twin by its
key. Each topic has one partition, or its end would not say what came before.
"""

from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from psycopg import Connection

from settlement.ledger import queries
from settlement.ledger.errors import OutboxStalled
from settlement.ledger.records import PostedOutboxRow
from settlement.ledger.session import as_poster

Place = tuple[int, int]
START: Final[Place] = (0, 0)

BATCH_ROWS: Final = 1000
BROKER_SECONDS: Final = 30.0
# Two relays at once interleave: the highest place may lie some messages before the end.
TAIL_MESSAGES: Final = 2 * BATCH_ROWS


def message_key(row: PostedOutboxRow) -> bytes:
    """Return the Kafka key of a row: its place, then its own key, such as `12/3/M01`."""
    return f"{row.cycle_seq}/{row.line}/{row.key}".encode()


def place_of(key: bytes) -> Place:
    """Return the place at the beginning of a message's key.

    Raises:
        OutboxStalled: it begins with none: somebody else writes to the topic.
    """
    seq, _, rest = key.decode(errors="replace").partition("/")
    line, slash, _ = rest.partition("/")
    if not (slash and seq.isdecimal() and line.isdecimal()):
        raise OutboxStalled(f'Expected a message key such as "12/3/M01", was {key!r}. Who else writes to the topic?')
    return int(seq), int(line)


class OutboxRelay:
    """Publishes the rows of one ledger; one thread at a time. After an error it is finished: make a new one."""

    def __init__(self, producer: Producer, consumer: Consumer) -> None:
        """Take a producer that is idempotent with acks=all, and a consumer for the ends of the topics."""
        self._producer = producer
        self._consumer = consumer
        self._tails: dict[str, Place] = {}
        self._cursor: Place | None = None
        self._failure: KafkaError | None = None

    @classmethod
    def of(cls, bootstrap: str) -> Self:
        """Make a relay to a broker."""
        return cls(make_producer(bootstrap), make_consumer(bootstrap))

    def publish(self, conn: Connection[Any]) -> int:
        """Publish every row that the topics do not have yet and return how many, when the broker has them all.

        Raises:
            OutboxStalled: the broker refused or did not answer, or a topic holds something else than the outbox.
        """
        published = 0
        if self._cursor is None:
            self._cursor = self._resume(conn)
        while rows := self._rows(conn, self._cursor, BATCH_ROWS):
            published += self._send(conn, rows)
            self._cursor = (rows[-1].cycle_seq, rows[-1].line)
        return published

    def close(self) -> None:
        """Let go of the broker; what it did not acknowledge is dropped: the next relay sends it, in order."""
        self._producer.purge()
        self._producer.close()
        self._consumer.close()

    def _resume(self, conn: Connection[Any]) -> Place:
        with as_poster(conn):
            topics = queries.outbox_topics(conn)
        return min((self._tail(conn, topic) for topic in topics), default=START)

    def _rows(self, conn: Connection[Any], after: Place, limit: int) -> list[PostedOutboxRow]:
        with as_poster(conn):
            return queries.outbox(conn, after=after, limit=limit)

    def _send(self, conn: Connection[Any], rows: list[PostedOutboxRow]) -> int:
        fresh = [row for row in rows if (row.cycle_seq, row.line) > self._tail(conn, row.topic)]
        for row in fresh:
            self._producer.produce(row.topic, key=message_key(row), value=row.value, on_delivery=self._delivered)
        left = self._producer.flush(BROKER_SECONDS)
        if self._failure is not None or left:
            reason = self._failure or f"no answer to {left} of them within {BROKER_SECONDS:.0f} s"
            raise OutboxStalled(
                f"Expected the broker to take {len(fresh)} messages, was {reason}. Is the broker running?"
            )
        for row in fresh:
            self._tails[row.topic] = (row.cycle_seq, row.line)
        return len(fresh)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = self._failure or error

    def _tail(self, conn: Connection[Any], topic: str) -> Place:
        if topic not in self._tails:
            try:
                place, value = self._read_tail(topic)
            except KafkaException as error:
                raise OutboxStalled(
                    f"Expected to read the end of {topic}, was {error}. Is the broker running?"
                ) from error
            self._check_tail(conn, topic, place, value)
            self._tails[topic] = place
        return self._tails[topic]

    def _check_tail(self, conn: Connection[Any], topic: str, place: Place, value: bytes) -> None:
        """Refuse a topic that another ledger has written to."""
        posted = self._rows(conn, (place[0], place[1] - 1), 1)
        if posted and (posted[0].cycle_seq, posted[0].line) == place and posted[0].value != value:
            raise OutboxStalled(
                f"Expected {topic} to hold row {place[0]}/{place[1]} of this ledger's outbox, was another value. "
                "Is this the broker that belongs to this ledger?"
            )

    def _read_tail(self, topic: str) -> tuple[Place, bytes]:
        """Return the highest place in a topic, with its value; the start when the topic is empty."""
        partition = self._only_partition(topic)
        low, high = self._consumer.get_watermark_offsets(partition, timeout=BROKER_SECONDS, cached=False)
        window = TAIL_MESSAGES
        while low < high:
            start = max(low, high - window)
            found = self._read(topic, start, high)
            if found or start == low:
                return max(found, default=(START, b""))
            window *= 4
        return START, b""

    def _only_partition(self, topic: str) -> TopicPartition:
        metadata = self._consumer.list_topics(topic, timeout=BROKER_SECONDS).topics[topic]
        if len(metadata.partitions) != 1:
            raise OutboxStalled(
                f"Expected the topic {topic} with 1 partition, was {len(metadata.partitions)}. Create the topics first."
            )
        return TopicPartition(topic, 0)

    def _read(self, topic: str, start: int, end: int) -> list[tuple[Place, bytes]]:
        """Return place and value of the messages from start to before end; a hole at the end is no message."""
        self._consumer.assign([TopicPartition(topic, 0, start)])
        found: list[tuple[Place, bytes]] = []
        while True:
            message = self._consumer.poll(BROKER_SECONDS)
            if message is None:
                raise OutboxStalled(f"Expected the end of {topic} within {BROKER_SECONDS:.0f} s, was silence.")
            error = message.error()
            if error is None and (message.offset() or 0) < end:
                found.append((place_of(message.key() or b""), message.value() or b""))
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                raise KafkaException(error)
            if error is not None or (message.offset() or 0) >= end - 1:
                self._consumer.unassign()
                return found


def make_producer(bootstrap: str) -> Producer:
    """Return the relay's producer: in order, without twins of its own, acknowledged by all replicas."""
    return Producer({
        "bootstrap.servers": bootstrap,
        "client.id": "novate-outbox",
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "delivery.timeout.ms": int(BROKER_SECONDS * 1000),
    })  # fmt: skip


def make_consumer(bootstrap: str) -> Consumer:
    """Return a consumer that reads the ends of topics: no group, no commits."""
    return Consumer({
        "bootstrap.servers": bootstrap,
        "client.id": "novate-outbox-tails",
        "group.id": "novate-outbox-tails",  # librdkafka wants a name; nothing is committed or joined under it
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
    })  # fmt: skip
