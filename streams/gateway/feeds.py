"""What the gateway reads from an exchange: the feed, its lines as records, and a person's file turned into a feed.

    feed = FileFeed(path)
    for line in feed.read(from_seq=1, limit=1_000):
        match parse_line(line):
            case Unreadable() as refused: ...
            case record: ...

A new kind of sender implements `Feed` and writes the journal's lines; nothing behind it changes.
"""

from streams.gateway.feed_lines import OPTIONAL_COLUMNS, ROW_COLUMNS, as_sent, parse_line
from streams.gateway.file_feed import Feed, FeedBroken, FeedLine, FileFeed
from streams.gateway.source_rows import NotAFeedFile
from streams.gateway.spool import FeedBusy, SequenceGap, SequenceReused, SpoolError, SpoolResult, spool

__all__ = [
    "OPTIONAL_COLUMNS",
    "ROW_COLUMNS",
    "Feed",
    "FeedBroken",
    "FeedBusy",
    "FeedLine",
    "FileFeed",
    "NotAFeedFile",
    "SequenceGap",
    "SequenceReused",
    "SpoolError",
    "SpoolResult",
    "as_sent",
    "parse_line",
    "spool",
]
