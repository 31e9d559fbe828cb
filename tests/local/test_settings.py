"""The settings and the doctor: what is read from the environment, and what is said about it."""

from pathlib import Path

import pytest

from infra.local.doctor import findings
from settlement.config import SettingsError, load, sources


def test_defaults_hold_when_nothing_is_set() -> None:
    """Without variables everything is embedded, in .novate, with four partitions."""
    settings = load({"PATH": "/bin", "NOVATE_KAFKA": ""})
    assert (settings.data, settings.kafka, settings.database_url, settings.partitions) == (
        Path(".novate"),
        None,
        None,
        4,
    )


def test_only_what_is_passed_in_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment is not looked at when another is given."""
    monkeypatch.setenv("NOVATE_PARTITIONS", "7")
    assert load({}).partitions == 4
    assert load().partitions == 7


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("NOVATE_DATBASE_URL", "x", "Did you mean NOVATE_DATABASE_URL?"),
        ("NOVATE_ZZZ", "x", "Expected one of NOVATE_DATA, "),
        ("NOVATE_PARTITIONS", "many", "Expected NOVATE_PARTITIONS to be valid"),
        ("NOVATE_PARTITIONS", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, text: str) -> None:
    """An unknown variable or a value that is not one says which, and what to do."""
    with pytest.raises(SettingsError, match=text.replace("?", r"\?")):
        load({name: value})


def test_secrets_are_masked_and_sources_named() -> None:
    """Every value is shown with where it came from; the database's address is not."""
    environment = {"NOVATE_DATABASE_URL": "postgresql://a:secret@b/c", "NOVATE_WORKERS": "3"}
    shown = {source.name: (source.value, source.source) for source in sources(environment)}
    assert shown["workers"] == ("3", "NOVATE_WORKERS")
    assert shown["partitions"] == ("4", "default")
    assert shown["database_url"] == ("********", "NOVATE_DATABASE_URL")
    assert "secret" not in repr(load(environment))


def test_the_doctor_finds_this_machine_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    """On a machine that runs this suite everything is well, and each finding says what was chosen and why."""
    monkeypatch.setenv("NOVATE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NOVATE_CACHE", str(cache))
    found = {finding.name: finding for finding in findings()}
    bad = [finding for finding in found.values() if not finding.ok and finding.name not in {"memory", "disk"}]
    assert bad == []
    assert list(found) == [
        "settings", "python", "cores", "memory", "disk", "data folder", "platform", "user", "java", "kafka", "ports",
        "postgres",
    ]  # fmt: skip
    assert found["kafka"].found == "45 of 45 jars, with the listed SHA-256"
    assert all(finding.chosen and finding.why for finding in found.values())


def test_the_doctor_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A foreign data folder and an unknown variable are found, with advice."""
    (tmp_path / "thesis.txt").touch()
    monkeypatch.setenv("NOVATE_DATA", str(tmp_path))
    monkeypatch.setenv("NOVATE_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("NOVATE_DATABASE_URL", "postgresql://a:secret@b/c")
    found = {finding.name: finding for finding in findings()}
    assert not found["data folder"].ok
    assert found["data folder"].advice == "Choose another folder: NOVATE_DATA."
    assert (found["kafka"].chosen, found["postgres"].chosen) == ("your broker 127.0.0.1:9", "your database")
    assert "secret" not in repr(found)
    monkeypatch.setenv("NOVATE_DATBASE_URL", "x")
    assert [(finding.name, finding.ok) for finding in findings()] == [("settings", False)]
