"""Make docs/rules/README.md: every rule, the functions that keep it, the tests that carry it, the cases that name it.

`python -m tools.rules` writes the page; `--check` only compares, and fails on a built rule without a test.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from settlement.domain.rules import RULES, Rule

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "rules" / "README.md"
CATALOGUE = ROOT / "settlement" / "domain" / "rules.py"
CODE = re.compile(r"\b[A-Z]{2,4}-\d+\b")

Places = dict[str, list[tuple[str, str]]]  # rule code -> (file from the root, name in it)
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def sources(*folders: str, suffix: str = ".py") -> Iterator[Path]:
    """Yield the files of some folders in a stable order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob(f"*{suffix}"))


def find_functions() -> Places:
    """Return where docstrings of functions, classes and modules, and comments of SQL files, name a rule."""
    found: Places = defaultdict(list)
    for path in sources("settlement", "streams", "infra"):
        if path == CATALOGUE:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, Named | ast.Module):
                name = "" if isinstance(node, ast.Module) else node.name
                note(found, path, name, ast.get_docstring(node) or "")
    for path in sources("settlement", suffix=".sql"):
        comments = " ".join(re.findall(r"--(.*)", path.read_text(encoding="utf-8")))
        note(found, path, "", comments)
    return found


def find_tests() -> Places:
    """Return the tests marked `@pytest.mark.rule(...)`, by themselves, their class or their module's pytestmark."""
    found: Places = defaultdict(list)
    for path in sources("tests"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = {
            code
            for node in tree.body
            if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "pytestmark" for name in node.targets)
            for code in marked(node.value)
        }
        for node, around in tests_of(tree, everywhere):
            for code in sorted(around):
                found[code].append((relative(path), node.name))
    return found


def tests_of(tree: ast.Module | ast.ClassDef, around: set[str]) -> Iterator[tuple[Named, set[str]]]:
    """Yield every test of a module or class with the codes that hold for it."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            codes = {code for mark in node.decorator_list for code in marked(mark)}
            yield from tests_of(node, around | codes)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node, around | {code for mark in node.decorator_list for code in marked(mark)}


def marked(expression: ast.expr) -> Iterator[str]:
    """Yield the codes of every `pytest.mark.rule("...")` inside an expression."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rule":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def find_cases() -> Places:
    """Return the scenario files of docs/recipes that name a rule."""
    found: Places = defaultdict(list)
    for path in sources("docs/recipes", suffix=".yaml"):
        note(found, path, "", path.read_text(encoding="utf-8"))
    return found


def note(found: Places, path: Path, name: str, text: str) -> None:
    """Add a place under every known rule code of a text."""
    for code in sorted(set(CODE.findall(text)) & RULES.keys()):
        found[code].append((relative(path), name))


def relative(path: Path) -> str:
    """Return a path from the repository's root."""
    return path.relative_to(ROOT).as_posix()


def cell(places: list[tuple[str, str]]) -> str:
    """Return places as one table cell: each file a link, followed by the names in it."""
    names: dict[str, list[str]] = defaultdict(list)
    for file, name in places:
        names[file] += [name] if name else []
    rows = []
    for file in sorted(names):
        listed = ", ".join(f"`{name}`" for name in names[file])
        rows.append(f"[{file}](../../{file})" + (f": {listed}" if listed else ""))
    return "<br>".join(rows)


def page(functions: Places, tests: Places, cases: Places) -> str:
    """Return the whole page as Markdown."""
    lines = [
        "# Rules",
        "",
        "Made by `make rules` from settlement/domain/rules.py, the docstrings, the tests' marks and docs/recipes.",
        "Do not edit. `make lint` fails when this page is stale or a rule that is not planned has no test.",
        "",
        "| rule | kept by | tested by | worked cases |",
        "|---|---|---|---|",
    ]
    for rule in RULES.values():
        columns = (cell(places.get(rule.code, [])) for places in (functions, tests, cases))
        title = f"[{rule.code}](#{rule.code.lower()}) {rule.title}{state(rule)}"
        lines.append(f"| {title} | " + " | ".join(columns) + " |")
    for rule in RULES.values():
        lines += ["", f"## {rule.code}", "", f"{rule.title} {rule.text}{state(rule)}"]
    return "\n".join(lines) + "\n"


def state(rule: Rule) -> str:
    """Return a remark for a rule that no release promises to keep yet, whatever parts of it stand already."""
    return "" if rule.since else " (Planned.)"


def gaps(tests: Places) -> list[str]:
    """Return what is wrong between the catalogue and the tests, one sentence each."""
    return [
        f"Expected a test marked rule({code!r}), was none." for code, r in RULES.items() if r.since and not tests[code]
    ]


def main(arguments: list[str]) -> int:
    """Write the page, or compare it with `--check`; return the exit code."""
    tests = find_tests()
    text = page(find_functions(), tests, find_cases())
    wrong = gaps(tests)
    if "--check" not in arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append(
            "Expected docs/rules/README.md as the code says it, was stale. Run make rules and commit the page."
        )
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
