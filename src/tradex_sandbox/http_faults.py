"""Faults carried out: what a client of the Order Service, or of another one, meets instead of the answer."""

import asyncio
import json
from collections.abc import Callable, Sequence

from aiohttp import web

from tradex_sandbox.faults import Fault, FaultKind, FaultTable, Operation, Phase
from tradex_sandbox.schema_store import RegistryError

NOT_HTTP = b"\x15\x03\x01\x00\x02\x02\x28 this is not HTTP\r\n\r\n"


async def misbehave(
    request: web.Request, faults: Sequence[Fault], process: Callable[[], web.Response]
) -> web.Response:
    """Answer a request as the faults say; `process` does the work, at most once.

    A client that gives up does not stop the work: it may be done long after.
    """
    before = [fault for fault in faults if fault.strikes is Phase.BEFORE]
    after = [fault for fault in faults if fault.strikes is Phase.AFTER]
    await _delay(before)
    for fault in before:
        answer = _replacement(request, fault)
        if answer is not None:
            return answer
    response = process()
    await _delay(after)
    for fault in after:
        if fault.kind is FaultKind.DUPLICATE:
            _write(request, _raw(response))
            return response
        answer = _replacement(request, fault, response)
        if answer is not None:
            return answer
    return response


async def _delay(faults: Sequence[Fault]) -> None:
    delay_ms = sum(fault.delay_ms for fault in faults)
    if delay_ms:
        await asyncio.sleep(delay_ms / 1000)


def _replacement(
    request: web.Request, fault: Fault, response: web.Response | None = None
) -> web.Response | None:
    """What is answered instead; None when the fault leaves the answer alone."""
    match fault.kind:
        case FaultKind.REFUSE | FaultKind.ERROR:
            return answer_error(fault.answer_status, fault.answer_code, fault.message)
        case FaultKind.RATE_LIMIT:
            limited = answer_error(429, fault.answer_code, fault.message)
            limited.headers["Retry-After"] = f"{fault.retry_after_s:g}"
            return limited
        case FaultKind.GARBAGE:
            status = 200 if response is None else response.status
            return web.Response(body=fault.body.encode(), status=status, content_type="application/json")
        case FaultKind.NOT_HTTP:
            _write(request, NOT_HTTP)
            return _broken(request)
        case FaultKind.DROP:
            return _broken(request)
        case _:
            return None


class Outages:
    """The gates in front of the other services, which are late, or answer 5xx."""

    def __init__(self, faults: FaultTable) -> None:
        self._faults = faults

    async def registry(self) -> None:
        """Delay; raises RegistryError while the registry is out."""
        fault = await self._met(Operation.REGISTRY)
        if fault is not None:
            raise RegistryError(fault.answer_status, 50001, fault.message)

    async def jwks(self) -> web.Response | None:
        """Delay; the answer to give instead while the keys are unreachable."""
        fault = await self._met(Operation.JWKS)
        return None if fault is None else answer_error(fault.answer_status, fault.answer_code, fault.message)

    async def _met(self, operation: Operation) -> Fault | None:
        """Wait as the faults say; the first that replaces the answer."""
        faults = self._faults.take(operation, None)
        await _delay(faults)
        return next((fault for fault in faults if fault.kind is FaultKind.ERROR), None)


def answer_error(status: int, code: str, message: str) -> web.Response:
    """A refusal in the Order Service's form."""
    body = json.dumps({"code": code, "message": message}).encode()
    return web.Response(body=body, status=status, content_type="application/json")


def _broken(request: web.Request) -> web.Response:
    """Close the connection; what aiohttp then writes goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


def _write(request: web.Request, data: bytes) -> None:
    if request.transport is not None:
        request.transport.write(data)


def _raw(response: web.Response) -> bytes:
    """A response's bytes on the wire."""
    body = response.body if isinstance(response.body, bytes) else b""
    head = (
        f"HTTP/1.1 {response.status} {response.reason}\r\n"
        f"Content-Type: {response.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
