"""The wire contracts that the service and the sandbox exchange share: Avro schemas and the Metadata stubs.

The `.avsc` files stand under `shared/kafka-schema/market-maker-service/` and are packaged as
`tradex_contracts.kafka_schema`; the gRPC stubs are generated from `proto/` by `make generate`.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def avro_schema(topic: str) -> dict[str, Any]:
    """The declared Avro schema of a topic's value, as parsed JSON.

    Raises FileNotFoundError for a topic without a contract.
    """
    text = files("tradex_contracts.kafka_schema").joinpath(f"{topic}.avsc").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def subject(topic: str) -> str:
    """The registry subject of a topic's value (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"
