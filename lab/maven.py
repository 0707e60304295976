"""Java servers for tests: fetched once by Maven, by the coordinates in *.pom.xml, and kept in the venv."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
JAVA_MIN = 17
FETCH_S_MAX = 300.0


class NoJavaServerError(Exception):
    """A server cannot be had on this machine; the text says what has to be installed."""


def kafka_jars() -> Path:
    """The folder of Apache Kafka's jars. NoJavaServerError without Java or Maven."""
    return _fetched(HERE / "kafka.pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime")


def registry_folder() -> Path:
    """The folder of Apicurio Registry. NoJavaServerError without Java or Maven."""
    return _fetched(HERE / "registry.pom.xml", "dependency:unpack")


def _fetched(pom: Path, *goal: str) -> Path:
    _require_java()
    name = pom.name.partition(".")[0]
    folder = Path(sys.prefix) / "java" / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes want it at once
        if not folder.is_dir():
            _fetch(pom, folder, goal)
    return folder


def _require_java() -> None:
    java = shutil.which("java")
    if java is None:
        raise NoJavaServerError(f"there is no java; install Java {JAVA_MIN} or newer")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    if found is None or int(found[1]) < JAVA_MIN:
        first = told.stderr.splitlines()[0] if told.stderr else "unknown"
        raise NoJavaServerError(f"Java {JAVA_MIN} or newer is needed, {java} is {first}")


def _fetch(pom: Path, folder: Path, goal: tuple[str, ...]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoJavaServerError(f"there is no mvn; install Maven, which fetches what {pom.name} names")
    # What is in place is complete: a fetch that was interrupted leaves nothing there.
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        project = Path(shutil.copy(pom, work))  # beside its pom Maven writes files of its own
        output = Path(work) / "output"
        try:
            fetched = subprocess.run(
                [
                    maven,
                    "--batch-mode",
                    "--quiet",
                    "--file",
                    str(project),
                    *goal,
                    f"-DoutputDirectory={output}",
                ],
                capture_output=True,
                text=True,
                timeout=FETCH_S_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"mvn had not fetched {pom.name} after {FETCH_S_MAX:g} s") from None
        if fetched.returncode != 0:
            said = f"{fetched.stdout[-2000:]}{fetched.stderr[-500:]}"
            raise RuntimeError(f"mvn could not fetch {pom.name}:\n{said}")
        output.rename(folder)
