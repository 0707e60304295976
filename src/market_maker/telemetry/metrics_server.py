"""The Prometheus endpoint: its own thread, so that a scrape does not wait for the event loop."""

import errno
import os
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server


class MetricsPortError(OSError):
    """The metrics port cannot be listened on; the message names the setting and the fix."""


class MetricsServer:
    """Serves a registry at `/metrics` until closed.

    Raises MetricsPortError when the port is taken or may not be used; it names the port's `setting`.
    """

    def __init__(
        self, registry: CollectorRegistry, host: str, port: int, setting: str = "METRICS_PORT"
    ) -> None:
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            fix = f"choose another {setting}"
            if error.errno == errno.EADDRINUSE:
                fix = f"stop what listens there or choose another {setting}"
            elif error.errno != errno.EACCES:
                fix = "correct HTTP_HOST"
            raise MetricsPortError(
                error.errno, f"{setting}: cannot listen on {host}:{port} ({why}); {fix}"
            ) from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
