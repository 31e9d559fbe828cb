"""Kafka's default partitioner (murmur2 of the key), so that every client agrees on the place of a key."""

from __future__ import annotations

from functools import lru_cache

_SEED, _MULTIPLIER, _SHIFT, _MASK = 0x9747B28C, 0x5BD1E995, 24, 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Return the 32-bit murmur2 hash as org.apache.kafka.common.utils.Utils computes it, unsigned."""
    length = len(key)
    hashed = (_SEED ^ length) & _MASK
    whole = length & ~3
    for at in range(0, whole, 4):
        word = (int.from_bytes(key[at : at + 4], "little") * _MULTIPLIER) & _MASK
        word = ((word ^ (word >> _SHIFT)) * _MULTIPLIER) & _MASK
        hashed = ((hashed * _MULTIPLIER) & _MASK) ^ word
    if whole < length:
        hashed = ((hashed ^ int.from_bytes(key[whole:], "little")) * _MULTIPLIER) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _MULTIPLIER) & _MASK
    return hashed ^ (hashed >> 15)


@lru_cache(maxsize=1 << 16)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key among `partitions`, as the Java client and `murmur2_random` choose it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
