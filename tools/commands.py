"""Make docs/reference/commands.md from the commands' own `--help`: no option is undocumented, none is made up.

`python -m tools.commands` writes the page; `--check` only compares.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from settlement.cli.main import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "commands.md"
WIDTH = 110
HEAD = """\
# Commands

Made by `python -m tools.commands` from each command's `--help`; a test fails when it is not as they say.

- **Where**: `NOVATE_DATA` names the platform's data folder (default `.novate`). A command uses the platform
  that runs there. Where none runs, one that sends something runs a whole platform for its own length, and one
  that only reads starts broker and database alone.
- **Exit code**: 0 when everything is as asked; 1 when something was refused, is missing or is wrong, in one
  sentence on standard error (expected, was, what to do); 2 for a wrong usage; 130 after Ctrl-C.
- **Output**: results stand on standard output, everything else on standard error. `--json` prints one JSON
  document.
- **Controls**: whatever changes the platform is a control in its log ([controls](controls.md)), with who asked,
  who approved, and why. A repeated command is harmless: it says that it was applied before. A refused one is
  told with code, rule and message, and can be sent again once its cause is mended.
"""


def commands(command: Any, name: str = "novate") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  typer's classes are private
    """Yield every command that does something, with its full name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word in sorted(inner):
        yield from commands(inner[word], f"{name} {word}")


def help_of(name: str, command: Any) -> str:  # noqa: ANN401
    """Return what a command says with `--help`, in a fixed width."""
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).strip()


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name, command in commands(get_command(app)):
        parts.append(f"## {name}\n\n```text\n{help_of(name, command)}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Write the page, or compare it."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(
            f"Expected {PAGE.name} as the commands' --help says, was another. Write it anew: python -m tools.commands"
        )


if __name__ == "__main__":
    main()
