"""The command line `mmctl`, run in a thread while the service answers."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from mmctl.main import app


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Mmctl:
    """A command line with its options for one service."""

    home: Path
    url: str
    token: str | None = None

    async def __call__(self, *words: str, answer: str = "", columns: int = 200) -> Ended:
        """Run a command; `answer` is what is typed."""
        options = ["--url", self.url]
        if self.token is not None:
            file = self.home / "token"
            file.touch(0o600)
            file.write_text(self.token)
            options += ["--token-file", str(file)]
        return await self.plain(*options, *words, answer=answer, columns=columns)

    async def plain(self, *words: str, answer: str = "", columns: int = 200) -> Ended:
        """The same without the options."""
        environment = {"MMCTL_CONFIG": str(self.home / "contexts.yaml"), "COLUMNS": str(columns)}
        runner = CliRunner(env=environment)
        done = await asyncio.to_thread(runner.invoke, app, list(words), input=answer)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)
