"""Bad records on purpose: what a gateway must reject, one by one, while the feed goes on.

They stand between the good records and change none of them. The readable ones are matched trades to the exchange and
count in the session's control totals, so that totals = accepted + rejected; bytes that do not decode are in no total.
"""

from collections.abc import Sequence
from random import Random

from infra.exchange.listing import Contract, account_name
from infra.exchange.tape import Tape

KINDS = ("off_tick", "unknown_account", "zero_lots", "undecodable")


class Mischief:
    """Chooses after which of a session's actions bad records stand, and writes them."""

    def __init__(self, seed: int, date: str, contracts: Sequence[Contract], count: int, actions: int) -> None:
        self._rng = Random(f"{seed}/{date}/mischief")
        self._contracts = contracts
        places = sorted(self._rng.sample(range(actions), min(count, actions)))
        self._due = {place: KINDS[number % len(KINDS)] for number, place in enumerate(places)}

    def due(self, action: int) -> str | None:
        """Return the kind of bad record that follows an action, or None."""
        return self._due.get(action)

    def put(self, kind: str, tape: Tape, at: str) -> None:
        """Write one bad record."""
        if kind == "undecodable":
            tape.undecodable(b'\xff\xfe\x00{"type":"trade"')
            return
        contract = self._rng.choice(self._contracts)
        gross = contract.product.gross
        price = contract.product.price(1_000)
        tape.trade(
            contract.name,
            "M99-H" if kind == "unknown_account" else account_name("M07", client=False, gross=gross),
            account_name("M08", client=True, gross=gross),
            0 if kind == "zero_lots" else 1,
            f"{price}5" if kind == "off_tick" else price,
            at,
            trade_id=f"X-{tape.date}-{tape.next_source_seq}",
        )
