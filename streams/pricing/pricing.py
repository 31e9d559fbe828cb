"""The pricing process: reads the market's answers to the cuts and appends the proposals to `controls`.

It keeps nothing: after a start it reads `market` from the beginning, and what was proposed before is known by its id.
Twice proposed is harmless, since the first control with an id counts.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from settlement.domain.dates import format_date
from settlement.domain.rejection import Code
from settlement.wire import codec
from streams.exits import Exits
from streams.gateway.controls import CONTROLS, Controls, NoOutcomeError, Rejected
from streams.gateway.instructions import Instruction, read_control
from streams.gateway.patience import TRANSIENT, patiently
from streams.gateway.pulse import Heart
from streams.log import QUIET
from streams.pricing.answers import Answers, proposal_id
from streams.topics import ensure

MARKET: Final = "market"
RECORDS_A_POLL: Final = 5_000
POLL_SECONDS: Final = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a pricing process is told.

    data: the platform's folder.  prefix: stands before the name of every topic.
    """

    bootstrap: str
    partitions: int
    data: Path
    name: str
    prefix: str = ""


class Pricing:
    """One pricing process; a second one proposes the same."""

    def __init__(self, options: Options, exits: Exits) -> None:
        self._options, self._exits = options, exits
        self._state: dict[str, Any] = {}
        run = options.data / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._heart = Heart(run / f"{options.name}.heartbeat", lambda: self._state)
        patiently(lambda: ensure(options.bootstrap, options.partitions, prefix=options.prefix), tick=self._heart.tick)
        self._answers = Answers(options.partitions)
        self._controls = Controls(options.bootstrap, options.prefix)
        self._consumer = _consumer(options)
        self._at_end: set[tuple[str, int]] = set()
        self._listings: list[tuple[int, dict[str, Any]]] = []
        self._cursors: dict[tuple[str, int], int] = {}
        self._proposed = 0
        self._newest: tuple[int, str] | None = None
        self._refusal = ""

    def run(self) -> NoReturn:
        """Work until the process is ended."""
        while True:
            for message in self._consumer.consume(RECORDS_A_POLL, POLL_SECONDS):
                self._take(message)
            try:
                if (CONTROLS, 0) in self._at_end:
                    self._propose()
                self._show()
            except NoOutcomeError as error:  # a broker that is away is asked again
                log.warning("%s", error)

    def _take(self, message: Message) -> None:
        topic, partition = (message.topic() or "")[len(self._options.prefix) :], message.partition() or 0
        error, offset, value = message.error(), message.offset() or 0, message.value() or b""
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                self._at_end.add((topic, partition))
                self._cursors[topic, partition] = offset
            elif not error.retriable() and error.code() not in TRANSIENT:
                self._exits.die(
                    f"{topic}-{partition}@{offset}", f"Expected a record, was the consumer's error {error}."
                )
            return
        self._at_end.discard((topic, partition))
        self._cursors[topic, partition] = offset + 1
        if topic == CONTROLS:
            read = read_control(value)
            if isinstance(read, Instruction) and read.control["kind"] == "listing":
                self._listings.append((offset, read.control["payload"]))
            return
        try:
            if codec.name_of(value).startswith("tier_prices."):
                self._answers.take(codec.decode(value)[1])
        except codec.WireError as broken:
            self._exits.die(f"{topic}-{partition}@{offset}", str(broken))

    def _propose(self) -> None:
        for date in list(self._answers.complete()):
            self._list_accepted()
            control_id = proposal_id(date)
            if self._controls.known(control_id) is None:
                self._proposed += 1
                payload = self._answers.proposal(date)
                self._controls.append("prices", payload, control_id=control_id, requested_by=self._options.name)
                log.info("Proposed %s of %d contracts", control_id, len(payload["prices"]))
            self._answers.done(date)
            if self._newest is None or date > self._newest[0]:
                self._newest, self._refusal = (date, control_id), ""

    def _list_accepted(self) -> None:
        """Take the terms that the gateway accepted, up to the end of the controls."""
        waiting = []
        for offset, terms in self._listings:
            outcome = self._controls.answered(offset)
            if outcome is None:
                waiting.append((offset, terms))
            elif not isinstance(outcome, Rejected):
                self._answers.list_terms(terms)
        self._listings = waiting

    def _show(self) -> None:
        self._heart.tick()
        if self._newest is not None and not self._refusal:
            date, control_id = self._newest
            outcome = self._controls.known(control_id)
            if isinstance(outcome, Rejected) and outcome.code != Code.ALREADY_SETTLED:  # by hand, before us
                self._refusal = (
                    f"prices of {format_date(date)} by hand (novate price): the proposal was refused, {outcome.code}: "
                    f"{outcome.message}"
                )
                log.error("ALARM: waiting for %s", self._refusal)
            elif outcome is not None:
                self._newest = None
        self._state = {
            "cursors": {f"{topic}-{p}": self._place(topic, p, at) for (topic, p), at in self._cursors.items()},
            "proposed": self._proposed,
            "waiting_for": self._refusal,
            "unanswered": {format_date(date): partitions for date, partitions in self._answers.waiting().items()},
        }

    def _place(self, topic: str, partition: int, cursor: int) -> dict[str, int]:
        at = TopicPartition(self._options.prefix + topic, partition)
        _, heard = self._consumer.get_watermark_offsets(at, cached=True)
        return {"cursor": cursor, "end": max(cursor, heard)}


def _consumer(options: Options) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": options.name,  # required, never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # whatever is read again changes nothing
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 10,
            **QUIET,
        }
    )
    topics = [(MARKET, partition) for partition in range(options.partitions)] + [(CONTROLS, 0)]
    consumer.assign([TopicPartition(options.prefix + topic, partition, 0) for topic, partition in topics])
    return consumer
