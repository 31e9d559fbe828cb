"""Prices by hand beside what the tiers gave, and what the difference pays by member (rule DSP-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from settlement.cli.operate_what_if import CASH, cash_rows, fold_now
from settlement.cli.output import console, print_json, print_rows, say
from settlement.cli.refusals import CommandError
from settlement.domain.dates import format_date
from settlement.domain.money import NANO, parse_decimal
from settlement.folds.gateway.effect import override_effect
from settlement.folds.gateway.overrides import OVERRIDE, WOULD_HAVE_BEEN

if TYPE_CHECKING:
    from settlement.cli.operate_tiers import Market

GIVEN: Final = "given"
OVERRIDES: Final = ("contract", "price", "tiers_price", "tier")
Json = dict[str, Any]


def listed(given: dict[str, str], market: Market | None) -> dict[str, Json]:
    """Return prices by hand as the control `prices` writes them; market: None where the tiers were not asked.

    A market that has not answered whole was not asked: the curve needs the contracts of the other partitions.
    """
    if market is None or market.missing:
        return {contract: {"price": text, "tier": GIVEN} for contract, text in given.items()}
    chosen = market.chosen()
    return {contract: _beside(text, chosen.get(contract)) for contract, text in given.items()}


def _beside(text: str, tiers: dict[str, str] | None) -> Json:
    if tiers is None:
        return {"price": text, "tier": GIVEN, WOULD_HAVE_BEEN: None}
    if _nano(text) == _nano(tiers["price"]):
        return dict(tiers)
    return {"price": text, "tier": OVERRIDE, WOULD_HAVE_BEEN: tiers}


def show_override(day: int, given: dict[str, str], *, as_json: bool) -> None:
    """Print what the prices by hand pay more or less than the tiers' would, by member; nothing is sent."""
    from settlement import config
    from settlement.cli.composition import endpoints_of
    from settlement.cli.operate_log import ControlBook
    from settlement.cli.operate_tiers import Market

    settings, date = config.load(), format_date(day)
    with endpoints_of(settings, say) as endpoints:
        book = ControlBook.read(endpoints.kafka)
        if day not in book.cut:
            raise CommandError(f"Expected a date that is cut and not settled, was {date}. See novate day.")
        market = Market.await_answers(endpoints.kafka, day, book)
        if market.missing:
            raise CommandError(f"Expected all of the market to answer {date}, was none of partitions {market.missing}.")
        prices = {name: one for name, one in listed(given, market).items() if one["tier"] == OVERRIDE}
        fold = fold_now(endpoints, settings.partitions)
    pairs = {name: (_nano(one["price"]), _nano(one[WOULD_HAVE_BEEN]["price"])) for name, one in prices.items()}
    cash = cash_rows(override_effect(fold, day, pairs))
    rows = [
        {"contract": name, "price": one["price"], "tiers_price": one[WOULD_HAVE_BEEN]["price"],
         "tier": one[WOULD_HAVE_BEEN]["tier"]}
        for name, one in sorted(prices.items())
    ]  # fmt: skip
    if as_json:
        print_json({"date": date, "overrides": rows, "cash": cash})
        return
    print_rows(rows, OVERRIDES, title=f"What if: prices by hand of {date} instead of the tiers'")
    print_rows(cash, CASH, title="Cash effect: + receives, - pays, more than at the tiers' prices")
    console().print("Nothing was sent. An override needs --by, --approved-by and --reason.", markup=False)


def _nano(text: str) -> int:
    return parse_decimal(text, NANO)
