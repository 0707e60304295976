"""The Prometheus endpoint: its own thread, so that a scrape does not wait for the event loop."""

import errno
import gzip
import os
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from market_maker.telemetry.metrics import Metrics

CONNECTIONS_MAX: Final = 16
"""Each has a thread. The oldest makes room for the newest."""
CONNECTION_S_MAX: Final = 10.0
"""From its beginning to the last byte of its answer; a scrape takes a fraction of a second."""
_PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
_GZIP_LEVEL: Final = 1
"""A fifth more bytes than at the highest, in a twentieth of the time."""


class MetricsPortError(OSError):
    """The metrics port cannot be listened on; the message names the setting and the fix."""


class MetricsServer:
    """Serves metrics at `/metrics` until closed.

    Raises MetricsPortError when the port is taken or may not be used; it names the port's `setting`.
    """

    def __init__(self, metrics: Metrics, host: str, port: int, setting: str = "METRICS_PORT") -> None:
        server = _Server6 if ":" in host else _Server
        self._metrics = metrics
        try:
            self._server = make_server(host, port, self._answer, server, _Handler)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            fix = f"choose another {setting}"
            if error.errno == errno.EADDRINUSE:
                fix = f"stop what listens there or choose another {setting}"
            elif error.errno != errno.EACCES:
                fix = "correct METRICS_HOST, or HTTP_HOST without it"
            raise MetricsPortError(
                error.errno, f"{setting}: cannot listen on {host}:{port} ({why}); {fix}"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop serving and free the port."""
        with suppress(OSError):  # its thread would else look only twice a second whether it should stop
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """On a connection's thread, in the format that is asked for."""
        if request["REQUEST_METHOD"] != "GET":
            start("405 Method Not Allowed", [("Allow", "GET")])
            return []
        openmetrics = "application/openmetrics-text" in request.get("HTTP_ACCEPT", "")
        headers = [("Content-Type", _OPENMETRICS if openmetrics else _PLAIN)]
        text = self._metrics.text(openmetrics=openmetrics)
        if "gzip" in request.get("HTTP_ACCEPT_ENCODING", ""):
            text = gzip.compress(text, _GZIP_LEVEL)
            headers.append(("Content-Encoding", "gzip"))
        start("200 OK", headers)
        return [text]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, of which there are few and none for long."""

    daemon_threads = True

    def __init__(self, *args: Any, **named: Any) -> None:
        self._began_s: dict[socket.socket, float] = {}
        """In the order of arrival."""
        self._lock = threading.Lock()
        super().__init__(*args, **named)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A connection was accepted."""
        with self._lock:
            if len(self._began_s) >= CONNECTIONS_MAX:
                self._cut_off(next(iter(self._began_s)))
            self._began_s[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Its thread is done with it."""
        with self._lock:
            self._began_s.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: cut off who takes too long, whatever he sends meanwhile."""
        with self._lock:
            now_s = time.monotonic()
            for connection in [
                one for one, began_s in self._began_s.items() if now_s - began_s > CONNECTION_S_MAX
            ]:
                self._cut_off(connection)

    def _cut_off(self, connection: socket.socket) -> None:
        """Its thread sees the end of it."""
        del self._began_s[connection]
        with suppress(OSError):  # it may have ended by itself
            connection.shutdown(socket.SHUT_RDWR)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    """Tells nothing of each request, and of none that was cut off."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        pass
