"""Scratch objects of `waybill doctor`, and the presigned uploads that it sends to them as a client would."""

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from cli.check_results import CheckFailed
from waybill.platform.presign import PresignedRequest
from waybill.platform.s3.errors import code_in
from waybill.resources import Resources

#: Outside the prefix of files, so that scratch objects are not orphans.
SCRATCH_PREFIX = "doctor/"
CONTENT = b"A waybill travels with the paperwork."
SHA256 = hashlib.sha256(CONTENT).hexdigest()

#: Codes that refuse the key itself, and say nothing about the request.
_CODES_OF_WRONG_KEYS = frozenset(
    {"InvalidAccessKeyId", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The store's response to an upload."""

    status: int
    body: str
    etag: str | None

    @property
    def code(self) -> str:
        """S3's error code, or nothing."""
        return code_in(self.body.encode())


class Scratch:
    """The objects of one run."""

    def __init__(self, resources: Resources, session: aiohttp.ClientSession) -> None:
        self.resources = resources
        self.session = session
        self.address = resources.settings.public_endpoint_url
        #: Whether a valid upload was accepted. Before that, a refusal proves nothing.
        self.accepts_uploads = False
        self._prefix = f"{SCRATCH_PREFIX}{secrets.token_hex(16)}"
        self._keys: list[str] = []

    def new_key(self) -> str:
        """Return the key of another object, which is deleted at the end."""
        self._keys.append(f"{self._prefix}-{len(self._keys)}")
        return self._keys[-1]

    def upload(self, key: str) -> PresignedRequest:
        """Sign the upload of ``CONTENT``."""
        return self.resources.presigner.put(
            key, size=len(CONTENT), content_type="text/plain", sha256=SHA256, ttl=60
        )

    async def put(
        self, upload: PresignedRequest, body: bytes = CONTENT, more: dict[str, str] | None = None
    ) -> Answer:
        """Send ``body`` with a presigned request and ``more`` headers, which are not signed."""
        # Send the host exactly as the URL has it, as other clients do: aiohttp would normalise it.
        headers = {"Host": urlsplit(upload.url).netloc, **upload.headers, **(more or {})}
        url = URL(upload.url, encoded=True)
        async with self.session.put(url, data=body, headers=headers) as response:
            text = await response.text(errors="replace")
            return Answer(response.status, text, response.headers.get("ETag"))

    def require_uploads(self) -> None:
        """Raise CheckFailed if no valid upload was accepted, because then every upload is refused."""
        if not self.accepts_uploads:
            raise CheckFailed(f"not checked, because {self.address} accepted no valid upload.")

    async def expect_refusal(self, answer: Answer, what: str, key: str | None = None) -> None:
        """Raise CheckFailed if the store accepted ``what``, or stored an object under ``key``."""
        self.require_uploads()
        if answer.code in _CODES_OF_WRONG_KEYS or answer.status >= 500:
            raise CheckFailed(
                f"it answered {answer.status} {answer.code} to {what}, which proves nothing about the "
                "check. Repeat it when the store accepts the key."
            )
        if answer.status < 400 or (key and await self.resources.storage.head(key) is not None):
            raise CheckFailed(
                f"it accepted {what}, so clients can store files that the API did not allow. Use another "
                "store."
            )

    async def delete(self) -> None:
        """Remove everything that was stored, and what is left of multipart uploads."""
        for key in self._keys:
            with suppress(Exception):  # the store may have refused every upload
                await self.resources.storage.multiparts.abort_all(key)
            with suppress(Exception):
                await self.resources.storage.delete(key)
