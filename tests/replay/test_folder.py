"""The copy of a log in a folder: reads as the log, and tells every altered byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from settlement.replay import FolderError, FolderSource, Options, dump, replay
from settlement.run.breach import BreachError
from tests.replay.memory import MemorySource, two_days


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of two days."""
    folder = tmp_path / "copy"
    dump(MemorySource.of(two_days()), folder)
    return folder


def read(folder: Path) -> int:
    """Read a copy to its end and return its records."""
    return sum(len(run.values) for run in FolderSource(folder).runs())


@pytest.mark.parametrize("independent", [False, True])
def test_a_copy_reads_as_the_log(copy: Path, *, independent: bool) -> None:
    """The audit of a copy gives the state of the log itself."""
    options = Options(independent=independent)
    assert replay(FolderSource(copy), None, options) == replay(MemorySource.of(two_days()), None, options)


def test_every_altered_byte_is_told(copy: Path) -> None:
    """Whichever byte of a file is altered, the reading stops and names the file."""
    path = copy / "fills-1.log"
    sound = path.read_bytes()
    for at in range(len(sound)):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        with pytest.raises(BreachError, match="fills-1"):
            read(copy)
    path.write_bytes(sound)
    assert read(copy) > 0


def test_an_altered_byte_fails_the_audit_at_its_record(copy: Path) -> None:
    """The report names topic, partition and offset of the record."""
    path = copy / "fills-0.log"
    sound = bytearray(path.read_bytes())
    sound[-1] ^= 1
    path.write_bytes(sound)
    last = json.loads((copy / "manifest.json").read_text())["files"][path.name]["records"] - 1
    report = replay(FolderSource(copy), None)
    assert report.exit_code == 1
    assert f"fills-0@{last} (byte " in str(report.differences[0])


def test_a_cut_off_end_and_a_lost_file(copy: Path) -> None:
    """A file that ends early, at a record's border or within it, and one that is gone, are told."""
    path = copy / "variation-margin-0.log"
    sound = path.read_bytes()
    for end in range(0, len(sound), 7):
        path.write_bytes(sound[:end])
        with pytest.raises(BreachError, match="variation-margin-0"):
            read(copy)
    path.unlink()
    with pytest.raises(BreachError, match=r"variation-margin-0.log: Expected a file, was none"):
        read(copy)


def test_a_folder_that_is_no_copy(tmp_path: Path, copy: Path) -> None:
    """Neither an empty folder is audited, nor one with files in it written to; the error says what to do."""
    with pytest.raises(FolderError, match="Expected a copy of a log"):
        FolderSource(tmp_path)
    with pytest.raises(FolderError, match="Expected an empty folder"):
        dump(MemorySource.of(two_days()), copy)
    shutil.rmtree(copy)
