"""The rolling hash of a partition: one hash after each record, over everything before it too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

GENESIS: Final = bytes(hashlib.sha256().digest_size)
_SIZE: Final = len(GENESIS)


class Chain:
    """hash(i) = SHA-256(hash(i - 1) || value of stream_seq i), from 32 zero bytes before the first record.

    All of them are kept (32 bytes a record): a twin is compared without its original, and a ledger's mark is checked
    wherever it lies.
    """

    def __init__(self) -> None:
        """Begin before the first record."""
        self._hashes = bytearray(GENESIS)

    def __len__(self) -> int:
        """Return how many records it covers."""
        return len(self._hashes) // _SIZE - 1

    def extend(self, values: Iterable[bytes]) -> None:
        """Add the next records."""
        last = self.at(len(self) - 1)
        for value in values:
            last = hashlib.sha256(last + value).digest()
            self._hashes += last

    def at(self, stream_seq: int) -> bytes:
        """Return the hash after a record; before the first one it is 32 zero bytes."""
        start = (stream_seq + 1) * _SIZE
        return bytes(self._hashes[start : start + _SIZE])

    def holds(self, stream_seq: int, value: bytes) -> bool:
        """Whether that record's value was the one added there."""
        return hashlib.sha256(self.at(stream_seq - 1) + value).digest() == self.at(stream_seq)
