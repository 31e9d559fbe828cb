"""The audit: replays the log through the second engine and compares everything with the ledger."""

from settlement.replay.folder import FolderError, FolderSource, dump
from settlement.replay.replay import Options, replay
from settlement.replay.report import Difference, Report
from settlement.replay.source import KafkaSource, SingleRecordSource, Source

__all__ = [
    "Difference",
    "FolderError",
    "FolderSource",
    "KafkaSource",
    "Options",
    "Report",
    "SingleRecordSource",
    "Source",
    "dump",
    "replay",
]
