"""Apache Kafka's jars: fetched once by Maven, by the coordinates in kafka.pom.xml, and kept in the venv."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

POM = Path(__file__).with_name("kafka.pom.xml")
JAVA_MIN = 17
FETCH_S_MAX = 300.0


class NoKafkaError(Exception):
    """Apache Kafka cannot be had on this machine; the text says what is missing."""


def kafka_jars() -> Path:
    """The folder of jars, fetched when it is not there yet. NoKafkaError without Java, Maven or network."""
    _require_java()
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    jars = Path(sys.prefix) / "kafka" / version
    if not jars.is_dir():
        _fetch(jars)
    return jars


def _require_java() -> None:
    java = shutil.which("java")
    if java is None:
        raise NoKafkaError(f"there is no java; install Java {JAVA_MIN} or newer")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    if found is None or int(found[1]) < JAVA_MIN:
        first = told.stderr.splitlines()[0] if told.stderr else "unknown"
        raise NoKafkaError(f"Java {JAVA_MIN} or newer is needed, {java} is {first}")


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafkaError("there is no mvn; install Maven, which fetches Apache Kafka")
    # Complete once it has its name: a fetch that was interrupted is begun anew.
    partial = jars.with_name(f"{jars.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = [maven, "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies"]
    try:
        fetched = subprocess.run(
            [*command, f"-DoutputDirectory={partial}", "-DincludeScope=runtime"],
            capture_output=True,
            text=True,
            timeout=FETCH_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoKafkaError(f"mvn had not fetched Apache Kafka after {FETCH_S_MAX:g} s") from None
    if fetched.returncode != 0:
        raise NoKafkaError(
            f"mvn could not fetch Apache Kafka:\n{fetched.stdout[-2000:]}{fetched.stderr[-500:]}"
        )
    partial.rename(jars)
