"""Bearer token to principal."""

from typing import Any

import jwt
from jwt.exceptions import PyJWTError
from starlette.requests import Request

from api.jwks import KeySet
from waybill.errors import Unauthenticated
from waybill.principal import Principal, is_storable
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
        self._jwks = KeySet(settings.jwks_url) if settings.jwks_url else None
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
        except (PyJWTError, ValueError) as error:
            raise self._refusal() from error
        owner = claims["sub"]
        if not owner.strip() or len(owner) > MAX_OWNER or not is_storable(owner):
            raise self._refusal()
        scope = claims.get("scope")
        return Principal(owner, admin=isinstance(scope, str) and ADMIN_SCOPE in scope.split())

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        key: Any
        if self._secret is not None and algorithm in _SYMMETRIC:
            key, algorithms = self._secret, _SYMMETRIC
        elif self._jwks is not None and algorithm in _ASYMMETRIC:
            key, algorithms = await self._jwks.find(header.get("kid")), _ASYMMETRIC
            if key is None:
                raise self._refusal()
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
