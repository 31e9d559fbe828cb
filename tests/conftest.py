"""What the whole suite shares: one broker and one database a run, the markers, and which tests go together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from infra.local.kafka import Kafka
from settlement.domain.rules import RULES
from tests.parts import KAFKA, POSTGRES, Parts

HERE: Final = Path(__file__).parent
TOGETHER: Final = {"e2e": "platform", "chaos": "platform", "cli": "cli"}
"""Areas whose tests share a platform, so one process runs them; the longest first. Elsewhere a file goes together."""
_PARTS: Final = pytest.StashKey[Parts]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --long: the tests that take minutes run too (make chaos)."""
    parser.addoption("--long", action="store_true", help="run the tests marked long too")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and know the run's parts: the first process makes their folder, the others are told."""
    config.addinivalue_line("markers", "rule(*codes): the rules of settlement/domain/rules.py that this test carries")
    config.addinivalue_line("markers", "long: runs only with --long (minutes; make chaos, make bench)")
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    run = Parts.of_this_run() if told is None else Parts(Path(told["parts_folder"]), told["parts_pid"])
    config.stash[_PARTS] = run


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a further process of the run where the parts are."""
    run = node.config.stash[_PARTS]
    node.workerinput.update(parts_folder=str(run.folder), parts_pid=run.run_pid)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the parts with the run."""
    if not hasattr(config, "workerinput"):
        config.stash[_PARTS].stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Let one process run what goes together; make test keeps our order, as xdist's own counts tests, not seconds."""
    return _Together(config, log)


class _Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    def _split_scope(self, nodeid: str) -> str:
        place = nodeid.partition("::")[0]
        return TOGETHER.get(place.split("/")[1], place)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a rule code that is not in the catalogue, deselect long tests, and put the longest first."""
    for item in items:
        for mark in item.iter_markers("rule"):
            if not mark.args or not set(mark.args) <= RULES.keys():
                message = f"Expected rule codes of settlement/domain/rules.py, was {mark.args} on {item.nodeid}."
                raise pytest.UsageError(message)
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        if long:
            items[:] = [item for item in items if not item.get_closest_marker("long")]
            config.hook.pytest_deselected(items=long)
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in TOGETHER)


@pytest.fixture(scope="session")
def bootstrap(pytestconfig: pytest.Config) -> str:
    """The address of the run's broker."""
    return pytestconfig.stash[_PARTS].address(KAFKA)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> str:
    """The address of the run's Postgres, for superusers."""
    return pytestconfig.stash[_PARTS].address(POSTGRES)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of a test's own, which may be killed."""
    broker = Kafka(tmp_path / "own")
    broker.start()
    yield broker
    broker.stop()
