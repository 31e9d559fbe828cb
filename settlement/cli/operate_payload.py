"""Reads what operators write on a command line into the fields of a control."""

from __future__ import annotations

from collections.abc import Sequence

from settlement.cli.refusals import CommandError


def lots_by_account(words: Sequence[str]) -> dict[str, str]:
    """Return the lots of each account of words like `A=10`.

    Raises:
        CommandError: a word is not of that form, or an account stands there twice.
    """
    lots: dict[str, str] = {}
    for word in words:
        account, equals, count = word.rpartition("=")
        if not equals or not account or not count.isdecimal():
            raise CommandError(f"Expected an account and its lots like A=10, was {word!r}.")
        if account in lots:
            raise CommandError(f"Expected each account once, was {account} twice. Add its lots up.")
        lots[account] = count
    return lots
