"""What makes a listener of Apache Kafka ask for TLS, a client's certificate, and a user's password."""

from concurrent.futures import Future
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # most names are re-exported silently
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from lab.tls import Authority, with_password

LISTENER = "SECURE"
USER = "market-maker"
PASSWORD = "hunter2 & more"
ITERATIONS = 4096
_MODULES = "org.apache.kafka.common.security"


def secured(authority: Authority, directory: Path) -> dict[str, str]:
    """Broker properties: SECURE is SASL_SSL, by SCRAM-SHA-512 or PLAIN."""
    pair = authority.issue("127.0.0.1")
    store = directory / "broker.pem"
    store.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
    own = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca_file),
        "ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
        "plain.sasl.jaas.config": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
    }
    return {
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{LISTENER}:SASL_SSL",
        **{f"listener.name.{LISTENER.lower()}.{name}": value for name, value in own.items()},
    }


def client_settings(address: str, authority: Authority) -> dict[str, str]:
    """The service's variables for that listener; its key has a password."""
    ours = authority.issue("market-maker.test")
    return {
        "KAFKA_BROKERS": address,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_SASL_PASSWORD": PASSWORD,
        "KAFKA_SSL_CA_FILE": str(authority.ca_file),
        "KAFKA_SSL_CERTIFICATE_FILE": str(ours.certificate),
        "KAFKA_SSL_KEY_FILE": str(with_password(ours.key, "hunter3")),
        "KAFKA_SSL_KEY_PASSWORD": "hunter3",
    }


def let_in(address: str) -> None:
    """Make the SCRAM user known to a running broker; `address` is one that asks for nothing."""
    credential = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS), PASSWORD.encode()
    )
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    answers: dict[str, Future[None]] = admin.alter_user_scram_credentials([credential])
    for answer in answers.values():
        answer.result(10)
