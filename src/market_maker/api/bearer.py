"""Access by bearer token: from the Authorization header to a Principal."""

from http import HTTPStatus
from typing import Protocol

from market_maker.api.problems import ProblemError
from market_maker.api.security import Principal, Role
from market_maker.api.signed_out import SignedOut
from market_maker.api.tokens import bare
from market_maker.clients.auth import Claims, KeysUnavailableError, TokenRefusedError

_ROLES = {role.value: role for role in Role}


class Verifier(Protocol):
    """Turns a token into its claims."""

    async def verify(self, token: str) -> Claims:
        """The claims. Raises TokenRefusedError, KeysUnavailableError."""


class BearerAuth:
    """Every route but health needs a valid token of the Auth Service."""

    required = True

    def __init__(self, verifier: Verifier, signed_out: SignedOut) -> None:
        """`signed_out` are the tokens that count no more although they hold."""
        self._verifier = verifier
        self._signed_out = signed_out

    async def authenticate(self, authorization: str | None) -> Principal:
        """The token's subject and those of its roles that this service knows. 401, or 503 without keys."""
        if not authorization:
            raise _unauthorized("TOKEN_MISSING", "send the header `Authorization: Bearer <token>`", "")
        token = bare(authorization)
        if authorization.partition(" ")[0].lower() != "bearer" or not token:
            raise _unauthorized("TOKEN_INVALID", "the Authorization header must be `Bearer <token>`")
        try:
            claims = await self._verifier.verify(token)
        except TokenRefusedError as error:
            raise _unauthorized("TOKEN_INVALID", f"the token is refused: {error}") from None
        except KeysUnavailableError:
            detail = "tokens cannot be verified now, so nobody is let in: the Auth Service does not answer"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise ProblemError(status, "AUTH_UNAVAILABLE", detail, headers={"Retry-After": "5"}) from None
        if self._signed_out.holds(token):
            detail = "the token is refused: its bearer has signed out with it; get a new one"
            raise _unauthorized("SIGNED_OUT", detail)
        roles = frozenset(_ROLES[role] for role in claims.roles & _ROLES.keys())
        return Principal(claims.subject, roles, claims.expires_at)


def _unauthorized(code: str, detail: str, error: str = ' error="invalid_token"') -> ProblemError:
    headers = {"WWW-Authenticate": f"Bearer{error}"}
    return ProblemError(HTTPStatus.UNAUTHORIZED, code, detail, headers=headers)
