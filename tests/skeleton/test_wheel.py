"""The wheel carries everything: installed elsewhere, without the source tree, it calculates and migrates."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

WHERE = """
import json, infra, settlement, streams
print(json.dumps([infra.__file__, settlement.__file__, streams.__file__]))
"""
SCHEMAS = """
import json
from settlement.wire.registry import ids, schema
print(json.dumps({name: schema(name)["name"] for name in ids().values()}))
"""
MIGRATIONS = """
import json, sys
from pathlib import Path
import psycopg
from infra.local.postgres import Postgres
from settlement.ledger.migrate import migrate
server = Postgres(Path(sys.argv[1]))
server.start()
try:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        print(json.dumps([migrate(connection), migrate(connection)]))
finally:
    server.stop()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked backend, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], cwd=ROOT)
    (built,) = folder.glob("novate-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a venv of its own, which sees today's dependencies but not our editable install."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, *install], cwd=folder)
    paths = sysconfig.get_paths(vars={"base": str(folder / "venv"), "platbase": str(folder / "venv")})
    # A path in a .pth file is only added; the .pth files in it, our editable install among them, are not read.
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def run(command: list[str], cwd: Path) -> str:
    """Run a command in another folder and return what it printed; fail with all of it."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def python(elsewhere: Path, script: str, *arguments: str) -> Any:
    """Run a script with the installed wheel and return what it printed as JSON."""
    return json.loads(run([str(elsewhere / "venv" / "bin" / "python"), "-c", script, *arguments], cwd=elsewhere))


def test_the_packages_come_from_the_wheel(elsewhere: Path) -> None:
    """Imported from another folder, all three packages are the installed ones."""
    files = python(elsewhere, WHERE)
    assert all(Path(file).is_relative_to(elsewhere) for file in files), files


def test_no_file_is_missing(wheel: Path) -> None:
    """Every file that git tracks in the packages and in schemas/ stands in the wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "settlement", "streams", "infra", "schemas"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    expected = {
        name.replace("schemas/", "settlement/_schemas/", 1) if name.startswith("schemas/") else name for name in tracked
    }
    assert expected - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_licence_travels(wheel: Path) -> None:
    """The wheel carries the licence and the data's attribution."""
    names = zipfile.ZipFile(wheel).namelist()
    assert [name.rpartition("/")[2] for name in names if "/licenses/" in name] == ["LICENSE", "NOTICE"]


def test_schemas_are_read_from_the_wheel(elsewhere: Path) -> None:
    """Every released schema is found and read where the wheel was installed."""
    names = python(elsewhere, SCHEMAS)
    released = json.loads((ROOT / "schemas" / "ids.json").read_text(encoding="utf-8"))
    assert set(names) == set(released.values())


def test_migrations_run_from_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    """A fresh Postgres takes every migration of the wheel once, and none the second time."""
    first, second = python(elsewhere, MIGRATIONS, str(tmp_path / "data"))
    assert first == sorted(path.name for path in (ROOT / "settlement" / "ledger" / "migrations").glob("*.sql"))
    assert second == []


def test_calc_runs_from_the_wheel(elsewhere: Path) -> None:
    """`novate calc` settles a worked case from another folder, and both engines agree."""
    (case,) = (ROOT / "docs" / "recipes").glob("[eE]01*.yaml")
    command = [str(elsewhere / "venv" / "bin" / "novate"), "calc", str(case), "--json"]
    result = json.loads(run(command, cwd=elsewhere))
    assert result["engines_agree"] is True
    assert {p["member"]: p["amount"] for p in result["cycles"][0]["payments"]} == {"A": "87.60", "B": "-87.60"}
