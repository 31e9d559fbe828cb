"""Which errors a person can mend: they are told in one sentence; every other one is a bug and keeps its traceback."""

from __future__ import annotations


def told(error: Exception) -> str | None:
    """Return what to tell of an error; None when it is a bug."""
    import psycopg
    from confluent_kafka import KafkaException

    from infra.local.errors import LocalError
    from settlement.cli.refusals import CommandError
    from settlement.config import SettingsError
    from settlement.domain.contract import TermsError
    from settlement.domain.dates import DateTextError
    from settlement.domain.money import DecimalTextError
    from settlement.ledger.errors import LedgerError
    from settlement.replay.folder import FolderError
    from streams.gateway.feeds import FeedBroken, FeedBusy, NotAFeedFile, SpoolError
    from streams.topics import TopicsError

    plain = (
        LocalError,
        CommandError,
        SettingsError,
        TermsError,
        DateTextError,
        DecimalTextError,
        LedgerError,
        FolderError,
        FeedBroken,
        FeedBusy,
        NotAFeedFile,
        SpoolError,
        TopicsError,
    )
    if isinstance(error, plain):
        return str(error)
    if isinstance(error, psycopg.OperationalError):
        return (
            f"Expected the ledger's database to answer, was: {str(error).strip()}. Is the platform running "
            "(novate status)?"
        )
    if isinstance(error, KafkaException):
        return f"Expected the broker to answer, was: {error.args[0]}. Is the platform running (novate status)?"
    if isinstance(error, OSError):
        return f"Expected to use {error.filename or 'a file'}, was: {error.strerror or error}."
    return None
