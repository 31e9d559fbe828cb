"""A person's file becomes a feed: each row once, in order, nothing lost, nothing silently changed."""

import fcntl
import json
from pathlib import Path

import pytest

from settlement.domain.feed import TradeReported, Unreadable
from streams.gateway.feeds import (
    FeedBroken,
    FeedBusy,
    FileFeed,
    NotAFeedFile,
    SequenceGap,
    SequenceReused,
    SpoolResult,
    parse_line,
    spool,
)

HEADER = "source_seq,trade_id,contract,buyer,seller,lots,price,executed_at"


def line(seq: object, lots: int = 10) -> str:
    """Return a row."""
    return f"{seq},T{seq},H100-2026-09,A,B,{lots},2.350,2026-08-03T14:00:00Z"


class Desk:
    """Somebody who sends a file again and again."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "t.csv"
        self.feeds = folder / "feeds"
        self.journal = self.feeds / "t.jsonl"

    def send(self, *rows: str, end: str = "\n") -> SpoolResult:
        """Write the file anew with these rows under the header, and spool it."""
        self.file.write_text("\n".join([HEADER, *rows]) + end)
        return spool(self.file, "t", self.feeds)

    def texts(self) -> list[tuple[int, str]]:
        """Return what the journal has."""
        lines = FileFeed(self.journal).read(FileFeed(self.journal).first_seq() or 0, 10_000)
        return [(each.source_seq, json.loads(each.original)["text"]) for each in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with nothing sent yet."""
    return Desk(tmp_path)


def test_each_row_is_appended_as_it_was_written(desk: Desk) -> None:
    """The journal's records carry number, file, line and the original text."""
    result = desk.send(line(1), "", line(2))
    assert (result.appended, result.skipped, result.first_seq, result.last_seq) == (2, 0, 1, 2)
    first, second = desk.journal.read_text().splitlines()
    assert json.loads(first) == {"source_seq": 1, "type": "text", "file": "t.csv", "line": 2, "text": line(1)}
    assert json.loads(second)["line"] == 4


def test_what_is_there_is_skipped_and_growth_appended(desk: Desk) -> None:
    """The same file again appends nothing; with more rows only those; in another file name too."""
    desk.send(line(1), line(2))
    before = desk.journal.read_bytes()
    assert desk.send(line(1), line(2)).skipped == 2
    assert desk.journal.read_bytes() == before
    grown = desk.send(line(1), line(2), line(3))
    assert (grown.appended, grown.skipped) == (1, 2)
    assert desk.send(line(3), line(4)).appended == 1
    assert [seq for seq, _ in desk.texts()] == [1, 2, 3, 4]


def test_a_reused_number_is_refused_and_nothing_after_it_taken(desk: Desk) -> None:
    """Another text under a known number stops the file there; the rows before it stay."""
    desk.send(line(1), line(2))
    with pytest.raises(
        SequenceReused, match=r"t\.csv line 3: expected source_seq 2 to carry .*next free number, 3"
    ) as error:
        desk.send(line(1), line(2, lots=11), line(3))
    assert (error.value.result.appended, error.value.result.skipped) == (0, 1)
    assert desk.texts() == [(1, line(1)), (2, line(2))]


def test_a_number_repeated_within_a_file_is_refused(desk: Desk) -> None:
    """The rows before the repeat are durable, though the error comes in the same call."""
    with pytest.raises(SequenceReused) as error:
        desk.send(line(1), line(2), line(2, lots=3))
    assert error.value.result.appended == 2
    assert desk.texts() == [(1, line(1)), (2, line(2))]
    assert desk.send(line(1), line(2), line(2)).skipped == 3


def test_a_gap_stops_there(desk: Desk) -> None:
    """A number that skips some is refused with what is missing; so is one before the feed's beginning."""
    with pytest.raises(SequenceGap, match=r"t\.csv line 3: expected source_seq 6, was 9\. Send 6 to 8 first") as error:
        desk.send(line(5), line(9))
    assert error.value.result.appended == 1
    with pytest.raises(SequenceGap, match="expected source_seq 5 or more, where feed t begins, was 1"):
        desk.send(line(1))
    assert desk.texts() == [(5, line(5))]


def test_an_unreadable_number_occupies_the_next_place(desk: Desk) -> None:
    """The row becomes an unreadable record at its place, and a second sending of the file appends nothing."""
    rows = (line(1), line("x"), line(3))
    assert desk.send(*rows).appended == 3
    assert desk.send(*rows).skipped == 3
    records = [parse_line(each) for each in FileFeed(desk.journal).read(1, 9)]
    assert [type(record) for record in records] == [TradeReported, Unreadable, TradeReported]
    assert isinstance(records[1], Unreadable)
    assert (records[1].source_seq, records[1].place, records[1].original) == (2, "t.csv line 3", line("x").encode())


def test_a_bad_row_with_a_readable_number_keeps_it(desk: Desk) -> None:
    """The first column counts even where the rest of the row is worth nothing."""
    assert desk.send(line(7), "8,junk", '9,"T9,x', line(10)).last_seq == 10
    with pytest.raises(SequenceGap, match="was 13"):
        desk.send("13,junk")


