"""The rows of a file that a person sends: CSV with a header, or one JSON object a line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from streams.gateway.feed_fields import shown
from streams.gateway.feed_lines import OPTIONAL_COLUMNS, ROW_COLUMNS

_BOM_UTF8 = b"\xef\xbb\xbf"
_BOM_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEADERS = tuple(ROW_COLUMNS + OPTIONAL_COLUMNS[:count] for count in range(len(OPTIONAL_COLUMNS) + 1))


class NotAFeedFile(ValueError):  # noqa: N818 - it states what is so
    """The file is not one that can become a feed; nothing of it was taken."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file (counted from 1) and its text without the line's end.

    Bytes that are not UTF-8 stand in the text as lone surrogates, so that the original can be given back byte for byte.
    """

    line: int
    text: str


class SourceRows:
    """Iterates over a file's complete rows; afterwards `waiting` holds the half-written last line, if there is one.

    A byte order mark, CRLF and blank lines do not count. One line is one row: a quoted field does not span lines.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting: Row | None = None

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in order.

        Raises:
            NotAFeedFile: no such file, another encoding, or a header that is not ours.
        """
        try:
            source = self.path.open("rb")
        except OSError as error:
            raise NotAFeedFile(
                f"Expected a file to read at {self.path}, was: {error.strerror}. Check its name and rights."
            ) from None
        with source:
            yield from self._rows(source)

    def _rows(self, source: BinaryIO) -> Iterator[Row]:
        needs_header = True
        for line, content in enumerate(source, start=1):
            stripped = content.removeprefix(_BOM_UTF8) if line == 1 else content
            if stripped.startswith(_BOM_UTF16) and line == 1:
                raise NotAFeedFile(f"{self.path.name}: expected UTF-8, was UTF-16. Save it again as CSV UTF-8.")
            row = Row(line, stripped.rstrip(b"\r\n").decode("utf-8", "surrogateescape"))
            if not stripped.endswith(b"\n"):
                self.waiting = row
                break
            if not row.text.strip():
                continue
            if needs_header:
                needs_header = False
                if not self._is_json(row):
                    self._require_header(row)
                    continue
            yield row
        if needs_header and self.waiting is None:
            raise NotAFeedFile(f"{self.path.name}: expected the header {','.join(ROW_COLUMNS)}, was an empty file.")

    def _is_json(self, first: Row) -> bool:
        return self.path.suffix.lower() in {".jsonl", ".ndjson"} or first.text.lstrip().startswith("{")

    def _require_header(self, row: Row) -> None:
        try:
            parsed = next(csv.reader([row.text], strict=True))
        except csv.Error:
            parsed = []
        if tuple(name.strip() for name in parsed) not in _HEADERS:
            raise NotAFeedFile(
                f"{self.path.name} line {row.line}: expected the header {','.join(ROW_COLUMNS)} "
                f"(then, if needed and in this order, {','.join(OPTIONAL_COLUMNS)}), was {shown(row.text)}. "
                "Separate columns by commas, or send one JSON object a line in a file named .jsonl."
            )
