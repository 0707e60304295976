"""How the service proves itself to others and how they prove themselves to it: TLS and SASL by settings.

One section for each kind of connection. A file of certificates given here replaces the system's
authorities for that connection, with one exception: Redis takes it in addition. PostgreSQL has no section,
because its URL says it all (`sslmode`, `sslrootcert`, `sslcert`, `sslkey`).
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from market_maker import setting_files as files
from market_maker import setting_types as to
from market_maker.environment import Section, SettingProblem, setting
from market_maker.setting_types import Secret

PLAINTEXT: Final = "PLAINTEXT"
_PROTOCOLS: Final = (PLAINTEXT, "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_CLIENT_CERTIFICATE: Final = "; only where the servers ask for one"
_UNKNOWN: Final = object()
"""In place of a value that could not be read and has its own problem already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """For consumer, producer and every other client of the brokers."""

    protocol: str = setting(
        "KAFKA_SECURITY_PROTOCOL",
        to.choice(*_PROTOCOLS),
        f"how brokers are spoken to: {', '.join(_PROTOCOLS)}",
        default=PLAINTEXT,
    )
    sasl_mechanism: str | None = setting(
        "KAFKA_SASL_MECHANISM",
        to.choice(*_MECHANISMS),
        f"{', '.join(_MECHANISMS)}; required with SASL_PLAINTEXT and SASL_SSL",
    )
    sasl_username: str | None = setting(
        "KAFKA_SASL_USERNAME", to.text, "user name at the brokers; required with SASL"
    )
    sasl_password: Secret | None = setting(
        "KAFKA_SASL_PASSWORD", to.password, "password at the brokers; required with SASL"
    )
    ca_file: str | None = setting(
        "KAFKA_SSL_CA_FILE",
        files.certificates,
        "certificates (PEM) that the brokers' ones must come from; unset: the system's authorities",
    )
    certificate_file: str | None = setting(
        "KAFKA_SSL_CERTIFICATE_FILE",
        files.certificates,
        f"certificate (PEM) that is shown to the brokers{_CLIENT_CERTIFICATE}",
    )
    key_file: str | None = setting("KAFKA_SSL_KEY_FILE", files.key, "private key (PEM) of that certificate")
    key_password: Secret | None = setting(
        "KAFKA_SSL_KEY_PASSWORD", to.password, "password of that key, if it has one"
    )

    def properties(self) -> dict[str, str]:
        """The properties of librdkafka; every client of the service is made with them."""
        found: dict[str, str | Secret | None] = {
            "security.protocol": self.protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.certificate_file,
            "ssl.key.location": self.key_file,
            "ssl.key.password": self.key_password,
        }
        return {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in found.items()
            if value is not None
        }

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
        """What is wrong between variables that are each well-formed."""
        protocol = values.get("protocol")
        if protocol is not None:
            yield from _sasl_conflicts(values, protocol)
            if protocol.endswith("SSL"):
                yield from _pair_conflicts("KAFKA_SSL", values)
                return
            fix = f"no effect with KAFKA_SECURITY_PROTOCOL={protocol}; set that to SSL or SASL_SSL"
            for name in ("ca_file", "certificate_file", "key_file", "key_password"):
                yield from _useless(f"KAFKA_SSL_{name.upper()}", values.get(name), fix)


