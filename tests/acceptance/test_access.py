"""Who may do what: the running service with the tokens of the sandbox's Auth Service."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from tests.support.guarded import Guarded
from tests.support.operator import Answer, until
from tests.support.service import Site

from lab.tokens import by_shared_secret, by_unknown_key, unsigned, with_other_claims

STATUS, KILL = "/v1/mm/status", "/v1/mm/emergency/kill"
READ, OPERATE, EMERGENCY = "mm:read", "mm:operate", "mm:emergency"
PAGES = {("GET", "/docs"), ("GET", "/openapi.json")}
OPEN = {"/", "/console/{name}", "/v1/mm/session"}
"""The console and signing in on it; what may be seen there other routes decide."""


def role_of(method: str, path: str) -> str | None:
    """What the document says: reading, operating, emergencies; health is open to all."""
    if path.startswith("/health") or path in OPEN:
        return None
    if method == "GET":
        return READ
    return EMERGENCY if "/emergency/" in path or path.endswith(("/drill", "/v1/mm/reset")) else OPERATE


async def routes(guarded: Guarded) -> set[tuple[str, str]]:
    """Every route of the running service, from its own OpenAPI document."""
    token = await guarded.exchange.token(READ)
    document = (await guarded.ask("GET", "/openapi.json", token)).body
    operations = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    return operations | PAGES | {("GET", "/"), ("GET", "/console/{name}")}


async def refused_tokens(guarded: Guarded) -> dict[str, str]:
    """What proves nothing, each with every role in its claims."""
    good = await guarded.exchange.token(READ, OPERATE, EMERGENCY)
    keys = await guarded.exchange.ask("GET", "/.well-known/jwks.json")
    return {
        "expired": await guarded.exchange.token(READ, OPERATE, EMERGENCY, expires_in=-1),
        "wrong signature": with_other_claims(good, sub="mallory"),
        "alg none": unsigned(good),
        "public key as secret": by_shared_secret(good, str(keys["keys"][0]).encode()),
        "unknown key": by_unknown_key(good),
        "no token at all": "let-me-in",
    }


async def verdict(guarded: Guarded, method: str, path: str, token: str | None) -> str:
    """`in`, or the code of the refusal. The symbol is unknown and bodies are empty: nothing changes."""
    body: dict[str, Any] | None = {} if method in ("POST", "PUT") else None
    answer = await guarded.ask(method, path.replace("{symbol}", "NOBODY"), token, body)
    if answer.status not in (401, 403, 503):
        return "in"
    assert isinstance(answer.body, dict), (path, answer)
    return f"{answer.status} {answer.code}" if "code" in answer.body else "in"


async def test_every_route_of_the_running_service_opens_for_its_role_and_nothing_else(
    guarded: Guarded,
) -> None:
    found = await routes(guarded)
    assert len(found) >= 24
    role_tokens = {role: await guarded.exchange.token(role) for role in (READ, OPERATE, EMERGENCY)}
    refused = await refused_tokens(guarded)
    expected, actual = {}, {}
    for method, path in sorted(found):
        role = role_of(method, path)
        expected[method, path, "none"] = "in" if role is None else "401 TOKEN_MISSING"
        actual[method, path, "none"] = await verdict(guarded, method, path, None)
        for name, token in role_tokens.items():
            expected[method, path, name] = "in" if role in (None, READ, name) else "403 ROLE_MISSING"
            actual[method, path, name] = await verdict(guarded, method, path, token)
        for name, token in refused.items():
            expected[method, path, name] = "in" if role is None else "401 TOKEN_INVALID"
            actual[method, path, name] = await verdict(guarded, method, path, token)
    wrong = {key: (actual[key], expected[key]) for key in expected if actual[key] != expected[key]}
    assert wrong == {}


async def test_one_token_may_carry_several_roles_and_roles_of_other_services(guarded: Guarded) -> None:
    token = await guarded.exchange.token("wallet:admin", READ, OPERATE)
    assert (await guarded.ask("GET", STATUS, token)).status == 200
    assert (await guarded.ask("POST", "/v1/mm-configs/NOBODY/pause", token)).status == 404
    assert (await guarded.ask("POST", KILL, token, {"reason": "test"})).status == 403


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_both_allowed_algorithms_open_the_door(guarded: Guarded, algorithm: str) -> None:
    token = await guarded.exchange.token(READ, alg=algorithm)
    assert (await guarded.ask("GET", STATUS, token)).status == 200


async def test_a_refusal_tells_nothing_about_keys_tokens_or_inside(guarded: Guarded) -> None:
    token = with_other_claims(await guarded.exchange.token(READ), sub="mallory")
    answer = await guarded.ask("GET", "/v1/mm-configs/NOBODY/status", token)
    assert set(answer.body) == {"type", "title", "status", "code", "detail", "instance"}
    for word in (token, token.rsplit(".", 1)[-1], "mallory", "Traceback", "http://", "es256-"):
        assert word not in str(answer.body)


async def test_rotated_keys_are_taken_up_and_withdrawn_ones_let_nobody_in(guarded: Guarded) -> None:
    old = await guarded.exchange.token(READ)
    assert (await guarded.ask("GET", STATUS, old)).status == 200
    await guarded.exchange.ask("POST", "/sandbox/auth/rotate", {"keep_old": True})
    new = await guarded.exchange.token(READ)

    async def new_key_known() -> bool:
        assert (await guarded.ask("GET", STATUS, old)).status == 200
        return (await guarded.ask("GET", STATUS, new)).status == 200

    await until("the new key is known", new_key_known)
    await guarded.exchange.ask("POST", "/sandbox/auth/rotate", {"keep_old": False})
    newest = await guarded.exchange.token(READ)

    async def newest_key_known() -> bool:
        return (await guarded.ask("GET", STATUS, newest)).status == 200

    await until("the newest key is known", newest_key_known)
    for withdrawn in (old, new):
        answer = await guarded.ask("GET", STATUS, withdrawn)
        assert (answer.status, answer.code) == (401, "TOKEN_INVALID")


async def test_cached_keys_serve_while_the_auth_service_is_out_and_strangers_stay_outside(
    guarded: Guarded,
) -> None:
    token = await guarded.exchange.token(READ)
    await until("the keys are cached", lambda: opens(guarded, token))
    await guarded.exchange.fault("jwks", "error")
    assert (await guarded.ask("GET", STATUS, token)).status == 200
    unknown = await guarded.ask("GET", STATUS, by_unknown_key(token))
    assert (unknown.status, unknown.code) == (401, "TOKEN_INVALID")
    assert (await guarded.ask("GET", STATUS, token)).status == 200


async def opens(guarded: Guarded, token: str) -> bool:
    return (await guarded.ask("GET", STATUS, token)).status == 200


async def test_keys_that_were_never_read_let_nobody_in_until_they_are(
    start_site: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    site: Site = await start_site(DISABLE_AUTH="false", AUTH_SERVICE_URL="http://127.0.0.1:9")
    await site.operator.ready()
    token = await site.exchange.token(READ)
    out = Guarded(site.service, site.exchange)
    health = await out.ask("GET", "/health")
    assert (health.status, health.body["status"]) == (200, "degraded")
    [auth] = [check for check in health.body["checks"] if check["name"] == "auth"]
    assert (auth["status"], auth["detail"]) == (
        "degraded",
        "",
    )  # it names addresses, and nobody can be let in
    for method, path in (("GET", STATUS), ("POST", KILL)):
        answer = await out.ask(method, path, token)
        assert (answer.status, answer.code) == (503, "AUTH_UNAVAILABLE")
    assert site.service.terminate() == 0
    site.service.environment["AUTH_SERVICE_URL"] = site.exchange.url
    await site.exchange.fault("jwks", "error")
    await site.start()
    assert (await out.ask("GET", STATUS, token)).code == "AUTH_UNAVAILABLE"
    assert (await out.ask("GET", STATUS)).status == 401
    await site.operator.ready()
    await site.exchange.clear_faults()
    await until("the keys are read", lambda: opens(out, token))


async def test_every_change_and_every_denied_attempt_is_on_record(guarded: Guarded) -> None:
    """Who, what, before, after and why, in the database."""
    desk = await guarded.exchange.token(READ, OPERATE, subject="dora")
    chief = await guarded.exchange.token(EMERGENCY, READ, subject="carl")
    reader = await guarded.exchange.token(READ, subject="rita")
    path, before = "/v1/mm-configs/BTCUSDT", len(await guarded.audit())

    async def does(token: str, method: str, path: str, body: Any = None) -> Answer:
        return await guarded.ask(method, path, token, body)

    async def book_is_there() -> bool:
        status = (await does(desk, "GET", f"{path}/status")).body
        return not status["enable_problems"]

    created = await does(desk, "POST", "/v1/mm-configs", {"symbol": "BTCUSDT"})
    assert created.status == 201
    assert (await does(desk, "PUT", path, {"base_spread_bps": "25"})).status == 200
    await until("BTCUSDT can be enabled", book_is_there)
    assert (await does(desk, "POST", f"{path}/enable", {"reason": "open the day"})).status == 200
    assert (await does(reader, "POST", f"{path}/pause", {"reason": "me too"})).status == 403
    assert (await does(desk, "POST", KILL, {"reason": "not mine"})).status == 403
    assert (await does(chief, "POST", KILL, {"reason": "too wild"})).status == 200
    assert (await does(desk, "POST", f"{path}/resume")).status == 409

    async def cleared() -> bool:
        reset = await does(chief, "POST", "/v1/mm/reset", {"reason": "calm again", "rebase_pnl": True})
        return reset.status == 200

    await until("BTCUSDT can be reset", cleared)
    assert (await does(desk, "DELETE", path)).status == 204

    async def all_written() -> bool:
        rows = (await guarded.audit())[before:]
        return rows[-1]["route"].startswith("DELETE") and any("emergency" in row["route"] for row in rows)

    await until("the audit trail is written", all_written)
    rows = [row for row in (await guarded.audit())[before:] if not refused_reset(row)]
    told = sorted((row["actor"], row["route"], row["symbol"], row["why"]) for row in rows)
    one = "/v1/mm-configs/{symbol}"
    assert told == sorted(
        [
            ("dora", "POST /v1/mm-configs", "BTCUSDT", "created"),
            ("dora", f"PUT {one}", "BTCUSDT", "updated"),
            ("dora", f"POST {one}/enable", "BTCUSDT", "open the day"),
            ("rita", f"POST {one}/pause", "BTCUSDT", "denied: needs the role mm:operate"),
            ("dora", f"POST {KILL}", None, "denied: needs the role mm:emergency"),
            ("carl", f"POST {KILL}", "BTCUSDT", "too wild"),
            ("dora", f"POST {one}/resume", "BTCUSDT", "resume by dora"),
            ("carl", "POST /v1/mm/reset", "BTCUSDT", "calm again (P&L rebased)"),
            ("dora", f"DELETE {one}", "BTCUSDT", "deleted"),
        ]
    )
    by_route = {(row["route"], row["actor"]): row for row in rows}
    changed = by_route[f"PUT {one}", "dora"]
    assert (changed["before"]["base_spread_bps"], changed["after"]["base_spread_bps"]) == ("10.0", "25")
    assert by_route["POST /v1/mm-configs", "dora"]["before"] is None
    assert by_route[f"DELETE {one}", "dora"]["after"] is None
    enabled = by_route[f"POST {one}/enable", "dora"]
    assert (enabled["before"], enabled["after"]["state"]) == ({"state": "PAUSED"}, "ACTIVE")
    killed = by_route[f"POST {KILL}", "carl"]
    assert (killed["before"], killed["after"]["state"]) == ({"state": "ACTIVE"}, "HALTED")
    refused = by_route[f"POST {one}/resume", "dora"]
    assert (refused["after"]["accepted"], refused["after"]["state"]) == (False, "HALTED")
    assert killed["roles"] == sorted([EMERGENCY, READ])
    assert all(row["at"].tzinfo is not None for row in rows)


def refused_reset(row: dict[str, Any]) -> bool:
    """A reset that came before zero was proven."""
    return row["route"] == "POST /v1/mm/reset" and not row["after"]["accepted"]
