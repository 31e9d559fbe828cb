"""Reading a journal that grows: from any number, while a line is half written, up to a break and no further."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.gateway.feeds import FeedBroken, FileFeed
from streams.gateway.file_feed import STRIDE


def journal(path: Path, first: int, count: int) -> Path:
    """Write a journal of small records and return its path."""
    path.write_bytes(b"".join(b'{"source_seq":%d,"n":"%d"}\n' % (first + n, n) for n in range(count)))
    return path


def append(path: Path, content: bytes) -> None:
    """Let the journal grow."""
    with path.open("ab") as file:
        file.write(content)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1_100), st.integers(1, 400)), min_size=1, max_size=6))
def test_any_number_can_be_read_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]]
) -> None:
    """Reads at any place and of any length give the numbers asked for, over the strides of the index."""
    feed = FileFeed(journal(tmp_path_factory.mktemp("feed") / "f.jsonl", 5, 4 * STRIDE))
    for start, limit in reads:
        lines = feed.read(5 + start, limit)
        end = min(start + limit, 4 * STRIDE)
        assert [line.source_seq for line in lines] == list(range(5 + start, 5 + end))
        assert all(
            line.original == b'{"source_seq":%d,"n":"%d"}' % (line.source_seq, line.source_seq - 5) for line in lines
        )


def test_no_journal_and_an_empty_one_have_nothing(tmp_path: Path) -> None:
    """A feed may be read before its journal exists."""
    feed = FileFeed(tmp_path / "f.jsonl")
    assert feed.read(1, 10) == []
    assert (feed.first_seq(), feed.last_seq()) == (None, None)
    (tmp_path / "f.jsonl").touch()
    assert feed.read(1, 10) == []


def test_a_half_line_waits_and_growth_is_seen(tmp_path: Path) -> None:
    """What has no newline is not there yet; when it comes, the same reader delivers it."""
    path = journal(tmp_path / "f.jsonl", 1, 2)
    feed = FileFeed(path)
    append(path, b'{"source_seq":3,')
    assert [line.source_seq for line in feed.read(1, 10)] == [1, 2]
    assert feed.read(3, 10) == []
    append(path, b'"n":1}\n')
    assert [line.original for line in feed.read(3, 10)] == [b'{"source_seq":3,"n":1}']
    assert feed.last_seq() == 3


def test_unreadable_lines_have_the_number_of_their_place(tmp_path: Path) -> None:
    """Bytes that do not decode, bad JSON and a missing number are delivered with their bytes and place."""
    path = journal(tmp_path / "f.jsonl", 7, 1)
    bad = [
        b"\xff\xfe",
        b"{",
        b"",
        b'{"source_seq":"x"}',
        b'{"source_seq":true}',
        b'{"source_seq":1.0}',
        b"[1]",
        b'{"a":1}',
    ]
    append(path, b"\n".join(bad) + b'\n{"source_seq":16}\n')
    lines = FileFeed(path).read(8, 100)
    assert [line.original for line in lines] == [*bad, b'{"source_seq":16}']
    assert [line.source_seq for line in lines] == list(range(8, 17))
    assert lines[0].place == "f.jsonl line 2"


@pytest.mark.parametrize("number", [2, 3, 5, 1])
def test_a_hole_or_a_repeat_breaks_the_feed_at_that_place(tmp_path: Path, number: int) -> None:
    """Lines before the break are delivered; at it the reader names place, expected and found number, also later on."""
    path = journal(tmp_path / "f.jsonl", 1, 3)
    append(path, b'{"type":"x","source_seq":%d}\n{"source_seq":5}\n' % number)
    feed = FileFeed(path)
    assert [line.source_seq for line in feed.read(1, 10)] == [1, 2, 3]
    for start in (4, 4, 5):
        with pytest.raises(FeedBroken) as broken:
            feed.read(start, 10)
        assert (broken.value.place, broken.value.expected, broken.value.was) == (
            "f.jsonl line 4",
            "source_seq 4",
            str(number),
        )
    assert feed.last_seq() == 3


def test_a_leading_number_in_a_broken_line_is_not_believed(tmp_path: Path) -> None:
    """A line that is no JSON has the number of its place, whatever digits it begins with."""
    path = journal(tmp_path / "f.jsonl", 1, 1)
    append(path, b'{"source_seq":9,"n":\n{"source_seq":3}\n')
    assert [line.source_seq for line in FileFeed(path).read(1, 10)] == [1, 2, 3]


def test_a_number_before_the_journal_is_a_hole(tmp_path: Path) -> None:
    """Who needs an earlier record than the journal has is told so, not given a later one."""
    with pytest.raises(FeedBroken, match="expected source_seq 4, was 5, where the journal begins"):
        FileFeed(journal(tmp_path / "f.jsonl", 5, 2)).read(4, 1)


def test_a_journal_that_became_shorter_is_broken(tmp_path: Path) -> None:
    """A truncated or deleted journal is refused: what was delivered cannot be taken back."""
    path = journal(tmp_path / "f.jsonl", 1, 10)
    feed = FileFeed(path)
    assert len(feed.read(1, 100)) == 10
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FeedBroken, match="at least the"):
        feed.read(1, 5)
    with pytest.raises(FeedBroken, match="at least the"):
        feed.read(11, 5)
    path.unlink()
    with pytest.raises(FeedBroken, match="no file"):
        feed.read(11, 5)


def test_a_first_line_without_a_number_is_number_one(tmp_path: Path) -> None:
    """The rule does not depend on when the reader looked: the second line must then be 2."""
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"junk\n")
    feed = FileFeed(path)
    assert feed.read(1, 9)[0].source_seq == 1
    append(path, b'{"source_seq":2}\n')
    assert [line.source_seq for line in feed.read(1, 9)] == [1, 2]
