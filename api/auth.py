"""Bearer token to principal."""

import hashlib
import math
import time
from dataclasses import dataclass
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

#: Good tokens that are remembered, so that a client's next request does without the check of its signature.
MAX_KNOWN = 10_000

# One kind of key for each family: a public key can never serve as an HMAC secret (RFC 8725, 3.1).
_SYMMETRIC = ["HS256"]
_ASYMMETRIC = ["RS256", "ES256"]


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was found to be good: whom it names, and by which key."""

    principal: Principal
    header: dict[str, Any]
    key: Any


class Authenticator:
    """Checks bearer tokens: HS256 with our secret, RS256 and ES256 with keys from the JWKS address."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._jwks = KeySet(settings.jwks_url) if settings.jwks_url else None
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        # By their hash, for what can be used is not kept.
        self._known: dict[bytes, _Known] = {}

    async def principal(self, request: Request) -> Principal:
        """Who sent the request.

        Raises:
            Unauthenticated: no bearer token, or one that fails any check. Does not say which.
            ServiceUnavailable: the JWKS address cannot be reached.
        """
        return await self.principal_of_header(request.headers.get("authorization", ""))

    async def principal_of_header(self, authorization: str) -> Principal:
        """Whom an Authorization header names. Raises as ``principal`` does."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token: Authorization: Bearer <JWT>.")
        return await self.principal_of(token.strip())

    async def principal_of(self, token: str) -> Principal:
        """Whom a token names. Raises as ``principal`` does."""
        if len(token) > MAX_TOKEN:
            raise self._refusal()
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        # Of all that was checked only these two can change: the time, and the keys that the issuer shows.
        if (
            known is None
            or time.time() >= known.principal.until
            or await self._key_of(known.header) != known.key
        ):
            self._known.pop(digest, None)
            known = await self._check(token)
            self._remember(digest, known)
        return known.principal

    async def _check(self, token: str) -> _Known:
        try:
            unverified = jwt.get_unverified_header(token)
            header = {name: unverified.get(name) for name in ("alg", "kid")}
            key = await self._key_of(header)
            claims = self._claims(token, key, header)
        except (PyJWTError, ValueError) as error:
            raise self._refusal() from error
        owner = claims["sub"]
        if not owner.strip() or len(owner) > MAX_OWNER or not is_storable(owner):
            raise self._refusal()
        scope = claims.get("scope")
        until = int(claims["exp"]) + LEEWAY if "exp" in claims else math.inf
        admin = isinstance(scope, str) and ADMIN_SCOPE in scope.split()
        return _Known(Principal(owner, admin, until), header, key)

    def _remember(self, digest: bytes, known: _Known) -> None:
        if len(self._known) >= MAX_KNOWN:
            # The first that came: as good as any, for whoever is still about comes again.
            del self._known[next(iter(self._known))]
        self._known[digest] = known

    async def _key_of(self, header: dict[str, Any]) -> Any:
        """The key that a token of that header must be signed with."""
        algorithm = header.get("alg")
        if self._secret is not None and algorithm in _SYMMETRIC:
            return self._secret
        if self._jwks is not None and algorithm in _ASYMMETRIC:
            key = await self._jwks.find(header.get("kid"))
            if key is not None:
                return key
        raise self._refusal()

    def _claims(self, token: str, key: Any, header: dict[str, Any]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=_SYMMETRIC if header["alg"] in _SYMMETRIC else _ASYMMETRIC,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": ["sub"], "verify_aud": self._audience is not None},
        )

    @staticmethod
    def _refusal() -> Unauthenticated:
        return Unauthenticated("The token is not valid: expired, malformed, or not signed for this service.")
