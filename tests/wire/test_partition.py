"""Keys go to the partitions that Kafka's own clients choose."""

import pytest

from settlement.wire.partition import murmur2


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, hashed: int) -> None:
    """The hash equals the reference values of Kafka's own tests of its client."""
    assert murmur2(key) == hashed & 0xFFFFFFFF
