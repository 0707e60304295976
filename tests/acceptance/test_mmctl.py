"""`mmctl` on the running service that asks for tokens, where changes wait for a second person."""

from pathlib import Path

import pytest
from tests.support.guarded import Guarded
from tests.support.mmctl import Mmctl

BTC = "BTCUSDT"


@pytest.fixture(scope="module")
def guarded_settings() -> dict[str, str]:
    return {"CHANGES_NEED_APPROVAL": "true", "LIMIT_OWNER_ROLE": "mm:risk"}


async def person(guarded: Guarded, home: Path, name: str, *roles: str) -> Mmctl:
    """A command line of somebody with these roles."""
    (home / name).mkdir()
    token = await guarded.exchange.token(*roles, subject=name)
    url = f"http://127.0.0.1:{guarded.service.environment['HTTP_PORT']}"
    return Mmctl(home / name, url, token)


async def test_a_change_is_proposed_approved_by_another_and_found_in_history_and_audit(
    guarded: Guarded, tmp_path: Path
) -> None:
    alice = await person(guarded, tmp_path, "alice", "mm:operate")
    bob = await person(guarded, tmp_path, "bob", "mm:operate")
    rita = await person(guarded, tmp_path, "rita", "mm:risk")
    file = tmp_path / "desk.yaml"
    file.write_text(f"symbol: {BTC}\nmax_loss_usdt: 500\n")
    assert (await alice("config", "apply", "-f", str(file), "-r", "first", "--yes")).code == 0
    file.write_text(f"symbol: {BTC}\nmax_loss_usdt: 600\n")
    waits = await alice("config", "apply", "-f", str(file), "-r", "more room", "--yes")
    assert (waits.code, "waits for a second person" in waits.out) == (7, True), waits
    [waiting] = (await bob("config", "proposals", "-o", "json")).json
    number = str(waiting["id"])
    own = await alice("config", "approve", number, "--yes")
    assert (own.code, "OWN_PROPOSAL" in own.err) == (3, True)
    not_his = await bob("config", "approve", number, "--yes")
    assert (not_his.code, "LIMIT_OWNER" in not_his.err) == (3, True)
    not_asked = await bob("config", "approve", number, answer="y\n")
    assert (not_asked.code, "mm:risk" in not_asked.err, "?" in not_asked.out) == (3, True, False)
    assert (await rita("config", "approve", number, "-r", "agreed", "--yes")).code == 0
    newest = (await bob("config", "history", BTC, "-o", "json")).json[0]
    assert (newest["author"], newest["reason"]) == ("alice", "more room (approved by rita: agreed)")
    found = (await bob("audit", "--actor", "rita", "-o", "json")).json
    assert [row["route"] for row in found] == ["POST /v1/mm-configs/{symbol}/proposals/{proposal}/approve"]


async def test_who_may_not_or_has_no_token_is_told_so_by_the_code(guarded: Guarded, tmp_path: Path) -> None:
    reader = await person(guarded, tmp_path, "reader", "mm:read")
    denied = await reader("kill", "--all", "--yes")
    assert (denied.code, "mm:emergency" in denied.err) == (3, True)
    nobody = Mmctl(tmp_path, reader.url)
    assert (await nobody("status")).code == 8
    assert (await reader("status")).code == 0
