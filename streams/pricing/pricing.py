"""The pricing process: proposes settlement prices, of the market's answers to the cuts and of the index fixings.

It keeps nothing: after a start it reads its topics from the beginning, and what was proposed before is known by its id.
Twice proposed is harmless, since the first control with an id counts. When to propose follows from the log, never from
a clock: daily prices from the answers to a cut, final ones from the date that is open and the fixings asked for before.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from settlement.domain.dates import format_date, parse_date
from settlement.domain.final_settlement import FinalState
from settlement.domain.rejection import Code
from settlement.folds.finals import Expiry, Finals
from settlement.folds.gateway.checks import PRICING
from settlement.wire import codec
from streams.exits import Exits
from streams.gateway.controls import CONTROLS, Controls, NoOutcomeError, Rejected
from streams.gateway.outcomes import OUTCOMES
from streams.gateway.patience import TRANSIENT, patiently
from streams.gateway.pulse import Heart
from streams.log import QUIET
from streams.pricing.answers import Answers, proposal_id
from streams.pricing.heard import Heard
from streams.topics import ensure

MARKET: Final = "market"
FIXINGS: Final = "index-fixings"
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
        self._answers, self._heard, self._finals = Answers(options.partitions), Heard(), Finals()
        self._controls = Controls(options.bootstrap, options.prefix)
        self._consumer = _consumer(options)
        self._at_end: set[tuple[str, int]] = set()
        self._cursors: dict[tuple[str, int], int] = {}
        self._proposed = 0
        self._is_news, self._expiries = False, list[Expiry]()
        self._newest: tuple[int, str] | None = None
        self._refusal = ""

    def run(self) -> NoReturn:
        """Work until the process is ended."""
        while True:
            for message in self._consumer.consume(RECORDS_A_POLL, POLL_SECONDS):
                self._take(message)
            try:
                self._take_answered()
                if (CONTROLS, 0) in self._at_end and not self._heard.waits:
                    self._propose()
                    self._propose_finals()
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
        try:
            self._read(topic, offset, value)
        except codec.WireError as broken:
            self._exits.die(f"{topic}-{partition}@{offset}", str(broken))

    def _read(self, topic: str, offset: int, value: bytes) -> None:
        if topic == CONTROLS:
            self._heard.control(offset, value)
        elif topic == OUTCOMES:
            self._heard.outcome(codec.decode(value)[1])
        elif topic == FIXINGS:
            self._finals.fixing(codec.decode(value)[1])
            self._is_news = True
        elif codec.name_of(value).startswith("tier_prices."):
            self._answers.take(codec.decode(value)[1])

    def _take_answered(self) -> None:
        for seq, control, outcome in self._heard.answered():
            self._finals.take(seq, control, control["payload"], outcome)
            self._is_news = True
            if outcome["accepted"]:
                self._take_accepted(control["kind"], control["payload"])

    def _take_accepted(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "cut":
            self._answers.cut(payload)
        elif kind == "prices" and payload["kind"] == "end_of_day":
            self._answers.done(parse_date(payload["date"]))

    def _propose(self) -> None:
        for date in list(self._answers.complete()):
            control_id = proposal_id(date)
            if self._controls.known(control_id) is None:
                self._proposed += 1
                payload = self._answers.proposal(date, self._finals.terms)
                self._controls.append("prices", payload, control_id=control_id, requested_by=PRICING)
                log.info("Proposed %s of %d contracts", control_id, len(payload["prices"]))
            self._answers.done(date)
            if self._newest is None or date > self._newest[0]:
                self._newest, self._refusal = (date, control_id), ""

    def _propose_finals(self) -> None:
        if not self._is_news:
            return
        self._is_news, self._expiries = False, list(self._finals.expiries())
        for expiry in self._expiries:
            if expiry.due is None:
                continue
            due = expiry.due
            self._proposed += 1
            offset = self._controls.append("final", due.payload, control_id=due.control_id, requested_by=PRICING)
            self._heard.sent(offset)
            log.info("Proposed %s at %s", due.control_id, due.payload["price"])

    def _show(self) -> None:
        self._heart.tick()
        if self._newest is not None and self._newest[0] in self._finals.priced:  # ours, or by hand after ours
            self._newest, self._refusal = None, ""
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
        held = [
            f"prices of {format_date(date)} by hand, as its cut asks (novate price)"
            for date in sorted(self._answers.held)
        ]
        self._state = {
            "cursors": {f"{topic}-{p}": self._place(topic, p, at) for (topic, p), at in self._cursors.items()},
            "proposed": self._proposed,
            "waiting_for": "; ".join(filter(None, [self._refusal, *held, *map(_waits_for, self._expiries)])),
            "finals": {expiry.contract: expiry.state.value for expiry in self._expiries},
            "unanswered": {format_date(date): partitions for date, partitions in self._answers.waiting().items()},
        }

    def _place(self, topic: str, partition: int, cursor: int) -> dict[str, int]:
        at = TopicPartition(self._options.prefix + topic, partition)
        _, heard = self._consumer.get_watermark_offsets(at, cached=True)
        return {"cursor": cursor, "end": max(cursor, heard)}


def _waits_for(expiry: Expiry) -> str:
    """Return what a contract's price waits for, once its last trading day is over; empty when nothing lacks."""
    awaited = expiry.state is FinalState.AWAITING and expiry.due is None
    return f"{expiry.contract}: {expiry.waits_for}" if awaited else ""


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
    topics = [(MARKET, partition) for partition in range(options.partitions)]
    topics += [(CONTROLS, 0), (OUTCOMES, 0), (FIXINGS, 0)]
    consumer.assign([TopicPartition(options.prefix + topic, partition, 0) for topic, partition in topics])
    return consumer
