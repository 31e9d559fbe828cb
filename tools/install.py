"""Set up .venv from requirements.lock, every package checked against its hash, and show that it moves.

Run by `make` with any Python 3.11 or newer; uses the standard library only.
"""

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"
LOG = VENV / "install.log"

PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]
# Wheels only: a source package would pull build tools that no hash of the lock covers.
LOCKED = ["--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
# The build backend comes from the lock, not from an isolated environment that pip would fetch.
OURSELVES = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
LARGE = re.compile(r"\(([0-9.]+ [MG]B)\)")


def main() -> int:
    """Install, print progress, and stamp the result; return the exit code."""
    print(f"Setting up .venv from requirements.lock (Python {sys.version.split()[0]}, once)", flush=True)
    if not pip_works():
        try:
            venv.create(VENV, with_pip=True, symlinks=True, clear=VENV.exists())
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"Expected to create {VENV}, was: {error}.")
            print("Install your system's venv package (on Debian: apt install python3-venv), then run make again.")
            return 1
    STAMP.unlink(missing_ok=True)
    LOG.unlink(missing_ok=True)
    if not run_pip(LOCKED, packages=count_packages()) or not run_pip(OURSELVES, packages=1):
        print(f"Expected every package of requirements.lock to install, was the error above (all of it: {LOG}).")
        print("Check the network or the package index that pip is set to, then run make again.")
        return 1
    STAMP.write_text(str(ROOT), encoding="utf-8")
    return 0


def pip_works() -> bool:
    """Return whether a usable venv stands here already (not half made, not moved from elsewhere)."""
    if not PYTHON.exists():
        return False
    code = "import pip, sys; print(sys.prefix); sys.exit(sys.version_info < (3, 11))"
    answer = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and Path(answer.stdout.strip()) == VENV and not moved()


def moved() -> bool:
    """Return whether the venv's scripts start the Python of another folder."""
    script = VENV / "bin" / "pip"
    return not script.exists() or str(VENV) not in script.read_text(encoding="utf-8", errors="replace")


def count_packages() -> int:
    """Return how many packages the lock names."""
    return len(re.findall(r"^[a-zA-Z0-9]\S*==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))


def run_pip(arguments: list[str], packages: int) -> bool:
    """Run pip with one line of progress; on failure print the end of what it said."""
    said: list[str] = []
    with (
        subprocess.Popen(
            PIP + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        ) as pip,
        LOG.open("a", encoding="utf-8") as log,
    ):
        if pip.stdout is None:
            return False
        for line in narrate(keep(pip.stdout, said), packages):
            log.write(line)
    if pip.returncode != 0:
        print("".join(said[-15:]), end="")
    return pip.returncode == 0


def keep(lines: Iterator[str], said: list[str]) -> Iterator[str]:
    """Pass lines on and remember them."""
    for line in lines:
        said.append(line)
        yield line


def narrate(lines: Iterator[str], packages: int) -> Iterator[str]:
    """Pass pip's lines on and print what stage it has reached."""
    done = 0
    for line in lines:
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            done += 1
            name = re.split(r"[=<>;]", words[1] if words[0] == "Collecting" else words[3])[0]
            show(f"  {done} of {packages}: {name}", now=done % 20 == 0)
        elif line.strip().startswith("Downloading ") and (size := LARGE.search(line)):
            megabytes = float(size[1].split()[0])
            show(f"  {done} of {packages}: {words[1].split('-')[0]}, {size[1]}", now=megabytes > 10)
        elif line.startswith("Installing collected packages"):
            show("  unpacking", now=packages > 1)
        yield line
    show("", now=False)


def show(text: str, *, now: bool) -> None:
    """Print progress: one moving line on a terminal, a line now and then elsewhere."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\x1b[K{text}")
    elif now:
        sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped before .venv was complete. Run make again: it goes on from here.")
