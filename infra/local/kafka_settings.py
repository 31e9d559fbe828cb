"""The settings of the embedded broker, each with its reason where it is not plain."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
PORTS = (20_000, 32_000)
MEBIBYTE = 1024 * 1024

FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKER",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # The log is the book of record: nothing expires, and no topic comes to be by a spelling mistake.
    "log.retention.ms": "-1",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    # One broker: every internal topic has one replica, and few partitions.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(16 * MEBIBYTE),
    "replica.fetch.max.bytes": str(16 * MEBIBYTE),
    # Small machine: the cleaner's buffer would be 128 MiB of a 512 MiB heap.
    "log.cleaner.dedupe.buffer.size": str(16 * MEBIBYTE),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # A killed broker may come back only when its old session has ended: 9 s by default, most of a recovery.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "200",
    "controller.quorum.election.timeout.ms": "200",
}

LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = FILE
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %m (%c{{1}})%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10 MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = warn
rootLogger.appenderRef.file.ref = FILE
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.broker.name = kafka.server.BrokerServer
logger.broker.level = info
logger.log.name = kafka.log.LogManager
logger.log.level = info
"""


def server_properties(data: Path, broker_port: int, controller_port: int) -> str:
    """Return the text of `server.properties`; the voters are named, so that the ports may change from run to run."""
    places = {
        "log.dirs": str(data),
        "listeners": f"BROKER://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"BROKER://{HOST}:{broker_port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in {**FIXED, **places}.items())


def logging_properties(log: Path) -> str:
    """Return the text of the log4j configuration."""
    return LOGGING.format(log=_escaped(str(log)))


def _escaped(value: str) -> str:
    """Return a value as a Java properties file wants it."""
    escaped = value.replace("\\", "\\\\")
    return "".join(mark if mark.isascii() else f"\\u{ord(mark):04x}" for mark in escaped)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now.

    It lies below the ports that the kernel gives to outgoing connections (32768 and up on Linux): a client that knocks
    again and again while the broker restarts would otherwise be given the broker's own port one day, and hold it.
    """
    choice = random.SystemRandom()
    while not is_free(port := choice.randrange(*PORTS)):
        pass
    return port


def is_free(port: int) -> bool:
    """Tell whether the port can be listened on now, connections that are still closing aside."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Tell whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
