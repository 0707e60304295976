"""Who may use the admin API: bearer tokens of the Auth Service, or nobody is asked."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import structlog

from market_maker.api.approval import Approval
from market_maker.api.bearer import BearerAuth
from market_maker.api.security import Authenticator, NoAuth, Role
from market_maker.api.signed_out import SignedOut
from market_maker.bootstrap.health_monitor import Probe
from market_maker.clients.auth import KeyStore, TokenVerifier
from market_maker.repositories.executor import Database
from market_maker.repositories.proposals import ProposalRepository
from market_maker.settings import Settings

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Access:
    """Who sent a request, and whether that can be told."""

    authenticator: Authenticator
    probes: Mapping[str, Probe]
    """How to ask whether the Auth Service is there; empty when nobody needs it."""
    signed_out: SignedOut
    """The tokens that it refuses because their bearers have signed out."""
    keys: KeyStore | None = None
    """The Auth Service's keys, whose `run` keeps them fresh."""


def make_approval(settings: Settings, database: Database) -> Approval:
    """Which changes wait for a second person."""
    doors = settings.access
    return Approval(
        ProposalRepository(database) if doors.changes_need_approval else None,
        timedelta(microseconds=doors.approval_expires_ns // 1_000),
        Role(doors.limit_owner),
    )


def make_access(settings: Settings, resources: AsyncExitStack) -> Access:
    """The access control that the settings ask for; its connections are closed with `resources`."""
    url = settings.auth_service_url
    if settings.disable_auth or url is None:
        _log.warning("access_control_off", detail="DISABLE_AUTH=true: the admin API asks nobody for a token")
        return Access(NoAuth(), {}, SignedOut())
    keys = KeyStore(url.reveal(), tls=settings.http_tls.context())
    resources.push_async_callback(keys.close)
    verifier = TokenVerifier(keys, audience=settings.access.audience, issuer=settings.access.issuer)
    signed_out = SignedOut()
    return Access(BearerAuth(verifier, signed_out), {"auth": keys.health}, signed_out, keys)
