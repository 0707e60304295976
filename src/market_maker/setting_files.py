"""Files that a variable of the environment names: certificates and keys, looked at when the service starts.

As in `setting_types`, each raises ValueError with a sentence that follows the variable's name.
"""

import ssl
from pathlib import Path


def certificates(value: str) -> str:
    """The path of a file that holds certificates in PEM form."""
    _require_file(value)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
    except (ssl.SSLError, OSError):
        raise ValueError("must name a file with certificates in PEM form") from None
    return value


def key(value: str) -> str:
    """The path of a file with a private key; `pair_problem` tells whether it is one and fits."""
    _require_file(value)
    return value


def pair_problem(certificate_file: str, key_file: str, password: str | None = None) -> str | None:
    """Why a certificate and a key cannot be used together; None when they can."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Always a password: without one an encrypted key would be asked for on the terminal.
        context.load_cert_chain(certificate_file, key_file, password=password or "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "must name the key that belongs to the certificate"
        return "must name a private key in PEM form that its password, if it has one, opens"
    except (OSError, ValueError):
        return "must name a private key in PEM form that this process may read"
    return None


def _require_file(value: str) -> None:
    path = Path(value)
    try:
        if not path.is_file():
            raise ValueError("must name a file that exists")
        path.open("rb").close()
    except OSError:
        raise ValueError("must name a file that this process may read") from None
