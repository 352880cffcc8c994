"""Bearer token to principal."""

import asyncio
from typing import Any

import jwt
from jwt.exceptions import PyJWKClientConnectionError, PyJWTError
from starlette.requests import Request

from waybill.errors import ServiceUnavailable, Unauthenticated
from waybill.principal import Principal
from waybill.settings import Settings
from waybill.tokens import ADMIN_SCOPE

#: Bytes. No honest token comes near, and a huge one costs nothing.
MAX_TOKEN = 8 * 1024
MAX_OWNER = 255

#: Seconds that two clocks may disagree.
LEEWAY = 5

# One kind of key for each family: a public key can never serve as an HMAC secret (RFC 8725, 3.1).
_SYMMETRIC = ["HS256"]
_ASYMMETRIC = ["RS256", "ES256"]


class Authenticator:
    """Checks bearer tokens: HS256 with our secret, RS256 and ES256 with keys from the JWKS address."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._jwks = jwt.PyJWKClient(settings.jwks_url, timeout=2) if settings.jwks_url else None
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience

    async def principal(self, request: Request) -> Principal:
        """Who sent the request.

        Raises:
            Unauthenticated: no bearer token, or one that fails any check. Does not say which.
            ServiceUnavailable: the JWKS address cannot be reached.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token: Authorization: Bearer <JWT>.")
        return await self.principal_of(token.strip())

    async def principal_of(self, token: str) -> Principal:
        """Whom a token names. Raises as ``principal`` does."""
        if len(token) > MAX_TOKEN:
            raise self._refusal()
        try:
            claims = await self._claims(token)
        except PyJWKClientConnectionError as error:
            raise ServiceUnavailable("The token issuer") from error
        except (PyJWTError, ValueError) as error:
            raise self._refusal() from error
        owner = claims["sub"]
        if not owner or len(owner) > MAX_OWNER:
            raise self._refusal()
        scope = claims.get("scope")
        return Principal(owner, admin=isinstance(scope, str) and ADMIN_SCOPE in scope.split())

    async def _claims(self, token: str) -> dict[str, Any]:
        algorithm = jwt.get_unverified_header(token).get("alg")
        key: Any
        if self._secret is not None and algorithm in _SYMMETRIC:
            key, algorithms = self._secret, _SYMMETRIC
        elif self._jwks is not None and algorithm in _ASYMMETRIC:
            # Fetches over the network when the key is not cached.
            key = await asyncio.to_thread(self._jwks.get_signing_key_from_jwt, token)
            algorithms = _ASYMMETRIC
        else:
            raise self._refusal()
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": ["sub"], "verify_aud": self._audience is not None},
        )

    @staticmethod
    def _refusal() -> Unauthenticated:
        return Unauthenticated("The token is not valid: expired, malformed, or not signed for this service.")
