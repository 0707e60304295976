"""A real Apache Kafka: one node, broker and controller at once (KRaft), as a process of our own."""

import base64
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lab.end_with_parent import end_with_parent
from lab.postgres_server import free_port

START_S_MAX = 60.0
END_S_MAX = 30.0
LOOK_EVERY_S = 0.05
LOG_TAIL_LINES = 60
BROKER_SESSION_S = 5.0
"""After so long without a sign of the broker the controller takes it for dead, on a busy machine too."""

# Quick to start, small, and few threads: the machine has two cores and the tests want them.
_JAVA = ("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# One node cannot replicate. No waiting for more members than one. Nothing comes into being by itself.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After a crash a broker is let in again once the dead one is taken for dead; 9 s are too long here.
    "broker.session.timeout.ms": f"{BROKER_SESSION_S * 1000:.0f}",
    "broker.heartbeat.interval.ms": "1000",
    # Retention and compaction look ten times a second, from the start on, instead of every few minutes.
    "log.retention.check.interval.ms": "100",
    "log.initial.task.delay.ms": "100",
    "log.cleaner.backoff.ms": "100",
}

_LOGGING = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server
logger.server.level=INFO
logger.groups.name=org.apache.kafka.coordinator.group
logger.groups.level=INFO
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
"""


class ApacheKafka:
    """One broker. Started again after its end it has the same address and the same data."""

    def __init__(
        self, jars: Path, directory: Path, settings: Mapping[str, str] | None = None, listener: str = ""
    ) -> None:
        """`settings` are broker properties that differ from what the tests use otherwise.

        `listener` names one more listener beside PLAINTEXT, at `second_address`; the settings say what it is.
        """
        self._directory = directory
        self._classpath = f"{jars}/*"
        self.log = directory / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        self.second_address = f"127.0.0.1:{free_port()}"
        public = f"PLAINTEXT://{self.address}" + (f",{listener}://{self.second_address}" if listener else "")
        properties = {
            **_SETTINGS,
            "log.dirs": str(directory / "data"),
            "listeners": f"{public},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": public,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            **(settings or {}),
        }
        self._properties = directory / "server.properties"
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (directory / "log4j2.properties").write_text(_LOGGING)
        self._format()

    def _format(self) -> None:
        # Its first character may not be a hyphen, which the tool would take for an option.
        cluster = "M" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        formatted = subprocess.run(command, capture_output=True, text=True, timeout=START_S_MAX, check=False)
        if formatted.returncode != 0:
            raise RuntimeError(
                f"Kafka's storage could not be formatted:\n{formatted.stdout}{formatted.stderr}"
            )

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}"
        return [*_JAVA, logging, "-cp", self._classpath, main, *arguments]

    def start(self) -> None:
        """Start it and wait until it answers. Call it on the main thread: the broker ends with its thread."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start it without waiting."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._properties)),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock can be held
            )

    def await_ready(self) -> None:
        """Wait until the broker answers clients."""
        assert self._process is not None
        deadline = time.monotonic() + START_S_MAX
        while not _answers(self.address):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Apache Kafka did not start:\n{self.log_tail()}")
            time.sleep(LOOK_EVERY_S)

    def log_tail(self) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def freeze(self) -> None:
        """Stop answering; connections stay open."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """End in order."""
        self._send(signal.SIGTERM)
        self._await_end()

    def kill(self) -> None:
        """As a crash."""
        self._send(signal.SIGKILL)
        self._await_end()

    def recover(self) -> None:
        """Whatever was done to it, it runs and answers."""
        if self._process is None:
            self.launch()
        self.thaw()
        self.await_ready()

    def close(self) -> None:
        """Whatever it does, it is gone afterwards."""
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def _send(self, sign: signal.Signals) -> None:
        os.kill(self.pid, sign)

    def _await_end(self) -> None:
        assert self._process is not None
        self._process.wait(END_S_MAX)
        self._process = None


def _answers(address: str) -> bool:
    # A new client each time: one that met the broker while it was fenced can stay without brokers.
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
