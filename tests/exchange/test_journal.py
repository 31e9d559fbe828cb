"""Writing a session to the journal: whole, resumed after any cut, and never over something else."""

import fcntl
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from infra.exchange import Exchange, JournalBusy, JournalDiffers
from streams.gateway.feeds import FileFeed

MONDAY, TUESDAY = date(2026, 8, 3), date(2026, 8, 4)


def exchange(seed: int = 7) -> Exchange:
    """Return a small exchange."""
    return Exchange(seed, MONDAY, 2, 60, mischief=4)


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The journal of both days, written without a break."""
    path = tmp_path / "whole.jsonl"
    for day in (MONDAY, TUESDAY):
        exchange().write_session(path, day)
    return path.read_bytes()


def test_writes_what_lines_yields(whole: bytes) -> None:
    """The journal is the sessions' lines, and FileFeed reads all of them, undecodable ones included."""
    both = exchange()
    assert whole == b"".join(line for day in both.dates for line in both.lines(day))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 0.77, 0.999, 1.0])
def test_resumes_after_a_cut_at_any_byte(tmp_path: Path, whole: bytes, share: float) -> None:
    """A journal that ends anywhere, in the middle of a line too, is completed to the same bytes."""
    path = tmp_path / "feed.jsonl"
    path.write_bytes(whole[: int(len(whole) * share)])
    again = exchange()
    results = [again.write_session(path, day) for day in again.dates]
    assert path.read_bytes() == whole
    assert sum(each.kept + each.appended for each in results) == whole.count(b"\n") == results[-1].last_seq
    assert [each.appended for each in results] == [0, 0] or share < 1


def test_completes_after_kill(tmp_path: Path) -> None:
    """A process killed with SIGKILL in the middle of a session leaves a journal that the next one completes."""
    path, reference = tmp_path / "feed.jsonl", tmp_path / "reference.jsonl"
    command = [sys.executable, "-m", "infra.exchange", "--feed", str(path), "--days", "1", "--trades", "300"]
    with subprocess.Popen([*command, "--rate", "400"], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (path.exists() and path.stat().st_size > 20_000):
            assert time.monotonic() < deadline, "the exchange wrote nothing"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    size = path.stat().st_size
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    Exchange(7, MONDAY, 1, 300).write_session(reference, MONDAY)
    assert size < path.stat().st_size
    assert path.read_bytes() == reference.read_bytes()


def test_another_journal_is_left_alone(tmp_path: Path, whole: bytes) -> None:
    """A journal of another seed is refused with the line, and not a byte of it changes."""
    path = tmp_path / "feed.jsonl"
    path.write_bytes(whole)
    with pytest.raises(JournalDiffers, match=r"line \d+: expected .* was .*another seed"):
        exchange(seed=8).write_session(path, MONDAY)
    assert path.read_bytes() == whole


def test_sessions_are_written_in_order(tmp_path: Path) -> None:
    """A session whose predecessors are not in the journal is refused."""
    with pytest.raises(JournalDiffers, match="records of the sessions before, was 0"):
        exchange().write_session(tmp_path / "feed.jsonl", TUESDAY)


def test_one_writer_only(tmp_path: Path) -> None:
    """A journal that another process is writing is refused."""
    path = tmp_path / "feed.jsonl"
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JournalBusy, match="only writer"):
            exchange().write_session(path, MONDAY)


def test_the_command_reports_errors_without_a_traceback(tmp_path: Path) -> None:
    """A date outside the data ends the command with 2 and one sentence."""
    command = [sys.executable, "-m", "infra.exchange", "--feed", str(tmp_path / "f"), "--first-date", "2026-12-01"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Expected a business day" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_feed_reads_the_session(tmp_path: Path, whole: bytes) -> None:
    """FileFeed delivers every line of a written journal under the exchange's own number."""
    path = tmp_path / "feed.jsonl"
    path.write_bytes(whole)
    lines = FileFeed(path).read(1, 100_000)
    assert [line.original for line in lines] == whole.split(b"\n")[:-1]
    assert [line.source_seq for line in lines] == list(range(1, len(lines) + 1))