def test_leading_rows_without_a_number_stand_before_the_first_that_has_one(desk: Desk) -> None:
    """They get the places before it, the same at every sending."""
    rows = ("?,a", "?,b", line(7))
    assert desk.send(*rows).first_seq == 5
    assert desk.send(*rows, line(8)).skipped == 3
    assert [seq for seq, _ in desk.texts()] == [5, 6, 7, 8]


def test_a_file_without_any_number_is_taken_once(desk: Desk) -> None:
    """Even then each row has one place, after what is there, and sending it again changes nothing."""
    desk.send(line(1))
    assert desk.send("?,a", "?,b").first_seq == 2
    again = desk.send("?,a", "?,b", "?,c")
    assert (again.skipped, again.appended) == (2, 1)
    assert [seq for seq, _ in desk.texts()] == [1, 2, 3, 4]


def test_a_half_written_last_line_waits(desk: Desk) -> None:
    """A line without its newline is reported and taken when it is complete."""
    result = desk.send(line(1), "2,T", end="")
    assert result.appended == 1
    assert result.waiting is not None
    assert (result.waiting.line, result.waiting.text) == (3, "2,T")
    done = desk.send(line(1), line(2))
    assert (done.appended, done.waiting) == (1, None)


def test_byte_order_mark_crlf_quotes_and_bytes_that_are_not_utf8(desk: Desk) -> None:
    """A file as spreadsheets write it is read; foreign bytes come back as they were."""
    desk.file.write_bytes(
        b"\xef\xbb\xbf" + HEADER.replace("lots", '"lots"').encode() + b"\r\n" + line(1).encode() + b'\r\n"2",\xe9\r\n'
    )
    assert spool(desk.file, "t", desk.feeds).appended == 2
    assert desk.texts()[0] == (1, line(1))
    record = parse_line(FileFeed(desk.journal).read(2, 1)[0])
    assert isinstance(record, Unreadable)
    assert record.original == b'"2",\xe9'


def test_json_lines(desk: Desk) -> None:
    """One JSON object a line is a row too, without a header."""
    rows = [
        {"source_seq": seq, "trade_id": f"T{seq}", "contract": "C", "buyer": "A", "seller": "B", "lots": 1,
         "price": "2.35", "executed_at": "2026-08-03T14:00:00Z"}
        for seq in (4, 5)
    ]  # fmt: skip
    file = desk.file.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    result = spool(file, "t", desk.feeds)
    assert (result.appended, result.first_seq, result.last_seq) == (3, 4, 6)
    records = [parse_line(each) for each in FileFeed(desk.journal).read(4, 9)]
    assert [type(record) for record in records] == [TradeReported, TradeReported, Unreadable]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "was an empty file"),
        (b"\n\n", "was an empty file"),
        (HEADER.replace(",", ";").encode() + b"\n", "expected the header .* Separate columns by commas"),
        (HEADER.replace("lots", "qty").encode() + b"\n", "expected the header"),
        (HEADER.encode() + b",seller_effect\n", "in this order"),
        (b"\xff\xfes\x00\n\x00", "expected UTF-8, was UTF-16"),
        (b"[\n", "expected the header"),
        (b'"\n', "expected the header"),
    ],
)
def test_a_file_that_is_none_is_refused(desk: Desk, content: bytes, expected: str) -> None:
    """Another header, encoding or nothing at all: a clear error, and no record."""
    desk.file.write_bytes(content)
    with pytest.raises(NotAFeedFile, match=expected):
        spool(desk.file, "t", desk.feeds)
    assert FileFeed(desk.journal).first_seq() is None


def test_a_missing_file_and_a_bad_name_are_refused(desk: Desk) -> None:
    """Neither a file that is not there nor a feed's name that would leave the folder."""
    with pytest.raises(NotAFeedFile, match="No such file"):
        spool(desk.file, "t", desk.feeds)
    for name in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(NotAFeedFile, match="feed's name"):
            spool(desk.file, name, desk.feeds)


def test_a_record_cut_by_a_kill_is_written_again(desk: Desk) -> None:
    """A half record at the journal's end, which no reader ever saw, is replaced by the whole one."""
    desk.send(line(1), line(2))
    whole = desk.journal.read_bytes()
    desk.journal.write_bytes(whole[:-9])
    assert (desk.send(line(1), line(2)).appended, desk.journal.read_bytes()) == (1, whole)


def test_one_writer_only(desk: Desk) -> None:
    """A feed that another process writes is refused, and nothing is taken."""
    desk.send(line(1))
    with desk.journal.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FeedBusy, match="only writer"):
            desk.send(line(1), line(2))
    assert len(desk.texts()) == 1


def test_a_broken_journal_is_not_written_to(desk: Desk) -> None:
    """A journal with a hole takes no more rows: a person has to mend it first."""
    desk.send(line(1))
    with desk.journal.open("ab") as journal:
        journal.write(b'{"source_seq":5}\n')
    with pytest.raises(FeedBroken, match="line 2: expected source_seq 2, was 5"):
        desk.send(line(1), line(2))


def test_many_rows_are_compared_in_runs(desk: Desk) -> None:
    """A file longer than one run of reading is skipped to its last row and then grows."""
    rows = [line(seq) for seq in range(1, 2_501)]
    assert desk.send(*rows).appended == 2_500
    result = desk.send(*rows, line(2_501))
    assert (result.skipped, result.appended) == (2_500, 1)
