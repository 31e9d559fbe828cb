"""The house rules that no linter knows: purity of money code, no machine's traces, a README whose commands run."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What would make two runs differ, or touch the world. `re`, `dataclasses`, `enum`, `math` (on integers) are fine.
IMPURE = {
    *("asyncio", "builtins", "ctypes", "glob", "http", "locale", "logging", "multiprocessing", "os", "pathlib"),
    *("platform", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys"),
    *("tempfile", "threading", "time", "urllib", "uuid"),
}
IMPURE_CALLS = {"open", "input", "print", "hash", "now", "utcnow", "today", "getenv", "urandom"}
IN_MEMORY = {"BytesIO", "StringIO"}  # of io
MACHINE = re.compile(
    rb"/(?:home|Users)/[a-z]|/root/|/work/|/tmp/(?!novate)[a-z0-9_.-]+"  # folders of one machine
    rb"|(?:pypi|pythonhosted|mirror|proxy|artifactory|nexus|devpi)[a-z0-9.-]*\.(?:org|com|net|io|internal|local)\b"
)


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files of some folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def tracked_files() -> list[Path]:
    """Return the files that git tracks, or all of the source when this is no checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def impurities(source: str) -> list[str]:
    """Return what a module imports or calls that reads a clock, chance, the environment or the disk."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"line {node.lineno}: import {a.name}" for a in node.names if a.name.split(".")[0] in IMPURE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in IMPURE:
            found.append(f"line {node.lineno}: from {node.module} import")
        elif isinstance(node, ast.ImportFrom) and node.module == "io":
            found += [f"line {node.lineno}: io.{a.name}" for a in node.names if a.name not in IN_MEMORY]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "io":
            found += [f"line {node.lineno}: io.{node.attr}"] if node.attr not in IN_MEMORY else []
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            builtin_only = {"open", "input", "print", "hash"}
            if name in IMPURE_CALLS and (name not in builtin_only or isinstance(node.func, ast.Name)):
                found.append(f"line {node.lineno}: {name}()")
    return found


def floats(source: str) -> list[str]:
    """Return where a module makes a float: a literal, `float`, or a true division. Waiting times are no money."""
    found = []
    tree = ast.parse(source)
    waits = {id(annotated.annotation) for annotated in ast.walk(tree) if is_wait(annotated)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if id(node) in waits:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"line {node.lineno}: {node.value}")
        elif isinstance(node, ast.Name) and node.id in {"float", "Float32", "Float64"}:
            found.append(f"line {node.lineno}: {node.id}")
        elif isinstance(node, ast.Attribute) and node.attr in {"Float32", "Float64", "float64", "mean"}:
            found.append(f"line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not is_path(node):
            found.append(f"line {node.lineno}: / (use //)")
    return found


def is_wait(node: ast.AST) -> bool:
    """Return whether a name is declared as seconds to wait, by its last word."""
    if isinstance(node, ast.arg):
        return node.annotation is not None and node.arg.endswith("seconds")
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.endswith("seconds")


def is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """Return whether a division joins a path: by a text that stands there (otherwise write joinpath)."""
    right = node.right if isinstance(node, ast.BinOp) else node.value
    return isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and isinstance(right.value, str))


@pytest.mark.parametrize("folder", ["settlement/domain", "settlement/folds"])
def test_domain_and_folds_are_pure(folder: str) -> None:
    """Domain and folds import and call nothing that knows the time, chance, the environment or the disk."""
    found = {str(path.relative_to(ROOT)): impurities(path.read_text(encoding="utf-8")) for path in python_files(folder)}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_domain_imports_the_standard_library_only() -> None:
    """The domain imports the standard library and itself, nothing else."""
    strangers = []
    for path in python_files("settlement/domain"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            strangers += [
                f"{path.relative_to(ROOT)}: {name}"
                for name in names
                if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("settlement.domain")
            ]
    assert strangers == []


@pytest.mark.parametrize("folder", ["settlement/domain", "settlement/folds", "settlement/run"])
def test_money_code_has_no_float(folder: str) -> None:
    """Between feed and ledger no float is written, made or divided into being."""
    found = {str(path.relative_to(ROOT)): floats(path.read_text(encoding="utf-8")) for path in python_files(folder)}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "finder"),
    [
        ("import time", impurities),
        ("from os import environ", impurities),
        ("from datetime import datetime\ndatetime.now()", impurities),
        ("open('x')", impurities),
        ("import io\nio.open('x')", impurities),
        ("from io import open", impurities),
        ("x = 0.5", floats),
        ("x = float('1')", floats),
        ("x = 1\nx /= 2", floats),
        ("x = 3 / 2", floats),
        ("def f(price: float) -> None: ...", floats),
    ],
)
def test_the_finders_find(source: str, finder: object) -> None:
    """Each kind of impurity and of float is seen by the check that forbids it."""
    assert callable(finder)
    assert finder(source)


def test_every_package_has_its_layer() -> None:
    """A new package of settlement/ does not escape the one direction of dependencies."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (c["layers"] for c in pyproject["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    placed = {name.strip(" ()") for layer in layers for name in layer.split(":")}
    packages = {f"settlement.{path.parent.name}" for path in (ROOT / "settlement").glob("*/__init__.py")}
    modules = {f"settlement.{path.stem}" for path in (ROOT / "settlement").glob("*.py")} - {"settlement.__init__"}
    assert packages | modules <= placed


def test_only_config_reads_the_environment() -> None:
    """The environment is read by settlement/config.py and nowhere else, not even through an import of `environ`."""
    pattern = re.compile(r"\bos\.(environ|getenv)|from os import .*\b(environ|getenv)\b")
    readers = [
        str(path.relative_to(ROOT))
        for path in python_files("settlement", "streams", "infra")
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    passes_it_on = "infra/local/spawn.py"  # to what it starts, without a look
    assert [path for path in readers if path not in {"settlement/config.py", passes_it_on}] == []


def test_no_machine_leaves_its_traces() -> None:
    """No tracked file names a folder of somebody's machine or the host of a package registry."""
    traces = []
    for path in tracked_files():
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            traces += [f"{path.relative_to(ROOT)}:{number}: {hit.group().decode()}" for hit in MACHINE.finditer(line)]
    assert traces == []
