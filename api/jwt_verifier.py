"""Verify a bearer token (RFC 7519, RFC 8725): its signature first, then its claims."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidSubjectError,
    MissingRequiredClaimError,
    PyJWTError,
)

from api.jwk import PublicKey
from api.jwks import KeySet
from waybill.platform.errors import Unauthenticated
from waybill.platform.settings import TokenSettings

#: The largest accepted difference between two clocks.
LEEWAY_SECONDS = 5

# Each family of algorithms has its own type of key, so a public key is never used as an HMAC secret (RFC
# 8725, 3.1).
_SYMMETRIC = "HS256"

NOT_A_JWT = "The token is not a JWT: three parts in base64url, with dots between."
WRONG_ALGORITHM = "The token's algorithm (alg) is not accepted."
UNKNOWN_KEY = "The token's key (kid) is unknown, or not for its algorithm (alg)."
WRONG_SIGNATURE = "The token's signature is wrong."
TOO_LONG_LIVED = "The token's lifetime (exp) is longer than this service accepts."

#: Messages about claims. Only for tokens with a valid signature, so that other senders learn nothing.
_CLAIMS: tuple[tuple[type[PyJWTError], str], ...] = (
    (ExpiredSignatureError, "The token has expired (exp). Get a new one."),
    (ImmatureSignatureError, "The token is not valid yet (nbf or iat)."),
    (InvalidAudienceError, "The token is for another audience (aud)."),
    (InvalidIssuerError, "The token is from another issuer (iss)."),
    (InvalidSubjectError, "The token's subject (sub) is not a string."),
)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a token: the algorithm and the key id of its signature."""

    algorithm: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """The claims of a valid token, and the key of its signature."""

    claims: dict[str, Any]
    header: Header
    key: PublicKey


class JwtVerifier:
    """Verifies tokens: HS256 with our secret, the other algorithms with the keys from the JWKS address."""

    def __init__(self, settings: TokenSettings) -> None:
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._secret = secret and PublicKey(None, frozenset({_SYMMETRIC}), secret)
        self._jwks = KeySet(settings.jwks_url) if settings.jwks_url else None
        self._algorithms = frozenset(settings.jwt_algorithms)
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._max_lifetime = settings.jwt_max_lifetime
        needs_exp = settings.jwt_require_exp or self._max_lifetime is not None
        self._required = ["sub", "exp"] if needs_exp else ["sub"]

    async def verify(self, token: str) -> VerifiedToken:
        """Verify a token and return its claims.

        Raises:
            Unauthenticated: the token fails a check, which the message names.
            ServiceUnavailable: the issuer is unavailable, so its key cannot be checked.
        """
        header = _header(token)
        keys = await self.keys(header)
        if not keys:
            raise Unauthenticated(UNKNOWN_KEY)
        verified = self._verify_with(keys, token, header)
        if verified is None and self._jwks is not None and header.algorithm != _SYMMETRIC:
            # The issuer may have a new key meanwhile, without a kid or with the kid of an old one.
            found = await self._jwks.find_again(header.kid, header.algorithm)
            verified = self._verify_with([key for key in found if key not in keys], token, header)
        if verified is None:
            raise Unauthenticated(WRONG_SIGNATURE)
        return verified

    async def keys(self, header: Header) -> Iterable[PublicKey]:
        """Return the keys that a token with this header may be signed with.

        Raises the same errors as ``verify``.
        """
        if self._secret and header.algorithm == _SYMMETRIC:
            return [self._secret]
        if self._jwks is not None and header.algorithm in self._algorithms:
            return await self._jwks.find(header.kid, header.algorithm)
        raise Unauthenticated(WRONG_ALGORITHM)

    def _verify_with(self, keys: Iterable[PublicKey], token: str, header: Header) -> VerifiedToken | None:
        """Verify with each key. Return None if no key made the signature."""
        for key in keys:
            try:
                return VerifiedToken(self._claims(token, key, header.algorithm), header, key)
            except InvalidSignatureError:
                continue
            except (PyJWTError, ValueError, RecursionError) as error:
                raise Unauthenticated(_reason(error)) from error
        return None

    def _claims(self, token: str, key: PublicKey, algorithm: str) -> dict[str, Any]:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": self._required, "verify_aud": self._audience is not None},
        )
        if self._max_lifetime is not None:
            lifetime = int(claims["exp"]) - int(claims.get("iat", time.time()))
            if lifetime > self._max_lifetime + LEEWAY_SECONDS:
                raise Unauthenticated(TOO_LONG_LIVED)
        return claims


def _header(token: str) -> Header:
    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated(NOT_A_JWT) from error
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise Unauthenticated(WRONG_ALGORITHM)
    return Header(algorithm, header.get("kid"))


def _reason(error: Exception) -> str:
    if isinstance(error, MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim}."
    return next(
        (text for kind, text in _CLAIMS if isinstance(error, kind)), "A claim of the token is malformed."
    )
