import re
from base64 import b64encode
from hashlib import sha256

from tests.support.api import Api

from market_maker.api.security import ACCESS


async def test_the_console_loads_nothing_from_elsewhere(api: Api) -> None:
    answer = await api.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"https?://|<link|<img|<iframe|<script src", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_browser_may_run_the_consoles_one_script_and_no_other(api: Api) -> None:
    answer = await api.get("/")
    [script] = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}';" in answer.headers["content-security-policy"]
    assert not re.search(r"\son[a-z]+=", answer.text)


async def test_the_console_calls_only_routes_that_exist(api: Api) -> None:
    text = (await api.get("/")).text.replace("${encodeURIComponent(symbol)}", "{symbol}")
    called = set(re.findall(r"[\"`](/v1/[^\"`]*)[\"`]", text))
    known = {path for _, path in ACCESS}
    expanded = {path.replace("${verb}", verb) for path in called for verb in ("enable", "pause", "resume")}
    assert len(called) == 4
    assert expanded <= known


async def test_the_console_says_why_the_exchange_was_not_asked_for_a_symbol_that_quotes(api: Api) -> None:
    text = (await api.get("/")).text
    assert 'state.value === "ACTIVE" ? "not asked while quoting" : "not known"' in text


async def test_the_consoles_buttons_wrap_so_that_kill_is_in_sight_on_a_narrow_screen(api: Api) -> None:
    text = (await api.get("/")).text
    assert re.search(r"td\.control \{ white-space: normal \}", text)
    assert '"control"][index]' in text


async def test_the_console_listens_to_every_event_of_the_stream(api: Api) -> None:
    listened = set(re.findall(r'stream\.addEventListener\("(\w+)"', (await api.get("/")).text))
    assert listened == {"open", "error", "status", "without_owner", "removed"}
