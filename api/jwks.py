"""The public keys of the token issuer. They are cached, and refreshed in the background."""

import asyncio
import json
from collections.abc import Sequence
from time import monotonic
from typing import Any

import aiohttp
import structlog

from api.jwk import PublicKey, parse_key_set
from waybill.platform.errors import ServiceUnavailable

#: Age after which known keys are fetched again, in parallel to the requests that use them.
FRESH_SECONDS = 300
#: Age after which cached keys are no longer used, if the issuer was unavailable since. A key that was
#: withdrawn meanwhile is accepted for a day at most, and an issuer that is down for a night locks no caller
#: out.
MAX_AGE_SECONDS = 24 * 3600
#: The shortest time between two fetches, also after a failure. It limits the requests to the issuer that
#: senders of invalid tokens can cause. A new key is known after this time.
MIN_INTERVAL_SECONDS = 1
FETCH_TIMEOUT_SECONDS = 2
MAX_BYTES = 256 * 1024
#: The most keys that are tried for one token. Each costs a verification, and a token without a kid may match
#: all.
MAX_CANDIDATES = 16

log = structlog.get_logger(__name__)


class KeySet:
    """The keys at a JWKS address (RFC 7517)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: list[PublicKey] = []
        self._asked_at = -float("inf")
        self._fetched_at = -float("inf")
        self._is_down = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return the keys that may have signed a token with this header. Without a kid, all of its algorithm.

        Fetches the keys if none is known.

        Raises:
            ServiceUnavailable: the issuer is unavailable, and no key is known or all are too old.
        """
        keys = self._known(kid, algorithm)
        if keys:
            if self._age() > FRESH_SECONDS:
                self._fetch()
            return keys
        return await self.find_again(kid, algorithm)

    async def find_again(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return the same after a fetch, unless the last fetch was a moment ago.

        Raises ServiceUnavailable.
        """
        if self._age() > MIN_INTERVAL_SECONDS:
            self._fetch()
        if self._fetching is not None:
            # All callers wait for one fetch. A caller that is cancelled does not cancel the fetch.
            await asyncio.shield(self._fetching)
        keys = self._known(kid, algorithm)
        if self._is_down and (not keys or kid is None):
            raise ServiceUnavailable("The token issuer")
        return keys

    def _known(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        if monotonic() - self._fetched_at > MAX_AGE_SECONDS:
            return []
        # RFC 7517, 4.5: several keys may have one kid. RFC 7515, 4.1.4: a token need not name one.
        fitting = [
            each for each in self._keys if algorithm in each.algorithms and (kid is None or each.kid == kid)
        ]
        return fitting[:MAX_CANDIDATES]

    def _age(self) -> float:
        return monotonic() - self._asked_at

    def _fetch(self) -> None:
        if self._fetching is None:
            self._asked_at = monotonic()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            keys, ignored = parse_key_set(await self._download())
        except Exception as error:  # any fault of the issuer: the known keys stay in use
            self._is_down = True
            log.warning("the token issuer's keys cannot be fetched", url=self._url, error=repr(error))
        else:
            if keys != self._keys:
                log.info("the token issuer has new keys", keys=len(keys), ignored=ignored)
            self._is_down = False
            self._keys = keys
            self._fetched_at = monotonic()
        finally:
            self._fetching = None

    async def _download(self) -> Any:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
            session.get(self._url) as response,
        ):
            body = await response.content.read(MAX_BYTES)
            while piece := await response.content.read(MAX_BYTES):
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError(f"the response has more than {MAX_BYTES} bytes")
        return json.loads(body)
