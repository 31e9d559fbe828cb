"""Kafka's jars: fetched once from Maven Central by jgo, and each checked against `kafka-jars.sha256` at every start.

The committed list names every jar by its path in a Maven repository, so a start resolves nothing and may be offline.
`python -m infra.local.kafka_jars` writes the list anew, for another version of Kafka.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from jgo.maven import MavenContext
from jgo.parse import Endpoint

from infra.local.cache import find_cache
from infra.local.errors import LocalError
from infra.local.folder_lock import FolderLock
from infra.local.proc import wait_until

LIST = Path(__file__).with_name("kafka-jars.sha256")
KAFKA_VERSION = "4.4.0"
# The exclamation marks keep each part's dependency management to itself: log4j's would turn kafka-clients into 3.9.1.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!+org.apache.logging.log4j:log4j-slf4j-impl:2.25.5!"
DOWNLOADS_AT_ONCE = 6
ATTEMPTS = 3
OTHER_DOWNLOAD_SECONDS = 300  # another run may be fetching the same jars

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its path in a Maven repository, and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    def is_in(self, repository: Path) -> bool:
        """Tell whether the repository has exactly these bytes."""
        file = repository / self.path
        return file.is_file() and _sha256(file) == self.sha256


def listed_jars() -> list[Jar]:
    """Return the jars of the committed list."""
    lines = LIST.read_text().splitlines()
    return [Jar(Path(path), digest) for digest, path in (line.split("  ") for line in lines)]


def cached_jars(cache: Path | None = None) -> tuple[Path, int, int]:
    """Return the folder of the jars, how many of them are there and sound, and how many there should be."""
    repository = _repository(cache)
    return repository, sum(jar.is_in(repository) for jar in listed_jars()), len(listed_jars())


def class_path(cache: Path | None, say: Say) -> list[Path]:
    """Return every jar's file, in the order of the list, after fetching what is missing.

    Raises:
        LocalError: a jar cannot be had, or is not what the list says.
    """
    repository = _repository(cache)
    jars = listed_jars()
    if not all(jar.is_in(repository) for jar in jars):
        _fetch_all(jars, repository, say)
    return [repository / jar.path for jar in jars]


def _repository(cache: Path | None) -> Path:
    jars = listed_jars()
    return find_cache(lambda folder: all(jar.is_in(folder / "maven") for jar in jars), cache) / "maven"


def _fetch_all(jars: list[Jar], repository: Path, say: Say) -> None:
    lock = FolderLock(repository.parent / "maven.lock")
    if not wait_until(lock.try_take, OTHER_DOWNLOAD_SECONDS):
        lock.take(f"the download cache {repository}", "Another run is downloading; wait for it, or end it.")
    pool = None
    try:
        missing = [jar for jar in jars if not jar.is_in(repository)]
        say(f"Fetching Kafka {KAFKA_VERSION} from Maven Central: {len(missing)} jars, 43 MB, once")
        context = MavenContext(repo_cache=repository)
        pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
        for done, jar in enumerate(pool.map(lambda jar: _fetch(jar, context), missing), start=1):
            say(f"Fetching Kafka: {done} of {len(missing)}, {jar.path.name}")
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)  # Ctrl-C: what has begun may end, the rest stays away
        lock.release()


def _fetch(jar: Jar, context: MavenContext) -> Jar:
    file = Path(context.repo_cache) / jar.path
    for attempt in range(1, ATTEMPTS + 1):
        file.unlink(missing_ok=True)  # half of it, from a run that was ended
        try:
            _download(jar, context)
            break
        except (requests.RequestException, RuntimeError, OSError) as error:
            if attempt == ATTEMPTS:
                raise _fetch_error(jar, file, error) from error
    found = _sha256(file)
    if found != jar.sha256:
        file.unlink()
        raise LocalError(
            f"Expected {jar.path.name} with SHA-256 {jar.sha256}, was {found}; it was deleted. "
            "Try again; when it repeats, something between Maven Central and here changes what you download."
        )
    return jar


def _download(jar: Jar, context: MavenContext) -> None:
    *group, artifact, version, _name = jar.path.parts
    context.project(".".join(group), artifact).at_version(version).artifact().resolve()


def _fetch_error(jar: Jar, file: Path, error: Exception) -> LocalError:
    return LocalError(
        f"Expected to fetch {jar.path.name} from Maven Central, was refused: {error}. The first run needs the network; "
        f"or copy the folder {file.parents[len(jar.path.parts) - 1]} from a machine that has it, "
        "or use your own broker: NOVATE_KAFKA."
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def resolved_jars(repository: Path) -> Iterator[Jar]:
    """Ask Maven Central which jars this version of Kafka needs, fetch them, and yield each with its digest."""
    context = MavenContext(repo_cache=repository)
    coordinates = [replace(part, scope="compile") for part in Endpoint.parse(ENDPOINT).coordinates]
    given, needed = context.resolver.resolve([context.create_dependency(part) for part in coordinates])
    for dependency in (*given, *needed):
        if dependency.scope in {"compile", "runtime"}:
            file = dependency.artifact.resolve()
            yield Jar(file.relative_to(repository), _sha256(file))


if __name__ == "__main__":
    found = sorted(resolved_jars(_repository(None)), key=lambda jar: str(jar.path))
    LIST.write_text("".join(f"{jar.sha256}  {jar.path}\n" for jar in found))
    sys.stdout.write(f"{len(found)} jars written to {LIST.name}\n")
