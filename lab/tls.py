"""TLS for tests: an authority of our own, certificates from it, and an encrypted way to any plain server."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, each in a PEM file."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates; its own is in `ca_file`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(os.fspath(self.ca_file))

    def issue(self, *names: str) -> KeyPair:
        """A certificate for these host names or addresses; of clients they are just names."""
        issued = self._ca.issue_cert(*names, common_name=names[0])
        stem = names[0].replace(".", "-")
        pair = KeyPair(self._directory / f"{stem}.pem", self._directory / f"{stem}.key")
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        pair.key.write_bytes(_pkcs8(issued.private_key_pem.bytes(), serialization.NoEncryption()))
        return pair

    def server_context(self, *names: str, asks_clients: bool = False) -> ssl.SSLContext:
        """What a server is made with; with `asks_clients` only clients with our certificate get in."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = self.issue(*(names or ("127.0.0.1",)))
        context.load_cert_chain(pair.certificate, pair.key)
        if asks_clients:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2", "http/1.1"])  # gRPC insists on its own
        return context


def with_password(key: Path, password: str) -> Path:
    """The same key in a file beside it that needs a password."""
    locked = key.with_suffix(".locked")
    encryption = serialization.BestAvailableEncryption(password.encode())
    locked.write_bytes(_pkcs8(key.read_bytes(), encryption))
    return locked


def _pkcs8(pem: bytes, encryption: serialization.KeySerializationEncryption) -> bytes:
    """The key in the one form that Java reads too."""
    key = serialization.load_pem_private_key(pem, None)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@asynccontextmanager
async def tls_front(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """A TLS server before the plain one at a port of 127.0.0.1; gives its own port."""
    open_ways: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ways.add(task)
        task.add_done_callback(open_ways.discard)
        behind, to_behind = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as both_ways:
            both_ways.create_task(_pass_on(reader, to_behind))
            both_ways.create_task(_pass_on(behind, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tuple(open_ways):
        task.cancel()
    await asyncio.gather(*open_ways, return_exceptions=True)


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(READ_BYTES):
            target.write(chunk)
            await target.drain()
    target.close()
