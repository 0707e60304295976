"""The admin API over HTTP. Every refusal becomes a Failure with the service's own sentence."""

import json
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx2

from mmctl.contexts import ServiceContext
from mmctl.failures import Exit, Failure

TIMEOUT_S: Final = 40.0
"""An enable may wait 30 s."""
PAGE: Final = 500

_CODES: Final = {
    HTTPStatus.UNAUTHORIZED: Exit.NOT_SIGNED_IN,
    HTTPStatus.NOT_FOUND: Exit.NOT_FOUND,
    HTTPStatus.SERVICE_UNAVAILABLE: Exit.UNREACHABLE,
}

Answer = Any
"""What the API answered, as JSON."""


class Refusal(Failure):
    """The service answered with a problem."""

    def __init__(self, problem: Mapping[str, Any], status: int) -> None:
        code = _CODES.get(HTTPStatus(status), Exit.REFUSED)
        if any(one["accepted"] for one in problem.get("results") or ()):
            code = Exit.PARTLY
        detail = str(problem.get("detail", "no reason given"))
        reasons = [str(one["detail"]) for one in problem.get("problems") or ()]
        if any(one not in detail for one in reasons):
            detail = f"{detail}: {'; '.join(reasons)}"
        super().__init__(code, f"{problem.get('code', status)}: {detail}")
        self.results: list[dict[str, Any]] = problem.get("results") or []
        self.problem = problem


class Client:
    """One service."""

    def __init__(self, context: ServiceContext) -> None:
        """Raises Failure when the context cannot be used."""
        if not context.url.startswith(("http://", "https://")):
            detail = f"--url {context.url}: must begin with http:// or https://, as http://127.0.0.1:8080"
            raise Failure(Exit.BAD_CONTEXT, detail)
        token = context.token()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            trust: ssl.SSLContext | bool = (
                True if context.ca_file is None else ssl.create_default_context(cafile=context.ca_file)
            )
            self._http = httpx2.Client(
                base_url=context.url, headers=headers, timeout=TIMEOUT_S, verify=trust, trust_env=False
            )
        except (OSError, ValueError, httpx2.InvalidURL) as error:
            raise Failure(Exit.BAD_CONTEXT, f"{context.url}: {error}") from error

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: object
    ) -> tuple[int, Answer]:
        """Status and answer. Raises Failure, Refusal for a problem."""
        params = {name: _text(value) for name, value in query.items() if value is not None}
        # NaN goes as it is: the service refuses it by its field's name.
        content = None if body is None else json.dumps(body, default=str)
        media = None if body is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, path, content=content, headers=media, params=params)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            detail = f"{self._http.base_url} does not answer: {error or type(error).__name__}"
            raise Failure(Exit.UNREACHABLE, detail) from error
        is_json = "json" in answer.headers.get("content-type", "")
        if answer.is_success:
            return answer.status_code, answer.json() if is_json else answer.text
        raise Refusal(_problem(answer, is_json=is_json), answer.status_code)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str, **query: object) -> Answer:
        """What a GET answers. Raises Failure."""
        return self.ask("GET", path, None, **query)[1]

    def pages(self, path: str, limit: int, **query: object) -> Iterator[dict[str, Any]]:
        """The first `limit` items of a paged list. Raises Failure."""
        cursor = None
        while limit > 0:
            page = self.get(path, limit=min(limit, PAGE), cursor=cursor, **query)
            yield from page["items"]
            limit -= len(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return


def _problem(answer: httpx2.Response, *, is_json: bool) -> Mapping[str, Any]:
    body = answer.json() if is_json else None
    if isinstance(body, dict):
        return body
    return {
        "code": answer.status_code,
        "detail": "the answer is not one of the market maker's: check the URL",
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
