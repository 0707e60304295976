"""The Dockerfile's steps without a container engine: in a root directory of their own, by Linux' means.

The system's programs and this Python stand in for the base image, each bound into the new root read-only.
What the steps install stands at its true path there. Needs `unshare`, as root or where users may have
namespaces.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.deployment import ROOT, Instruction

STEP_S_MAX = 300.0
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib64")
_ETC = (
    "resolv.conf",
    "hosts",
    "nsswitch.conf",
    "ld.so.cache",
    "pip.conf",
    "ssl",
    "ca-certificates",
    "login.defs",
)
_PASSED_ON = ("PIP_", "SSL_CERT", "REQUESTS_CA", "http", "HTTP", "no_proxy", "NO_PROXY")
_PYTHON = Path(sys.base_prefix)
_ENTER = """
set -e
for name in $SYSTEM; do [ -L $NEW/$name ] || mount --bind /$name $NEW/$name; done
mount --bind $PYTHON $NEW$PYTHON
if [ $WRITABLE = no ]; then
    mount --rbind $NEW $NEW
    mount -o remount,bind,ro $NEW
    cd $NEW
    for name in $SYSTEM; do [ -L $NEW/$name ] || mount -o remount,bind,ro $NEW/$name; done
fi
mount --rbind /dev $NEW/dev
mount --rbind /proc $NEW/proc
mount -t tmpfs tmpfs $NEW/tmp
exec chroot $NEW "$@"
"""


class NoNamespacesError(Exception):
    """This machine lets us make no root directory of our own; the text says why."""


class ImageRoot:
    """One root directory; `run` runs a program in it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "root"
        for name in ("dev", "proc", "tmp", "etc", "opt", "source", str(_PYTHON).lstrip("/")):
            (self.path / name).mkdir(parents=True)
        for name in _SYSTEM:
            outside, inside = Path("/", name), self.path / name
            if outside.is_symlink():
                inside.symlink_to(outside.readlink())
            elif outside.exists():
                inside.mkdir()
        for name in _ETC:
            source = Path("/etc", name)
            if source.is_dir():
                shutil.copytree(source, self.path / "etc" / name, symlinks=True)
            elif source.exists():
                shutil.copy(source, self.path / "etc" / name)
        (self.path / "etc/passwd").write_text("root:x:0:0:root:/tmp:/bin/sh\n")
        (self.path / "etc/group").write_text("root:x:0:\n")
        self._require_namespaces()

    def run(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: str = "/",
        user: str | None = None,
        writable: bool = False,
        timeout_s: float = STEP_S_MAX,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. `user` is `uid:gid`; by default nothing but /tmp can be written."""
        return subprocess.run(
            self.command(command, environ, cwd=cwd, user=user, writable=writable),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def command(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: str = "/",
        user: str | None = None,
        writable: bool = False,
    ) -> list[str]:
        """The command line that does it, for programs that go on running."""
        outside = {
            "NEW": str(self.path),
            "PYTHON": str(_PYTHON),
            "SYSTEM": " ".join(_SYSTEM),
            "WRITABLE": "yes" if writable else "no",
            "PATH": os.environ["PATH"],
        }
        namespaces = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        as_user = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        if user is not None and os.geteuid() == 0:
            uid, _, gid = user.partition(":")
            as_user += [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        inside = ["env", "-i", f"--chdir={cwd}", *_pairs(environ), *(as_user if user else []), *command]
        return ["env", "-i", *_pairs(outside), *namespaces, "sh", "-c", _ENTER, "enter", *inside]

    def build(self, stage: Sequence[Instruction]) -> None:
        """Carry out a stage's COPY and RUN instructions; AssertionError with the output of one that fails."""
        workdir = "/"
        environ = {"PATH": f"{_PYTHON}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"}  # noqa: S108 - its own
        environ |= {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        for step in stage:
            if step.name == "WORKDIR":
                workdir = step.text
            elif step.name == "ENV":
                environ |= dict(word.split("=", 1) for word in step.words)
            elif step.name == "COPY" and "--from=build" not in step.words:
                self._copy(step.words, workdir)
            elif step.name == "RUN":
                done = self.run(["sh", "-ec", step.text], environ, cwd=workdir, writable=True)
                assert done.returncode == 0, f"{step.text}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"

    def _copy(self, words: Sequence[str], workdir: str) -> None:
        *sources, target = words
        into = self.path / f"{workdir}/{target}".lstrip("/")
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, ignore=_ignored, dirs_exist_ok=True)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, into)

    def _require_namespaces(self) -> None:
        if shutil.which("unshare") is None or shutil.which("setpriv") is None:
            raise NoNamespacesError("there is no unshare or setpriv (Debian: util-linux)")
        tried = self.run(["true"], {"PATH": "/usr/bin:/bin"}, user="10001:10001", timeout_s=10)
        if tried.returncode != 0:
            raise NoNamespacesError(f"no namespace with its own mounts: {tried.stderr.strip()}")


def _pairs(environ: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environ.items()]


def _ignored(_directory: str, names: list[str]) -> set[str]:
    """What .dockerignore's `**/` lines keep out."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    return {name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}
