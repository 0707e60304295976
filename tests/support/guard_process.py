"""The guard as a process: `python -m market_maker guard` with an environment of the test's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from lab.fleet_secret import FLEET_SECRET
from lab.postgres_server import free_port
from lab.service_process import ServiceProcess


class GuardProcess(ServiceProcess):
    """One guard at a time. `environment` may be a service's: what is not the guard's is passed over."""

    COMMAND: ClassVar = "guard"

    def __init__(self, environment: Mapping[str, str], log: Path, silence: str = "3s") -> None:
        own = {"GUARD_METRICS_PORT": str(free_port()), "GUARD_SILENCE": silence, "LOG_FORMAT": "json"}
        super().__init__({"FLEET_SECRET": FLEET_SECRET, **environment, **own}, log)

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['GUARD_METRICS_PORT']}/metrics"

    async def metrics(self) -> dict[str, float]:
        """Every sample as name{label=value}; empty while the guard does not answer."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.metrics_url) as response:
                text = await response.text()
        except aiohttp.ClientError:
            return {}
        samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return samples

    async def looks(self) -> bool:
        """Whether it has looked at least once."""
        return (await self.metrics()).get("mm_guard_last_look_timestamp_seconds", 0.0) > 0
