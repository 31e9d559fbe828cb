"""The product documents that travel with the package, and the names that they are asked for by."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Final

from settlement.domain.products.product import Document, Product

PRODUCTS: Final = ("gpu-hour-cme", "gpu-hour-ice", "ai-token-shanghai", "ai-token-blend")


@cache
def product(name: str) -> Product:
    """Return a shipped product; `name` is one of PRODUCTS."""
    text = (files("settlement.domain") / "products" / f"{name}.toml").read_text(encoding="utf-8")
    return Product.of(tomllib.loads(text, parse_float=str))


def shipped_terms() -> dict[str, Callable[[str | None], Document]]:
    """Return the terms documents by name, each a function of the month, or of None for terms of no month.

    A product's name gives its first underlying; where it has several, `gpu-hour-cme-h200` names one. What is returned
    is not checked yet: `terms: NAME` in a scenario may still override keys.
    """
    found: dict[str, Callable[[str | None], Document]] = {}
    for name in PRODUCTS:
        one = product(name)
        found[name] = partial(one.unbound, None)
        if len(one.underlyings) > 1:
            found |= {f"{name}-{each.lower()}": partial(one.unbound, each) for each in one.underlyings}
    return found
