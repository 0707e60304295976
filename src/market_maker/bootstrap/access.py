"""Who may use the admin API: bearer tokens of the Auth Service, or nobody is asked."""

from contextlib import AsyncExitStack

import structlog

from market_maker.api.bearer import BearerAuth
from market_maker.api.security import Authenticator, NoAuth
from market_maker.clients.auth import KeyStore, TokenVerifier
from market_maker.settings import Settings

_log = structlog.get_logger()


def make_authenticator(settings: Settings, resources: AsyncExitStack) -> Authenticator:
    """The authenticator that the settings ask for; its connections are closed with `resources`."""
    url = settings.auth_service_url
    if settings.disable_auth or url is None:
        _log.warning("access_control_off", detail="DISABLE_AUTH=true: the admin API asks nobody for a token")
        return NoAuth()
    keys = KeyStore(url.reveal(), tls=settings.http_tls.context())
    resources.push_async_callback(keys.close)
    return BearerAuth(TokenVerifier(keys))
