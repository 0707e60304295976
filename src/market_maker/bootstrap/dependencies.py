"""Connections to what the service depends on, opened at start and closed in reverse at the end."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Self

import asyncpg

from market_maker.bootstrap.health_monitor import Probe, postgres_probe
from market_maker.bootstrap.meters import Meters
from market_maker.clients.metadata import MetadataClient
from market_maker.clients.order_contract import Account
from market_maker.clients.order_service import OrderServiceClient
from market_maker.fleet.bus import FleetBus
from market_maker.ownership.tenancy import RENEW_S_MAX
from market_maker.repositories.database import close_pool, open_pool
from market_maker.repositories.executor import Database
from market_maker.repositories.migrations import require_schema
from market_maker.settings import Settings
from market_maker.streams.schema_registry import SchemaRegistry

MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Clients of everything outside the process but Kafka."""

    database: Database
    journal_pool: asyncpg.Pool
    """The journal's own: reads of the API cannot keep it waiting."""
    lease: Database
    """The lease's own, for the same reason."""
    orders: OrderServiceClient
    metadata: MetadataClient
    bus: FleetBus
    registry: SchemaRegistry

    @classmethod
    async def open(
        cls, settings: Settings, instance_id: str, meters: Meters, resources: AsyncExitStack
    ) -> Self:
        """Connect. Raises DatabaseError and SchemaOutdatedError; the others are asked when needed."""
        url = settings.postgres_url.reveal()
        pool = await open_pool(url)
        resources.push_async_callback(close_pool, pool)
        journal_pool = await open_pool(url, max_size=2, application_name="market-maker journal")
        resources.push_async_callback(close_pool, journal_pool)
        lease_pool = await open_pool(
            url, max_size=1, command_timeout_s=RENEW_S_MAX, application_name="market-maker lease"
        )
        resources.push_async_callback(close_pool, lease_pool)
        await require_schema(pool)
        token = settings.order_service_token
        orders = OrderServiceClient(
            settings.order_service_url.reveal(),
            Account(settings.system_account_id, settings.system_user_id),
            meters.loop_lag,
            response_timeout_ns=settings.response_timeout_ms * MS,
            on_report=meters.requested,
            token=token.reveal() if token is not None else None,
            tls=settings.http_tls.context(),
        )
        resources.push_async_callback(orders.close)
        metadata = MetadataClient(
            settings.metadata_service_grpc_url,
            tls=settings.metadata_tls.tls,
            ca_file=settings.metadata_tls.ca_file,
        )
        resources.push_async_callback(metadata.close)
        secret = settings.fleet_secret
        bus = FleetBus(
            settings.redis_url.reveal(),
            instance_id,
            secret.reveal().encode() if secret is not None else None,
            settings.redis_tls.options(),
        )
        resources.push_async_callback(bus.close)
        registry = SchemaRegistry(
            settings.schema_registry_url.reveal(), settings.http_tls.registry_properties()
        )
        return cls(Database(pool), journal_pool, Database(lease_pool), orders, metadata, bus, registry)

    def probes(self, kafka: Probe, registry: Probe) -> dict[str, Probe]:
        """How to ask each component whether it is there."""
        return {
            "postgres": postgres_probe(self.database),
            "kafka": kafka,
            "redis": self.bus.health,
            "order_service": self.orders.health,
            "metadata": self.metadata.health,
            "schema_registry": registry,
        }
