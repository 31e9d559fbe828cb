"""What counts in a fixing: each provider's value, or each observation's, with the weight that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from settlement.domain.averages import median, weighted_median
from settlement.domain.exclusions import Exclusion, Observation, Reason, exclusion
from settlement.domain.methodology import Methodology, ValuePerProvider
from settlement.domain.methodology_parts import Blend


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: weight_nano is the quantity behind it, in 1e-9; observations, how many made it."""

    provider: str
    value: Fraction
    weight_nano: int
    observations: int


def provider_values(methodology: Methodology, kept: Sequence[Observation]) -> tuple[list[Value], list[Exclusion]]:
    """Return what counts of observations that are fresh and near enough, and what does not with its reason.

    Nothing that must be weighted by quantity counts without one.
    """
    if methodology.value_per_provider is ValuePerProvider.EACH:
        return _with_volume(methodology, [_single(one) for one in kept])
    by_provider: dict[str, list[Observation]] = {}
    for one in kept:
        by_provider.setdefault(one.provider, []).append(one)
    values: dict[str, Value] = {}
    excluded: list[Exclusion] = []
    for provider, theirs in by_provider.items():
        value = _provider_value(methodology.value_per_provider, theirs)
        if value is None:
            price_nano = theirs[-1].price_nano
            excluded.append(Exclusion(provider=provider, reason=Reason.NO_VOLUME, price_nano=price_nano))
        else:
            weight_nano = sum(max(one.quantity_nano, 0) for one in theirs)
            values[provider] = Value(provider=provider, value=value, weight_nano=weight_nano, observations=len(theirs))
    found = list(values.values())
    if methodology.blend is not None:
        found, incomplete = _blended(methodology.blend, values)
        excluded += incomplete
    found, without_volume = _with_volume(methodology, found)
    return found, excluded + without_volume


def _single(one: Observation) -> Value:
    weight_nano = max(one.quantity_nano, 0)
    return Value(provider=one.provider, value=Fraction(one.price_nano), weight_nano=weight_nano, observations=1)


def _with_volume(methodology: Methodology, values: list[Value]) -> tuple[list[Value], list[Exclusion]]:
    if methodology.across_providers != "volume-weighted-median":
        return values, []
    empty = [exclusion(one.provider, Reason.NO_VOLUME, one.value) for one in values if not one.weight_nano]
    return [one for one in values if one.weight_nano], empty


def _provider_value(rule: ValuePerProvider, theirs: Sequence[Observation]) -> Fraction | None:
    if rule is ValuePerProvider.LAST:
        latest = max(one.at_us for one in theirs)
        return Fraction([one.price_nano for one in theirs if one.at_us == latest][-1])
    if rule is ValuePerProvider.MEDIAN:
        return median([Fraction(one.price_nano) for one in theirs])
    return weighted_median([(Fraction(one.price_nano), max(one.quantity_nano, 0)) for one in theirs])


def _blended(blend: Blend, values: Mapping[str, Value]) -> tuple[list[Value], list[Exclusion]]:
    """Return the blends of the providers that have every component; values come by `provider/component`."""
    by_provider: dict[str, dict[str, Value]] = {}
    excluded: list[Exclusion] = []
    for name, value in values.items():
        provider, _, component = name.rpartition("/")
        if provider and component in blend.weights:
            by_provider.setdefault(provider, {})[component] = value
        else:
            excluded.append(exclusion(name, Reason.INCOMPLETE, value.value))
    blended: list[Value] = []
    for provider, parts in by_provider.items():
        if parts.keys() == blend.weights.keys():
            blended.append(_blend(provider, blend, parts))
        else:
            excluded += [exclusion(one.provider, Reason.INCOMPLETE, one.value) for one in parts.values()]
    return blended, excluded


def _blend(provider: str, blend: Blend, parts: Mapping[str, Value]) -> Value:
    return Value(
        provider=provider,
        value=sum((weight * parts[name].value for name, weight in blend.weights.items()), Fraction()),
        weight_nano=sum(part.weight_nano for part in parts.values()),
        observations=sum(part.observations for part in parts.values()),
    )
