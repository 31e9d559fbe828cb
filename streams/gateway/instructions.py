"""Values of `controls` as instructions: an advance of a feed, a control for the fold, or bytes that are neither."""

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from settlement.domain.document import canonical
from settlement.wire import codec
from streams.gateway.feed_fields import loads

FEED_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
CONTROLS_FEED: Final = "controls"
"""The name that rejections of controls stand under; no feed can be called so."""

_SEQ_MAX: Final = 10**18


@dataclass(frozen=True, slots=True)
class Advance:
    """Releases the records of a feed up to and with number `last`, from `first` where the feed is new."""

    control: dict[str, Any]
    feed: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """Any other control, its payload as a mapping."""

    control: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are no control. control_id: as far as it could be read."""

    message: str
    control_id: str = ""
    kind: str = ""


Read: TypeAlias = Advance | Instruction | Malformed


def read_control(value: bytes) -> Read:
    """Return what a value of `controls` asks for; never raises for what somebody wrote."""
    try:
        name, record = codec.decode(value)
    except codec.WireError as error:
        return Malformed(str(error))
    if name != "control":
        return Malformed(f"Expected a record control, was {name}.")
    control_id, kind = str(record["control_id"]), str(record["kind"])
    if not control_id:
        return Malformed("control_id: Expected a text, was ''. Give the control an identity of its own.", "", kind)
    try:
        payload = loads(record["payload"])
        if not isinstance(payload, dict):
            return Malformed(f"payload: Expected a JSON object, was {record['payload'][:60]!r}.", control_id, kind)
        canonical(payload).encode()  # a lone surrogate is no Unicode, and no name of anything
    except ValueError as error:
        return Malformed(f"payload: Expected JSON in valid Unicode, was not: {error}.", control_id, kind)
    control = {**record, "payload": payload}
    return _advance(control, payload) if kind == "advance" else Instruction(control)


def _advance(control: dict[str, Any], payload: dict[str, Any]) -> Advance | Malformed:
    feed, first, last = payload.get("feed"), payload.get("from"), payload.get("to")
    if not isinstance(feed, str) or not FEED_NAME.fullmatch(feed) or feed == CONTROLS_FEED:
        return Malformed(f"feed: Expected the name of a feed, was {feed!r}.", control["control_id"], "advance")
    if not _is_seq(first) or not _is_seq(last):
        message = f"from, to: Expected whole numbers from 0 to {_SEQ_MAX - 1}, was {first!r} and {last!r}."
        return Malformed(message, control["control_id"], "advance")
    return Advance(control, feed, int(str(first)), int(str(last)))


def _is_seq(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _SEQ_MAX
