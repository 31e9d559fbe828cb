"""The record of released schemas: `python -m tests.wire.release` appends new ones to released.json and changes none."""

import hashlib
import json
from pathlib import Path

from settlement.wire import registry

FILE = Path(__file__).with_name("released.json")
Entries = dict[int, list[str]]


def released() -> Entries:
    """Return what was released: by id, the versioned name and the SHA-256 of the schema."""
    return {int(number): entry for number, entry in json.loads(FILE.read_text()).items()} if FILE.exists() else {}


def current() -> Entries:
    """Return the same of the schemas as they are."""
    return {number: [name, _sha256(name)] for number, name in registry.ids().items()}


def _sha256(versioned: str) -> str:
    return hashlib.sha256(json.dumps(registry.schema(versioned), sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    FILE.write_text(json.dumps({**current(), **released()}, indent=1) + "\n")
