"""The keys of an index series in a scenario: its methodology, as the document that the index fold takes."""

from __future__ import annotations

from typing import Any

from settlement.domain.contract import TermsError
from settlement.domain.methodology import Methodology
from settlement.scenario import readers
from settlement.scenario.errors import Fault
from settlement.scenario.forms import Key, read_keys, table
from settlement.scenario.terms import broken_rule
from settlement.scenario.tree import Mapping as Keys
from settlement.scenario.tree import Node, Text, describe


def _trimmed_mean(node: Node) -> dict[str, Any]:
    return read_keys(node, {"trim": Key(readers.share, required=True)}, "`trimmed-mean`")


def _across(node: Node) -> str | dict[str, Any]:
    if isinstance(node, Keys):
        return read_keys(node, {"trimmed-mean": Key(_trimmed_mean, required=True)}, "`across_providers`")
    return readers.choice("median", "mean", "volume-weighted-median", "{trimmed-mean: {trim: 0.10}}")(node)


def _partitions(node: Node) -> dict[str, Any]:
    needed = {"hours": Key(readers.positive, required=True), "count": Key(readers.count, required=True)}
    return read_keys(node, {**needed, "min_partitions": Key(readers.count)}, "`partitions`")


def _pool(node: Node) -> dict[str, Any]:
    keys = {"days": Key(readers.count, required=True), "min_observations": Key(readers.count)}
    return read_keys(node, {**keys, "confident_days": Key(readers.count)}, "`pool`")


def _restatement(node: Node) -> dict[str, Any]:
    return read_keys(node, {"above": Key(readers.share, required=True)}, "`restatement`")


def _deviation(node: Node) -> dict[str, Any]:
    keys = {"exclude": Key(readers.not_negative, required=True), "readmit": Key(readers.not_negative, required=True)}
    return read_keys(node, keys, "`deviation`")


def _trimmed_stdev(node: Node) -> dict[str, Any]:
    keys = {"trim": Key(readers.share, required=True), "stdev": Key(readers.not_negative, required=True)}
    return read_keys(node, keys, "`trimmed-stdev`")


def _outliers(node: Node) -> dict[str, Any]:
    read = table({"deviation": _deviation, "trimmed-stdev": _trimmed_stdev}, "`outliers`")(node)
    if len(read) != 1:
        raise Fault.at(
            node.line, "`deviation` or `trimmed-stdev` in `outliers`", describe(node) if not read else "both"
        )
    return read


def _fallback(node: Node) -> str | dict[str, Any]:
    if isinstance(node, Text):
        return readers.choice("stop", "{relax: 48}", "{carry: 3}")(node)
    read = table({"relax": readers.positive, "carry": readers.count}, "`fallback`")(node)
    if len(read) != 1:
        raise Fault.at(node.line, "one of `relax: 48`, `carry: 3` or `stop` in each item of `fallback`", describe(node))
    return read


_METHODOLOGY = table(
    {
        "value_per_provider": readers.choice("last", "median", "volume-weighted-median", "each"),
        "across_providers": _across,
        "outliers": readers.or_null(_outliers),
        "max_age_hours": readers.positive,
        "min_providers": readers.count,
        "min_observations": readers.count,
        "precision": readers.precision,
        "fallback": readers.items(_fallback, "`relax: 48`, `carry: 3` or `stop`"),
        "pool": _pool,
        "partitions": _partitions,
        "blend": readers.by_name(readers.share, "component: share", least=1),
        "restatement": _restatement,
    },
    "a series",
)


def read_methodology(node: Node) -> dict[str, Any]:
    """Return a series' methodology document.

    Raises:
        Fault: of every key that is unknown or of the wrong form, or else of the first rule that the methodology breaks.
    """
    document = _METHODOLOGY(node)
    try:
        Methodology.of(document)
    except TermsError as error:
        key = error.key.removeprefix("methodology.")
        raise broken_rule(node, TermsError(key, error.expected, error.was)) from error
    return document
