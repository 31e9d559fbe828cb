"""The ceiling: a bare confluent-kafka consumer of the same topic that only takes the values and decodes nothing.

`python -m tests.bench.bare BOOTSTRAP PREFIX RECORDS`
"""

import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.bench.load import PARTITIONS
from tests.bench.measured import Clock, tell

SETTINGS = {"queued.min.messages": 200_000, "fetch.queue.backoff.ms": 10, "max.partition.fetch.bytes": 8 << 20}


def main(bootstrap: str, prefix: str, records: int) -> None:
    """Read that many records from the beginning."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bare", "auto.offset.reset": "error", **SETTINGS})
    clock, seen = Clock(), 0
    consumer.assign([TopicPartition(f"{prefix}fills", partition, 0) for partition in range(PARTITIONS)])
    while seen < records:
        for message in consumer.consume(20_000, 0.5):
            if (error := message.error()) is not None:
                raise KafkaException(error)
            message.value()
            seen += 1
    tell(clock.stop(seen))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
