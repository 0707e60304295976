"""Faults of the registry and of the auth service: they are late, or they answer 5xx."""

import asyncio

from aiohttp import web

from tradex_sandbox.faults import Fault, FaultKind, FaultTable, Operation
from tradex_sandbox.http_faults import answer_error
from tradex_sandbox.schema_store import RegistryError


class Outages:
    """The gates in front of the services that are not the Order Service."""

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
        await asyncio.sleep(sum(fault.delay_ms for fault in faults) / 1000)
        return next((fault for fault in faults if fault.kind is FaultKind.ERROR), None)
