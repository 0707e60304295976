"""Who may use the admin API, and from where: names, proxies, and what tokens must say."""

from dataclasses import dataclass

from market_maker import setting_types as to
from market_maker.environment import Section, setting
from market_maker.setting_types import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings(Section):
    """The admin API's doors."""

    host_names: tuple[str, ...] = setting(
        "HTTP_HOST_NAMES",
        to.host_names,
        "names, separated by commas, under which the admin API may be called while DISABLE_AUTH=true, "
        "besides addresses and localhost; their pages may call it, too",
        default="localhost",
    )
    trusted_proxies: tuple[str, ...] | None = setting(
        "HTTP_TRUSTED_PROXIES",
        to.networks,
        "addresses and networks, separated by commas, whose X-Forwarded-For is believed, such as "
        "10.0.0.0/8; unset: nobody's",
    )
    audience: str | None = setting(
        "AUTH_AUDIENCE", to.text, "what a token's `aud` must hold; unset: it is not looked at"
    )
    issuer: str | None = setting(
        "AUTH_ISSUER", to.text, "what a token's `iss` must be; unset: it is not looked at"
    )

    sign_in_url: Secret | None = setting(
        "AUTH_SIGN_IN_URL",
        to.url("http", "https"),
        "page of the Auth Service that gives a person a token: the console sends people there with "
        "`redirect_uri` and `state`, and takes `#access_token=...&state=...` on the way back; unset: the "
        "console asks for a token",
    )
    changes_need_approval: bool = setting(
        "CHANGES_NEED_APPROVAL",
        to.flag,
        "whether a change of a configuration that lets a symbol risk more waits for a second person; "
        "needs DISABLE_AUTH=false",
        default="false",
    )
    approval_expires_ns: int = setting(
        "CHANGES_APPROVAL_EXPIRES",
        to.duration("1m", "720h"),
        "how long such a change can be approved",
        default="24h",
    )
    limit_owner: str = setting(
        "LIMIT_OWNER_ROLE",
        to.choice("mm:operate", "mm:risk"),
        "who alone may raise max_position_usdt and max_loss_usdt, or approve that: mm:operate or mm:risk",
        default="mm:operate",
    )
