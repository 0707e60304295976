"""What the control API takes, and how it says that a request is wrong."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradex_sandbox import topics
from tradex_sandbox.feed_faults import FeedFault
from tradex_sandbox.http_faults import answer_error
from tradex_sandbox.order_requests import problems

COUNT_MAX = 100_000

Positive = Annotated[Decimal, Field(gt=0)]
Model = TypeVar("Model", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.Response]]


class ControlError(Exception):
    """A refusal of the control API: HTTP `status`, stable `code` and a message that names the field."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reason(_Strict):
    """Body of halt and resume."""

    reason: str = "told by the sandbox's operator"


class InstrumentChange(_Strict):
    """Body of an instrument's update; at least one of the three numbers."""

    tick_size: Positive | None = None
    lot_size: Positive | None = None
    min_notional: Annotated[Decimal, Field(ge=0)] | None = None
    reason: str = "told by the sandbox's operator"


class FeedFaultRequest(_Strict):
    """Body of a feed's fault."""

    fault: FeedFault
    count: Annotated[int, Field(ge=1, le=COUNT_MAX)] = 1
    """For how many deltas, or how many messages."""
    topic: str = topics.DELTA
    """Where `undecodable` and `unknown_schema` go."""


class Rotation(_Strict):
    """Body of a key rotation."""

    keep_old: bool = True


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """The request's body as `model`; no body means all defaults. Raises ControlError 400."""
    text = await request.read()
    try:
        return model.model_validate(json.loads(text) if text else {})
    except ValidationError as error:
        raise ControlError(400, "INVALID_REQUEST", problems(error)) from None
    except ValueError as error:
        raise ControlError(400, "INVALID_REQUEST", f"body: not JSON ({error})") from None


def controlled(handle: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    """A route that answers what `handle` returns as JSON, and a ControlError as `{code, message}`."""

    async def route(request: web.Request) -> web.Response:
        try:
            body = await handle(request)
        except ControlError as error:
            return answer_error(error.status, error.code, str(error))
        return web.Response(body=json.dumps(body).encode(), content_type="application/json")

    return route
