from pathlib import Path

import pytest

from lab.tls import Authority, KeyPair, with_password
from market_maker.environment import SettingsError
from market_maker.settings import Settings

REQUIRED = {
    "POSTGRES_URL": "postgresql://db/mm",
    "REDIS_URL": "redis://cache",
    "KAFKA_BROKERS": "kafka:9092",
    "SCHEMA_REGISTRY_URL": "http://registry:8081",
    "DISABLE_AUTH": "true",
}
SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "mm",
    "KAFKA_SASL_PASSWORD": "hunter2 & more",
}


def problems(environ: dict[str, str]) -> list[str]:
    """What is wrong with these beside the required variables; they are named by the lines' beginnings."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({**REQUIRED, **environ})
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def client(authority: Authority) -> KeyPair:
    return authority.issue("market-maker.test")


# --- Kafka ---------------------------------------------------------------------------------------


def test_without_security_settings_nothing_is_encrypted_and_nobody_signs_in() -> None:
    settings = Settings.load(REQUIRED)
    assert settings.kafka_security.properties() == {"security.protocol": "PLAINTEXT"}
    assert settings.redis_tls.options() == {}
    assert (settings.metadata_tls.tls, settings.metadata_tls.ca_file) == (False, None)
    assert settings.http_tls.context() is None
    assert settings.http_tls.registry_properties() == {}


def test_every_variable_of_kafka_becomes_its_property_of_librdkafka(
    authority: Authority, client: KeyPair
) -> None:
    locked = with_password(client.key, "hunter2")
    files = {
        "KAFKA_SSL_CA_FILE": str(authority.ca_file),
        "KAFKA_SSL_CERTIFICATE_FILE": str(client.certificate),
        "KAFKA_SSL_KEY_FILE": str(locked),
        "KAFKA_SSL_KEY_PASSWORD": "hunter2",
    }
    settings = Settings.load({**REQUIRED, **SASL, **files})
    assert settings.kafka_security.properties() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "mm",
        "sasl.password": "hunter2 & more",
        "ssl.ca.location": str(authority.ca_file),
        "ssl.certificate.location": str(client.certificate),
        "ssl.key.location": str(locked),
        "ssl.key.password": "hunter2",
    }


def test_passwords_are_shown_neither_by_the_settings_nor_by_an_error_and_are_kept_from_the_logs() -> None:
    settings = Settings.load({**REQUIRED, **SASL})
    assert "hunter2" not in repr(settings)
    assert "hunter2 & more" in settings.secret_texts()
    (line,) = problems({"KAFKA_SASL_PASSWORD": "hunter2"})
    assert line.startswith("KAFKA_SASL_PASSWORD is ***: ")
    assert "hunter2" not in "".join(problems({**SASL, "KAFKA_SASL_PASSWORD": "hun\x07ter2"}))


@pytest.mark.parametrize("missing", ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_sasl_without_one_of_its_parts_names_that_part(missing: str) -> None:
    environ = {name: value for name, value in SASL.items() if name != missing}
    (line,) = problems(environ)
    assert line.startswith(f"{missing} is not set: required with KAFKA_SECURITY_PROTOCOL=SASL_SSL; set it to")


def test_a_user_without_sasl_is_refused_because_it_would_have_no_effect() -> None:
    (line,) = problems({"KAFKA_SASL_USERNAME": "mm"})
    assert line == (
        "KAFKA_SASL_USERNAME is 'mm': no effect with KAFKA_SECURITY_PROTOCOL=PLAINTEXT; set that to "
        "SASL_SSL, or remove this"
    )


def test_a_ca_file_without_tls_is_refused_because_it_would_have_no_effect(authority: Authority) -> None:
    (line,) = problems({"KAFKA_SSL_CA_FILE": str(authority.ca_file)})
    assert line.startswith("KAFKA_SSL_CA_FILE is '")
    assert "set that to SSL or SASL_SSL, or remove this" in line


def test_an_unknown_protocol_or_mechanism_lists_those_that_there_are() -> None:
    first, second = problems({"KAFKA_SECURITY_PROTOCOL": "TLS", "KAFKA_SASL_MECHANISM": "GSSAPI"})
    assert "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL" in first
    assert "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512" in second


# --- files ---------------------------------------------------------------------------------------


def test_a_file_that_does_not_exist_is_named_with_its_variable(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")
    (line,) = problems({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": missing})
    assert line == f"KAFKA_SSL_CA_FILE is '{missing}': must name a file that exists"


def test_a_folder_or_a_file_without_certificates_is_no_ca_file(tmp_path: Path) -> None:
    (line,) = problems({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": str(tmp_path)})
    assert "must name a file that exists" in line
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing here\n")
    (line,) = problems({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": str(empty)})
    assert "must name a file with certificates in PEM form" in line


def test_a_key_without_its_certificate_and_a_certificate_without_its_key_are_refused(client: KeyPair) -> None:
    tls = {"KAFKA_SECURITY_PROTOCOL": "SSL"}
    (line,) = problems({**tls, "KAFKA_SSL_KEY_FILE": str(client.key)})
    assert line == "KAFKA_SSL_CERTIFICATE_FILE is not set: required with KAFKA_SSL_KEY_FILE"
    (line,) = problems({**tls, "KAFKA_SSL_CERTIFICATE_FILE": str(client.certificate)})
    assert line == "KAFKA_SSL_KEY_FILE is not set: required with KAFKA_SSL_CERTIFICATE_FILE"
    (line,) = problems({**tls, "KAFKA_SSL_KEY_PASSWORD": "hunter2"})
    assert line == "KAFKA_SSL_KEY_FILE is not set: required with KAFKA_SSL_KEY_PASSWORD"


def test_a_key_of_another_certificate_is_found_at_the_start(authority: Authority, client: KeyPair) -> None:
    other = authority.issue("other.test")
    (line,) = problems(
        {
            "REDIS_URL": "rediss://cache",
            "REDIS_SSL_CERTIFICATE_FILE": str(client.certificate),
            "REDIS_SSL_KEY_FILE": str(other.key),
        }
    )
    assert line.startswith("REDIS_SSL_KEY_FILE is '")
    assert "must name the key that belongs to the certificate" in line


def test_a_key_with_a_password_is_not_asked_for_on_the_terminal(client: KeyPair) -> None:
    locked = with_password(client.key, "hunter2")
    environ = {
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_SSL_CERTIFICATE_FILE": str(client.certificate),
        "KAFKA_SSL_KEY_FILE": str(locked),
    }
    for password in ({}, {"KAFKA_SSL_KEY_PASSWORD": "wrong"}):
        (line,) = problems({**environ, **password})
        assert "that its password, if it has one, opens" in line


# --- the others ----------------------------------------------------------------------------------


def test_a_ca_file_for_redis_needs_an_encrypted_address(authority: Authority) -> None:
    (line,) = problems({"REDIS_SSL_CA_FILE": str(authority.ca_file)})
    assert "no effect with this REDIS_URL; begin that with rediss://" in line
    settings = Settings.load(
        {**REQUIRED, "REDIS_URL": "rediss://cache", "REDIS_SSL_CA_FILE": str(authority.ca_file)}
    )
    assert settings.redis_tls.options() == {"ssl_ca_certs": str(authority.ca_file)}


def test_a_ca_file_for_metadata_needs_tls_switched_on(authority: Authority) -> None:
    (line,) = problems({"METADATA_SERVICE_CA_FILE": str(authority.ca_file)})
    assert "no effect without METADATA_SERVICE_TLS=true" in line


@pytest.mark.parametrize(
    "name", ["ORDER_SERVICE_URL", "AUTH_SERVICE_URL", "SCHEMA_REGISTRY_URL", "OPENOBSERVE_OTLP_ENDPOINT"]
)
def test_a_ca_file_for_https_needs_one_address_that_is_https(authority: Authority, name: str) -> None:
    (line,) = problems({"HTTP_CA_FILE": str(authority.ca_file)})
    assert "no address begins with https://" in line
    settings = Settings.load({**REQUIRED, "HTTP_CA_FILE": str(authority.ca_file), name: "https://host"})
    context = settings.http_tls.context()
    assert context is not None
    assert len(context.get_ca_certs()) == 1, "the system's authorities are trusted no more"


def test_approval_by_a_second_person_needs_tokens() -> None:
    [problem] = problems({"CHANGES_NEED_APPROVAL": "true"})
    assert problem.startswith("CHANGES_NEED_APPROVAL")
    assert "needs DISABLE_AUTH=false" in problem
