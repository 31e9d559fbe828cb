"""Fills for a measurement: as the gateway writes them, but made ten times faster."""

from collections.abc import Iterator
from itertools import product

from confluent_kafka import Producer

from settlement.wire import codec, registry
from settlement.wire.partition import partition_of
from streams import topics

PARTITIONS = 4
FLUSH_SECONDS = 120.0


def create(bootstrap: str, prefix: str) -> None:
    """Create the topics of a measurement."""
    topics.ensure(bootstrap, PARTITIONS, prefix=prefix)


def load(bootstrap: str, prefix: str, fills: int, *, accounts: int, contracts: int, settle: bool = False) -> int:
    """Write fills that go round accounts times contracts lines; return the number of records.

    settle: end every partition with the prices of an end of day, which asks for a margin line of every position.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 50,
            "queue.buffering.max.messages": 500_000,
            "log_level": 2,
        }
    )
    lines = list(_lines(accounts, contracts))
    frame, next_seq = registry.frame("fill.v1"), [0] * PARTITIONS
    for number in range(fills):
        partition, key, rest = lines[number % len(lines)]
        seq = next_seq[partition]
        next_seq[partition] = seq + 1
        _produce(producer, f"{prefix}fills", partition, key, frame + _zigzag(seq) + rest)
    if settle:
        for partition, seq in enumerate(next_seq):
            _produce(producer, f"{prefix}fills", partition, b"prices", _prices(seq, contracts))
    left = producer.flush(FLUSH_SECONDS)
    if left:
        raise RuntimeError(f"Expected every record acknowledged in {FLUSH_SECONDS:.0f} s, was {left} still waiting.")
    return fills + (PARTITIONS if settle else 0)


def _produce(producer: Producer, topic: str, partition: int, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.05)
        else:
            return


def _lines(accounts: int, contracts: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield partition, key and value behind the stream_seq, of one fill of every account and contract."""
    for contract, account in product(range(contracts), range(accounts)):
        name = f"M{account:05d}-H"
        fill = {
            "stream_seq": 0,
            "business_date": 20260803,
            "trade_date": 20260803,
            "kind": "trade",
            "fill_id": f"T{account:07d}/1",
            "trade_id": f"T{account:07d}",
            "account": name,
            "contract": _contract(contract),
            "side": "BUY" if (account + contract) % 2 else "SELL",
            "position_effect": "OPEN",
            "lots": (account + contract) % 17 + 1,
            "price_nano": 2_350_000_000,
            "value_minor": 171_550 + account % 13,
            "fee_minor": -35,
            "cres_minor": 0,
            "adj_minor": 0,
            "trade_type": "regular",
            "executed_at_us": 1_785_700_000_000_000,
            "feed": "exchange",
            "source_seq": account,
            "corrects": "",
            "control_id": "",
        }
        value = codec.encode("fill.v1", fill)  # stream_seq 0 is one byte, behind the frame
        yield partition_of(name, PARTITIONS), name.encode(), value[registry.FRAME_BYTES + 1 :]


def _prices(seq: int, contracts: int) -> bytes:
    price = {"price_nano": 2_360_000_000, "value_minor": 172_280, "tier": "given"}
    return codec.encode(
        "prices",
        {
            "stream_seq": seq,
            "business_date": 20260803,
            "kind": "end_of_day",
            "number": 1,
            "effective_date": 20260803,
            "prices": [{"contract": _contract(number), **price} for number in range(contracts)],
            "control_id": "P1",
        },
    )


def _contract(number: int) -> str:
    return f"H100-{number:03d}"


def _zigzag(number: int) -> bytes:
    """Return an Avro long that is not negative."""
    number, out = number << 1, bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
