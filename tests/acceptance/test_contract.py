"""The running service against its own OpenAPI document, by Schemathesis: every check, no 5xx."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.guarded import Guarded

SYMBOL = "BTCUSDT"
SECONDS_MAX = 240
SEED = 20_261_120
"""One for all runs: a run that fails fails again."""
ROLES = ("mm:read", "mm:operate", "mm:emergency")

SETTINGS = f"""
continue-on-failure = true
rate-limit = "180/s"
warnings = false

[cache]
enabled = false

# Half of the symbols exist, so that answers other than 404 are seen too.
[dictionaries.symbols]
values = ["{SYMBOL}"]

[parameters]
"path.symbol" = {{ dictionary = "symbols", probability = 0.5 }}

[checks]
enabled = true
negative_data_rejection = {{ expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422] }}

# A body may fit the schema and still be refused: the exchange does not list the symbol, ...
[[operations]]
include-name = "POST /v1/mm-configs"
[operations.checks]
positive_data_acceptance = {{ expected-statuses = ["2xx", 409, 422] }}

# ... the symbol differs from the path's, max_position_usdt is below order_size_usdt, a leap is not confirmed.
[[operations]]
include-name = "PUT /v1/mm-configs/{{symbol}}"
[operations.checks]
positive_data_acceptance = {{ expected-statuses = ["2xx", 404, 409, 422] }}

# ... the period is longer than one answer holds.
[[operations]]
include-name = "GET /v1/mm-configs/{{symbol}}/results"
[operations.checks]
positive_data_acceptance = {{ expected-statuses = ["2xx", 404, 422] }}

# A preview refuses what PUT would.
[[operations]]
include-name = "POST /v1/mm-configs/{{symbol}}/preview"
[operations.checks]
positive_data_acceptance = {{ expected-statuses = ["2xx", 404, 422] }}
"""


METHODS = ("get", "put", "post", "delete", "patch")


def schemathesis(directory: Path, url: str, token: str) -> "subprocess.CompletedProcess[str]":
    settings = directory / "schemathesis.toml"
    settings.write_text(SETTINGS)
    words = ["--config-file", str(settings), "run", f"{url}/openapi.json"]
    words += ["--header", f"Authorization: Bearer {token}", "--max-examples", "8", "--no-shrink"]
    words += ["--seed", str(SEED)]
    # Server-sent events do not end, and a client that reads to the end does not either.
    words += ["--exclude-path", "/v1/mm/stream"]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *words],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(SECONDS_MAX + 30)
async def test_the_service_keeps_its_contract_whatever_is_sent(guarded: Guarded, tmp_path: Path) -> None:
    token = await guarded.exchange.token(*ROLES)
    created = await guarded.ask("POST", "/v1/mm-configs", token, {"symbol": SYMBOL})
    assert created.status == 201
    url = f"http://127.0.0.1:{guarded.service.environment['HTTP_PORT']}"
    done = await asyncio.to_thread(schemathesis, tmp_path, url, token)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    document = (await guarded.ask("GET", "/openapi.json", token)).body
    total = sum(method in METHODS for path in document["paths"].values() for method in path)
    assert f"{total - 1} selected / {total} total" in done.stdout
    assert "request failed" not in guarded.service.log.read_text()
    assert (await guarded.ask("GET", "/health/live")).status == 200
