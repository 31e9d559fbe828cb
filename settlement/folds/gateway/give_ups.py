"""Give-up and allocation: agreed at once, or requested and answered by each taking member (rules GUP-1, GUP-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from settlement.domain.rejection import Code, Refused
from settlement.folds.gateway import checks, claims, fields
from settlement.folds.gateway.corrections import book, reversal
from settlement.folds.gateway.state import Claim, Part, Standing, Trade
from settlement.folds.gateway.writing import Leg, Writer

if TYPE_CHECKING:
    from settlement.domain.contract import Contract

Move = tuple[Standing, str, int]


def give_up(writer: Writer, payload: fields.Payload) -> None:
    """Move lots of a trade from the executing to the carrying accounts, at the price that stands (rule GUP-1)."""
    trade_id, trade, contract, asked = _asked(writer, payload)
    _hand_over(writer, trade_id, trade, contract, asked.side, asked.parts)


def request(writer: Writer, payload: fields.Payload) -> None:
    """Ask the carrying accounts to take lots of a trade; until they answer, the lots stay with the giver (GUP-2)."""
    *_, asked = _asked(writer, payload)
    if not asked.parts:
        raise fields.malformed("to", "lots by account, for one account or more", payload.get("to"))
    writer.state.claims[writer.control_id] = asked
    for taker in asked.parts:
        claims.tell(writer, writer.control_id, asked, taker, claims.PENDING)


def accept(writer: Writer, payload: fields.Payload) -> None:
    """Take the lots that an account was asked to take, at the price that stands now (rules GUP-1, GUP-2)."""
    claim_id, account = fields.text(payload, "claim"), checks.account(writer, fields.text(payload, "account"))
    claim, part = claims.part_of(writer, claim_id, account)
    trade, contract = checks.correctable(writer, claim.trade)
    _hand_over(writer, claim.trade, trade, contract, claim.side, {account: part})
    claims.end(writer, claim_id, [account], claims.ACCEPTED)


def refuse(writer: Writer, payload: fields.Payload) -> None:
    """Leave the lots that an account was asked to take with the giver, for a reason (rule GUP-2)."""
    claim_id, account = fields.text(payload, "claim"), checks.account(writer, fields.text(payload, "account"))
    fields.text(payload, "reason")
    claims.part_of(writer, claim_id, account)
    claims.end(writer, claim_id, [account], claims.REFUSED)


def withdraw(writer: Writer, payload: fields.Payload) -> None:
    """Take back all that is pending of a request (rule GUP-2)."""
    claim_id = fields.text(payload, "claim")
    claims.end(writer, claim_id, list(claims.pending(writer, claim_id).parts), claims.WITHDRAWN)


def _asked(writer: Writer, payload: fields.Payload) -> tuple[str, Trade, Contract, Claim]:
    """Return what a give-up asks for: lots that stand with the giver, neither given up yet nor pending; or refuse."""
    trade_id, side = fields.text(payload, "trade"), fields.text(payload, "side").upper()
    parts = {
        checks.account(writer, name): Part(fields.lots(lots, f"to.{name}"), _effect(payload, name))
        for name, lots in fields.mapping(payload, "to").items()
    }
    trade, contract = checks.correctable(writer, trade_id)
    given = _given(trade, side)
    total = sum(part.lots for part in parts.values())
    available = sum(stands.lots for stands in given) - claims.pending_lots(writer, trade_id, side)
    if total > available:
        code = Code.NOT_HELD if available else Code.ALREADY_MOVED
        raise Refused(
            code,
            f"Expected at most {available} {side} lots of {trade_id} that were neither given up yet nor are pending, "
            f"was {total}.",
        )
    return trade_id, trade, contract, Claim(trade_id, side, given[0].account if given else "", parts)


def _effect(payload: fields.Payload, taker: str) -> str:
    """Return whether a taker opens or closes: one word for all takers, or one for each."""
    told = payload.get("open_close") or "open"
    word = told.get(taker, "open") if isinstance(told, dict) else told
    if str(word).upper() not in {"OPEN", "CLOSE"}:
        raise fields.malformed("open_close", "open or close, for all takers or by taker", told)
    return str(word).upper()


def _given(trade: Trade, side: str) -> list[Standing]:
    return [stands for stands in trade.standing if stands.side == side and not stands.given_up]


def _hand_over(
    writer: Writer, trade_id: str, trade: Trade, contract: Contract, side: str, parts: dict[str, Part]
) -> None:
    """Write a minus at the executing account and a plus at each carrying one; the fee moves along."""
    moves = _moves(_given(trade, side), parts)
    back = [reversal("give_up", stands, lots) for stands, _, lots in moves]
    anew = [
        Leg(
            kind="give_up",
            account=taker,
            side=side,
            effect=parts[taker].effect,
            lots=lots,
            price_nano=stands.price_nano,
            value_minor=stands.value_minor,
            fee_minor=-stands.fee_minor * lots,
            corrects=stands.fill_id,
        )
        for stands, taker, lots in moves
    ]
    fill_ids = book(writer, trade_id, trade, contract, back + anew)[len(back) :]
    for (stands, _, lots), leg, fill_id in zip(moves, anew, fill_ids, strict=True):
        stands.lots -= lots
        taken = {"fill_id": fill_id, "account": leg.account, "effect": leg.effect, "lots": lots, "given_up": True}
        trade.standing.append(replace(stands, **taken))
    trade.standing = [stands for stands in trade.standing if stands.lots]


def _moves(given: list[Standing], parts: dict[str, Part]) -> list[Move]:
    """Return (from, taker, lots): the takers served in their order out of what stands, in its order."""
    moves, left = [], {id(stands): stands.lots for stands in given}
    for taker, part in parts.items():
        missing = part.lots
        for stands in given:
            lots = min(missing, left[id(stands)])
            if lots:
                moves.append((stands, taker, lots))
                left[id(stands)] -= lots
                missing -= lots
    return moves
