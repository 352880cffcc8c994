"""Find the caller of a request by its bearer token."""

import hashlib
import math
import time
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from api.jwt_verifier import LEEWAY_SECONDS, JwtVerifier, VerifiedToken
from waybill.platform.errors import Unauthenticated
from waybill.platform.principal import Principal, is_storable
from waybill.platform.settings import TokenSettings
from waybill.platform.tokens import ADMIN_SCOPE

#: Real tokens are much shorter. A longer one is refused without work.
MAX_TOKEN_BYTES = 8 * 1024
MAX_OWNER_LENGTH = 255

#: The most valid tokens in the cache, which saves the verification of the signature at the next request.
MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A valid token: its principal, and its claims and key."""

    principal: Principal
    token: VerifiedToken


class Authenticator:
    """Finds the principal of a request by its bearer token, and caches valid tokens."""

    def __init__(self, settings: TokenSettings) -> None:
        self._verifier = JwtVerifier(settings)
        # By hash, so that no usable token is in memory.
        self._known: dict[bytes, _Known] = {}

    async def principal(self, request: HTTPConnection) -> Principal:
        """Return the principal of a request.

        Raises:
            Unauthenticated: no bearer token, several, or one that fails a check, which the message names.
            ServiceUnavailable: the token issuer cannot be reached.
        """
        given = request.headers.getlist("authorization")
        if len(given) > 1:
            # A proxy might check the last header while we read the first.
            raise Unauthenticated("Send the header Authorization once.")
        return await self.principal_of_header("".join(given))

    async def principal_of_header(self, authorization: str) -> Principal:
        """Return the principal of an Authorization header. Raises the same errors as ``principal``."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token: Authorization: Bearer <JWT>.")
        return await self.principal_of(token.strip())

    async def principal_of(self, token: str) -> Principal:
        """Return the principal of a token. Raises the same errors as ``principal``."""
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated(f"The token is longer than {MAX_TOKEN_BYTES} bytes.")
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        # Only two of the checked facts can change: the time, and the issuer's keys.
        if (
            known is None
            or time.time() >= known.principal.until
            or known.token.key not in await self._verifier.keys(known.token.header)
        ):
            self._known.pop(digest, None)
            known = await self._check(token)
            self._cache(digest, known)
        return known.principal

    async def _check(self, token: str) -> _Known:
        verified = await self._verifier.verify(token)
        owner, scope = verified.claims["sub"], verified.claims.get("scope")
        if not owner.strip() or len(owner) > MAX_OWNER_LENGTH or not is_storable(owner):
            raise Unauthenticated(
                f"The token's subject (sub) must be a text of 1 to {MAX_OWNER_LENGTH} characters."
            )
        until = int(verified.claims["exp"]) + LEEWAY_SECONDS if "exp" in verified.claims else math.inf
        admin = isinstance(scope, str) and ADMIN_SCOPE in scope.split()
        return _Known(Principal(owner, admin, until), verified)

    def _cache(self, digest: bytes, known: _Known) -> None:
        if len(self._known) >= MAX_REMEMBERED:
            # Drop the oldest. If its client calls again, the token is verified again.
            del self._known[next(iter(self._known))]
        self._known[digest] = known
