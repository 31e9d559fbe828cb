"""The data folder: its marker, its purge, and the folder of downloads."""

import os
from pathlib import Path

import pytest

from infra.local.cache import cache_folders, find_cache
from infra.local.down import down
from infra.local.errors import LocalError
from infra.local.folder import MARKER, open_folder, purge, write_atomically


def test_purge_removes_only_a_folder_of_ours(tmp_path: Path) -> None:
    """A folder without our marker is never removed, whatever it is called; one with it is."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(LocalError, match="Nothing was removed"):
        down(foreign, purge_data=True)
    assert [entry.name for entry in foreign.iterdir()] == ["thesis.txt"]
    ours = open_folder(tmp_path / "ours")
    down(ours.path, purge_data=True)
    assert not ours.path.exists()
    purge(ours.path)


def test_a_folder_with_something_else_in_it_is_not_taken(tmp_path: Path) -> None:
    """We never move into somebody's folder."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LocalError, match="Expected an empty folder or one of Novate"):
        open_folder(tmp_path)
    assert not (tmp_path / MARKER).exists()


def test_a_folder_of_another_format_is_not_opened(tmp_path: Path) -> None:
    """A folder that another version made is left as it is."""
    (tmp_path / MARKER).write_text('{"format": 99}')
    with pytest.raises(LocalError, match="in format 1, was 99"):
        open_folder(tmp_path)


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    """A new data folder is for its owner only."""
    assert open_folder(tmp_path / "data").path.stat().st_mode & 0o077 == 0


def test_a_text_is_replaced_whole(tmp_path: Path) -> None:
    """Writing atomically leaves no other file behind."""
    write_atomically(tmp_path / "status.json", "one")
    write_atomically(tmp_path / "status.json", "two")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("status.json", "two")]


def test_a_home_that_is_not_there_leaves_other_folders_for_downloads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a HOME that cannot be made, the downloads go to the installation or the temporary folder."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert find_cache(lambda _folder: False) in cache_folders()[1:]


def test_a_complete_folder_is_used_before_an_empty_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is there already is used wherever it lies, so that a second run needs no network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache" / "novate").mkdir(parents=True)
    last = cache_folders()[-1]
    made = not last.exists()
    last.mkdir(mode=0o755, exist_ok=True)
    try:
        assert find_cache(lambda folder: folder == last) == last
    finally:
        if made:
            last.rmdir()


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    """What lies in a folder that anybody can write to is never run."""
    tmp_path.chmod(0o777)
    with pytest.raises(LocalError, match="NOVATE_CACHE"):
        find_cache(lambda _folder: True, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A data folder without write permission is an error that says what to choose."""
    tmp_path.chmod(0o500)
    with pytest.raises(LocalError, match="Make it writable, or choose another: NOVATE_DATA"):
        open_folder(tmp_path / "data")
