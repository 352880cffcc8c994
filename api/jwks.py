"""The token issuer's public keys, fetched rarely and never in the way of a good token."""

import asyncio
import json
from time import monotonic
from typing import Any

import aiohttp
import jwt
import structlog
from jwt.exceptions import PyJWTError

from waybill.errors import ServiceUnavailable

#: Seconds after which known keys are fetched anew, beside the requests that use them.
FRESH = 300
#: Seconds after which known keys are no longer trusted if the issuer could not be asked since. A key that was
#: withdrawn meanwhile is trusted for a day at most; an issuer that is down for a night locks no caller out.
MAX_AGE_SECONDS = 24 * 3600
#: Seconds between two fetches at the least, failed ones too: anybody can send a token with an unknown key.
PAUSE = 10
#: Seconds that one fetch may take, and bytes that the answer may have.
TIMEOUT = 2
MAX_BYTES = 256 * 1024

log = structlog.get_logger(__name__)


class KeySet:
    """The keys of a JWKS address (RFC 7517), by their id."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str | None, Any] = {}
        self._asked_at = -float("inf")
        self._fetched_at = -float("inf")
        self._is_down = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> Any | None:
        """The key of that id, or None where the issuer has none; without an id the only key there is.

        Raises:
            ServiceUnavailable: the issuer cannot be asked, and the key is not known or too old.
        """
        key = self._known(key_id)
        if key is not None:
            if self._age() > FRESH:
                self._fetch()
            return key
        if self._age() > PAUSE:
            self._fetch()
        if self._fetching is not None:
            # Everybody waits for the same fetch, and nobody's leaving ends it for the others.
            await asyncio.shield(self._fetching)
        key = self._known(key_id)
        if key is None and self._is_down:
            raise ServiceUnavailable("The token issuer")
        return key

    def _known(self, key_id: str | None) -> Any | None:
        if monotonic() - self._fetched_at > MAX_AGE_SECONDS:
            return None
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _age(self) -> float:
        return monotonic() - self._asked_at

    def _fetch(self) -> None:
        if self._fetching is None:
            self._asked_at = monotonic()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            keys = await self._download()
        except Exception as error:  # whatever an issuer can get wrong; the keys that are known stay
            self._is_down = True
            log.warning("the token issuer's keys cannot be fetched", url=self._url, error=repr(error))
        else:
            self._is_down = False
            self._keys = keys
            self._fetched_at = monotonic()
        finally:
            self._fetching = None

    async def _download(self) -> dict[str | None, Any]:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
            session.get(self._url) as response,
        ):
            body = await response.content.read(MAX_BYTES)
            while piece := await response.content.read(MAX_BYTES):
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError("the answer is too long")
        keys: dict[str | None, Any] = {}
        for description in json.loads(body)["keys"]:
            try:
                key = jwt.PyJWK.from_dict(description)
            except PyJWTError:
                continue  # of a kind that we do not use
            keys[key.key_id] = key
        if not keys:
            raise ValueError("the answer holds no key")
        return keys
