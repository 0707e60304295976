"""The schemas of what the sandbox publishes, registered at a registry that is not its own."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from urllib.parse import quote

from tradex_contracts import avro_schema, subject

ANSWER_S_MAX = 10.0
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class RegistryUnavailable(Exception):  # noqa: N818 - names the state that the operator has to mend
    """The registry did not take a schema; the text names the option and what to do."""


def register_at(url: str, topics: Iterable[str]) -> dict[str, int]:
    """Register each topic's schema; gives their ids by topic. Blocks. Raises RegistryUnavailable."""
    return {topic: _register(url.rstrip("/"), topic) for topic in topics}


def _register(url: str, topic: str) -> int:
    body = json.dumps({"schemaType": "AVRO", "schema": json.dumps(avro_schema(topic))}).encode()
    request = urllib.request.Request(  # noqa: S310 - the option takes http and https only
        f"{url}/subjects/{quote(subject(topic), safe='')}/versions",
        data=body,
        headers={"Content-Type": _CONTENT_TYPE},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as answer:  # noqa: S310 - as above
            return int(json.load(answer)["id"])
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace")
        raise RegistryUnavailable(f"--registry: {url} refuses {subject(topic)}: {said}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryUnavailable(
            f"--registry: {url} does not answer as a schema registry ({error}); start it or mend the address"
        ) from error
