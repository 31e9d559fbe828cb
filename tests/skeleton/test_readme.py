"""The README keeps its promises: every command it shows is run by a test or by CI, every link leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.core
import typer.main

from settlement.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/adr/README.md", "docs/rules/README.md"]

# Command as the README shows it -> (the file that runs it, the text there by which it does).
RUN_BY = {
    "make demo": (".ci/run", "make demo"),
    "make test": (".ci/run", "make test"),
    **{
        command: (".ci/run", command)
        for command in (
            ".venv/bin/novate replay --dump .novate/log-copy",
            "printf X | dd of=.novate/log-copy/fills-0.log bs=1 seek=100000 conv=notrunc status=none",
            ".venv/bin/novate replay --log .novate/log-copy",
        )
    },
    ".venv/bin/novate calc docs/recipes/E01-first-day.yaml": (
        "tests/skeleton/test_readme.py",
        "def test_the_recipe_of_the_readme_settles",
    ),
}


def commands() -> list[str]:
    """Return every line of the README's shell blocks, without comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = (line.partition(" #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


def test_every_command_of_the_readme_is_run() -> None:
    """A command in the README that nobody runs, or one that is run for a README without it, is an error."""
    assert set(commands()) == set(RUN_BY)
    assert commands()[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", sorted(RUN_BY))
def test_the_runner_of_a_command_runs_it(command: str) -> None:
    """The file said to run a command stands there and does."""
    file, text = RUN_BY[command]
    assert text in (ROOT / file).read_text(encoding="utf-8")


def test_the_recipe_of_the_readme_settles() -> None:
    """The README's scenario settles from the command line as the README says, and both engines agree."""
    command = next(line for line in commands() if " calc " in line).split()[1:]
    novate = Path(sys.executable).parent / "novate"
    done = subprocess.run([novate, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "87.60" in done.stdout
    assert "Both engines agree" in done.stdout


def test_every_command_is_in_the_table_and_every_one_there_exists() -> None:
    """The README's table of commands is the command line's own list."""
    table = set(re.findall(r"`novate ([a-z-]+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert table == set(group.commands)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of a page names a file or folder of the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link}
    assert [target for target in sorted(targets) if target and not (ROOT / page).parent.joinpath(target).exists()] == []


def test_every_decision_is_listed() -> None:
    """The list of decisions names every page, numbered without a gap."""
    pages = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    listed = re.findall(
        r"\]\((0\d{3}-[a-z0-9-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    )
    assert listed == pages
    assert [int(page[:4]) for page in pages] == list(range(1, len(pages) + 1))
