"""PostgreSQL by TLS: what the URL says holds for the service's pool and for the migrations alike."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from lab.encrypted_postgres import PASSWORD, USER, EncryptedPostgres, programs
from lab.tls import Authority, KeyPair
from market_maker.repositories.database import open_pool
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.migrations import migrate, shipped_versions

FOLDER = programs()
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="no PostgreSQL with TLS is installed (Debian: postgresql)"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[EncryptedPostgres]:
    assert FOLDER is not None
    directory = Path(tempfile.mkdtemp(prefix="mm-encrypted-postgres-"))
    running = EncryptedPostgres(FOLDER, directory, authority)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(directory)


def url(server: EncryptedPostgres, **query: object) -> str:
    said = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/postgres?{said}"


async def is_encrypted(address: str) -> bool:
    pool = await open_pool(address, max_size=1)
    encrypted: bool = await pool.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await pool.close()
    return encrypted


@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_without_an_authority_connections_are_encrypted_and_anybodys(
    server: EncryptedPostgres, mode: str
) -> None:
    assert await is_encrypted(url(server, sslmode=mode))


async def test_the_servers_certificate_is_checked_against_the_urls_authority(
    server: EncryptedPostgres, authority: Authority, tmp_path: Path
) -> None:
    assert await is_encrypted(url(server, sslmode="verify-full", sslrootcert=authority.ca_file))
    stranger = Authority(tmp_path)
    with pytest.raises(DatabaseError, match="CERTIFICATE_VERIFY_FAILED") as refused:
        await is_encrypted(url(server, sslmode="verify-full", sslrootcert=stranger.ca_file))
    assert PASSWORD not in str(refused.value)


async def test_migrations_take_the_same_url(
    server: EncryptedPostgres, authority: Authority, tmp_path: Path
) -> None:
    address = url(server, sslmode="verify-full", sslrootcert=authority.ca_file)
    assert await migrate(address) == shipped_versions()
    assert await migrate(address) == ()
    assert await migrate(url(server, sslmode="require")) == ()
    assert await migrate(url(server)) == ()
    with pytest.raises(DatabaseError, match="CERTIFICATE_VERIFY_FAILED"):
        await migrate(url(server, sslmode="verify-full", sslrootcert=Authority(tmp_path).ca_file))


async def test_a_connection_that_is_not_to_be_encrypted_is_refused_by_the_server(
    server: EncryptedPostgres,
) -> None:
    with pytest.raises(DatabaseError, match=r"refuses the connection: .*no encryption"):
        await is_encrypted(url(server, sslmode="disable"))


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey"])
async def test_a_file_of_the_url_that_does_not_exist_is_named(server: EncryptedPostgres, name: str) -> None:
    with pytest.raises(DatabaseError, match=f"POSTGRES_URL: {name} is '/nowhere': name a file that exists"):
        await migrate(url(server, **{name: "/nowhere"}))


async def test_a_client_certificate_stands_for_the_password_in_both(
    server: EncryptedPostgres, authority: Authority
) -> None:
    pair: KeyPair = authority.issue(USER)
    pair.key.chmod(0o600)
    said = {
        "sslmode": "verify-full",
        "sslrootcert": authority.ca_file,
        "sslcert": pair.certificate,
        "sslkey": pair.key,
    }
    owner = await open_pool(url(server, sslmode="require"), max_size=1)
    await owner.execute("CREATE DATABASE with_certificate")
    await owner.close()
    address = url(server, **said).replace(f":{quote(PASSWORD, safe='')}@", "@")
    address = address.replace("/postgres?", "/with_certificate?")
    assert await is_encrypted(address)
    assert await migrate(address) == shipped_versions()
