"""`novate replay`: the audit, of the platform's own log or of a copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.local.process import Endpoints
from settlement.cli.composition import endpoints_of
from settlement.cli.offline import AsJson
from settlement.cli.output import console, print_json, say
from settlement.replay.report import Report


def audit(endpoints: Endpoints, *, independent: bool = False, log: Path | None = None) -> Report:
    """Replay the log, or a copy of it in a folder, and compare it with itself and with the ledger."""
    from settlement.ledger.session import connect
    from settlement.replay.folder import FolderSource
    from settlement.replay.replay import Options, replay
    from settlement.replay.source import KafkaSource, SingleRecordSource, Source
    from settlement.statements.publish import Statements

    source: Source
    if log is not None:
        source = FolderSource(log)
    else:
        source = SingleRecordSource(endpoints.kafka) if independent else KafkaSource(endpoints.kafka)
    options = Options(independent=independent, announce=Statements(endpoints.data / "statements").announced)
    with connect(endpoints.database) as conn:
        report = replay(source, conn, options)
    if log is None:
        from settlement.cli.audit_prices import audit_prices

        audit_prices(endpoints.kafka, report)
    return report


def run_replay(
    independent: Annotated[
        bool, typer.Option("--independent", help="Record by record, with a reader and a decoder of its own.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Audit the copy of the log in this folder.", exists=True, file_okay=False),
    ] = None,
    dump: Annotated[
        Path | None, typer.Option("--dump", help="Copy the log into this folder, and audit nothing.", file_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every cycle from the log and compare it with the ledger, to the cent.

    Every price is held against what it claims: a tier's against the market of its date, a final average against its
    fixings, and these against their observations. A copy of the log (--log) has the cycles only.

    Exit code 0: PASS; 1: FAIL, with the first differing line and its place.
    """
    from dataclasses import asdict

    from settlement import config
    from settlement.replay.folder import dump as copy
    from settlement.replay.source import KafkaSource

    with endpoints_of(config.load(), say) as endpoints:
        if dump is not None:
            count = copy(KafkaSource(endpoints.kafka), dump)
            console().print(
                f"Copied {count:,} records into {dump}. Audit the copy: novate replay --log {dump}", markup=False
            )
            return
        report = audit(endpoints, independent=independent, log=log)
    if as_json:
        print_json({**asdict(report), "passed": report.passed})
    else:
        console().print("\n".join(report.text()), markup=False, soft_wrap=True)
    raise typer.Exit(report.exit_code)