def _sasl_conflicts(values: Mapping[str, Any], protocol: str) -> Iterator[SettingProblem]:
    for field_name, fix in (
        ("sasl_mechanism", f"set it to {', '.join(_MECHANISMS[:-1])} or {_MECHANISMS[-1]}"),
        ("sasl_username", "set it to the service's user at the brokers"),
        ("sasl_password", "set it to that user's password"),
    ):
        name, value = f"KAFKA_{field_name.upper()}", values.get(field_name, _UNKNOWN)
        if not protocol.startswith("SASL"):
            yield from _useless(
                name, value, f"no effect with KAFKA_SECURITY_PROTOCOL={protocol}; set that to SASL_SSL"
            )
        elif value is None:
            yield SettingProblem(name, None, f"required with KAFKA_SECURITY_PROTOCOL={protocol}; {fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisTls:
    """For rediss:// addresses."""

    ca_file: str | None = setting(
        "REDIS_SSL_CA_FILE",
        files.certificates,
        "certificates (PEM) that Redis' one may come from besides the system's authorities; "
        "REDIS_URL must begin with rediss://",
    )
    certificate_file: str | None = setting(
        "REDIS_SSL_CERTIFICATE_FILE",
        files.certificates,
        f"certificate (PEM) that is shown to Redis{_CLIENT_CERTIFICATE}",
    )
    key_file: str | None = setting("REDIS_SSL_KEY_FILE", files.key, "private key (PEM) of that certificate")

    def options(self) -> dict[str, str]:
        """What redis-py is told besides the URL; it checks the host name in the certificate by itself."""
        options = {
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
        }
        return {name: value for name, value in options.items() if value is not None}

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
        """What is wrong between variables that are each well-formed."""
        yield from _pair_conflicts("REDIS_SSL", values)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataTls:
    """For the Metadata Service's channel."""

    tls: bool = setting(
        "METADATA_SERVICE_TLS", to.flag, "true: the Metadata Service is spoken to by TLS", default="false"
    )
    ca_file: str | None = setting(
        "METADATA_SERVICE_CA_FILE",
        files.certificates,
        "certificates (PEM) that the Metadata Service's one must come from; unset: those that come with gRPC",
    )

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
        """What is wrong between variables that are each well-formed."""
        if values.get("tls") is False:
            yield from _useless(
                "METADATA_SERVICE_CA_FILE",
                values.get("ca_file"),
                "no effect without METADATA_SERVICE_TLS=true; set that too",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTls(Section):
    """For https:// addresses: Order Service, Auth Service, registry, traces."""

    ca_file: str | None = setting(
        "HTTP_CA_FILE",
        files.certificates,
        "certificates (PEM) that those of all https:// addresses must come from; unset: public authorities",
    )

    def context(self) -> ssl.SSLContext | None:
        """What aiohttp checks servers with; None: as it does by itself."""
        return None if self.ca_file is None else ssl.create_default_context(cafile=self.ca_file)

    def registry_properties(self) -> dict[str, str]:
        """The same for Confluent's registry client."""
        return {} if self.ca_file is None else {"ssl.ca.location": self.ca_file}


def address_conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Files given for connections that no address asks to be encrypted.

    `values` holds sections and URLs under their names in `Settings`.
    """
    redis_url, redis_tls = values.get("redis_url"), values.get("redis_tls")
    if redis_url is not None and redis_tls is not None and not _begins(redis_url, "rediss://"):
        for name in ("ca_file", "certificate_file", "key_file"):
            yield from _useless(
                f"REDIS_SSL_{name.upper()}",
                getattr(redis_tls, name),
                "no effect with this REDIS_URL; begin that with rediss://",
            )
    http_tls = values.get("http_tls")
    urls = [value for name, value in values.items() if name.endswith(("_url", "_endpoint"))]
    if http_tls is not None and not any(_begins(url, "https://") for url in urls if url is not None):
        yield from _useless(
            "HTTP_CA_FILE", http_tls.ca_file, "no effect, since no address begins with https://; change one"
        )


def _begins(url: object, scheme: str) -> bool:
    return isinstance(url, Secret) and url.reveal().lower().startswith(scheme)


def _useless(name: str, value: object, fix: str) -> Iterator[SettingProblem]:
    if value is not None and value is not _UNKNOWN:
        shown = to.MASK if isinstance(value, Secret) else repr(value)
        yield SettingProblem(name, shown, f"{fix}, or remove this")


def _pair_conflicts(prefix: str, values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    certificate = values.get("certificate_file", _UNKNOWN)
    key = values.get("key_file", _UNKNOWN)
    password = values.get("key_password")
    if certificate is not None and key is None:
        yield SettingProblem(f"{prefix}_KEY_FILE", None, f"required with {prefix}_CERTIFICATE_FILE")
    elif certificate is None and key is not None:
        yield SettingProblem(f"{prefix}_CERTIFICATE_FILE", None, f"required with {prefix}_KEY_FILE")
    elif isinstance(certificate, str) and isinstance(key, str):
        problem = files.pair_problem(certificate, key, password.reveal() if password is not None else None)
        if problem is not None:
            yield SettingProblem(f"{prefix}_KEY_FILE", repr(key), problem)
    elif password is not None and key is None:
        yield SettingProblem(f"{prefix}_KEY_FILE", None, f"required with {prefix}_KEY_PASSWORD")
