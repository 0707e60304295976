"""Where the service is and who asks: contexts in a file, as kubectl has them.

    current: desk
    contexts:
      desk: {url: https://mm.example:8080, token_file: ~/.mm-token, ca_file: null}

A token file that others can read is refused: whoever reads it can act in its owner's name.
"""

import os
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from mmctl.failures import Exit, Failure, why

DEFAULT_URL: Final = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """One service and how to ask it."""

    url: str = DEFAULT_URL
    token_file: str | None = None
    ca_file: str | None = None

    def token(self) -> str | None:
        """What stands in the token file, None without one. Raises Failure."""
        if self.token_file is None:
            return None
        path = Path(self.token_file).expanduser()
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise Failure(Exit.BAD_CONTEXT, f"token file {path}: {why(error)}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            detail = f"token file {path} can be read by others: chmod 600 {path}"
            raise Failure(Exit.BAD_CONTEXT, detail)
        if not text or not text.isascii() or any(char.isspace() for char in text):
            raise Failure(Exit.BAD_CONTEXT, f"token file {path} does not hold one token")
        return text


@dataclass
class Contexts:
    """The file of contexts."""

    path: Path
    current: str | None = None
    known: dict[str, ServiceContext] = field(default_factory=dict)

    @classmethod
    def load(cls) -> "Contexts":
        """From MMCTL_CONFIG or ~/.config/mmctl/config.yaml; empty without a file. Raises Failure."""
        given = os.environ.get("MMCTL_CONFIG")
        path = Path(given) if given else Path.home() / ".config/mmctl/config.yaml"
        if not path.exists():
            return cls(path)
        try:
            read: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            known = {str(name): ServiceContext(**one) for name, one in read.get("contexts", {}).items()}
            return cls(path, read.get("current"), known)
        except (OSError, UnicodeError, yaml.YAMLError, TypeError, AttributeError) as error:
            raise Failure(Exit.BAD_CONTEXT, f"{path} is no file of contexts: {error}") from error

    def chosen(self, name: str | None) -> ServiceContext:
        """The one named, else the current one, else the service on this machine. Raises Failure."""
        wanted = name or self.current
        if wanted is None:
            return ServiceContext()
        if wanted not in self.known:
            detail = f"no context {wanted} in {self.path}: mmctl context set {wanted} --url ..."
            raise Failure(Exit.BAD_CONTEXT, detail)
        return self.known[wanted]

    def save(self) -> None:
        """Write the file, readable by its owner alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"current": self.current, "contexts": {name: asdict(one) for name, one in self.known.items()}}
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            yaml.safe_dump(kept, file, sort_keys=False)
