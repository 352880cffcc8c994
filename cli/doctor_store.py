"""The checks of `waybill doctor` on the object store, with a scratch object."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from cli.check_results import CheckFailed, CheckNote
from waybill.platform.presign import PresignedRequest
from waybill.platform.s3.bucket import EXPOSED_HEADERS
from waybill.platform.settings import Settings
from waybill.resources import Resources

#: Outside the prefix of files, so that scratch objects are not orphans.
SCRATCH_PREFIX = "doctor/"
CONTENT = b"A waybill travels with the paperwork."
SHA256 = hashlib.sha256(CONTENT).hexdigest()
#: Unsigned headers that a client may add to an upload. Verification must detect them.
ADDED_HEADERS = {
    "Content-Encoding": "x-doctor",
    "Cache-Control": "public, max-age=1",
    "Content-Disposition": "inline",
    "Content-Language": "de",
    "Expires": "Fri, 01 Jan 2038 00:00:00 GMT",
    "x-amz-meta-doctor": "1",
    "x-amz-website-redirect-location": "/doctor",
}
MAX_SKEW = timedelta(seconds=5)


def compare_clock(time: datetime, server: str) -> None:
    """Raise CheckFailed if a server's clock differs from this machine's by more than ``MAX_SKEW``."""
    skew = abs(time - datetime.now(UTC))
    if skew > MAX_SKEW:
        raise CheckFailed(
            f"the clocks of {server} and of this machine differ by {skew.total_seconds():.0f} s, so "
            "signatures and leases may expire too early or too late. Run NTP on both."
        )


class StoreChecks:
    """The checks of presigned requests at the public endpoint."""

    def __init__(self, resources: Resources, session: aiohttp.ClientSession) -> None:
        self.key = f"{SCRATCH_PREFIX}{secrets.token_hex(16)}"
        #: The objects to delete afterwards.
        self.keys = [self.key]
        self._settings: Settings = resources.settings
        self._storage = resources.storage
        self._presigner = resources.presigner
        self._session = session

    async def clock(self) -> None:
        """Check the clock, by which the store judges whether a signature has expired."""
        async with self._session.get(self._settings.public_endpoint_url) as response:
            date = response.headers.get("Date")
        if date is not None:
            compare_clock(parsedate_to_datetime(date), "the store")

    async def refuses_length(self) -> None:
        """Check that a client cannot store more bytes than the signed Content-Length."""
        status, _ = await self._put(self._upload(), CONTENT + b"!", {"Content-Length": str(len(CONTENT) + 1)})
        self._expect_refusal(status, "a body longer than the signed Content-Length")

    async def refuses_checksum(self) -> None:
        """Check that a client cannot store other content than the signed SHA-256 allows."""
        status, _ = await self._put(self._upload(), CONTENT[::-1])
        self._expect_refusal(status, "content whose SHA-256 is not the signed one")

    async def refuses_copy(self) -> None:
        """Check that an unsigned header does not turn an upload into a copy of another object."""
        source = {"x-amz-copy-source": f"/{self._settings.s3_bucket}/{self.key}"}
        _, body = await self._put(self._upload(self._another_key()), CONTENT, source)
        if "CopyObjectResult" in body:
            raise CheckFailed(
                "it copied an object for an unsigned x-amz-copy-source, so every client that may upload can "
                "read all objects. Update the store, or use another."
            )

    async def refuses_acl(self) -> None:
        """Check that an unsigned header does not make an object public."""
        key = self._another_key()
        await self._put(self._upload(key), CONTENT, {"x-amz-acl": "public-read"})
        url = self._upload(key).url.partition("?")[0]
        async with self._session.get(url) as response:
            if response.status == 200:
                raise CheckFailed(
                    "it made an object public for an unsigned x-amz-acl, so clients can publish files. "
                    "Disable ACLs for the bucket."
                )

    async def reports_unsigned_headers(self) -> None:
        """Check that HEAD reports headers that a client added, because verification then fails the file."""
        for name, value in ADDED_HEADERS.items():
            key = self._another_key()
            status, _ = await self._put(self._upload(key), CONTENT, {name: value})
            if status >= 400:
                continue
            head = await self._storage.head(key)
            url = self._presigner.get(key, disposition="a", content_type="a/b", ttl=60).url
            async with self._session.get(url) as response:
                shown = response.headers.get(name)
            if head is not None and not head.unsigned_headers and shown == value:
                raise CheckFailed(
                    f"it stores an unsigned {name} but does not return it for HEAD, so a client can change "
                    "what others download, undetected. Use another store."
                )

    async def adds_no_headers(self) -> None:
        """Check that the store adds no header that verification would attribute to a client."""
        head = await self._storage.head(self.key)
        if head is not None and head.unsigned_headers:
            raise CheckFailed(
                f"it adds {', '.join(head.unsigned_headers)}, which verification does not allow, so every "
                "file would end FAILED. Remove the header in the configuration of the store, or of the "
                "proxy before it."
            )

    async def accepts_upload(self) -> None:
        """Check that a presigned upload works."""
        status, body = await self._put(self._upload(), CONTENT)
        if status != 200:
            advice = (
                "Check whether a proxy changes the Host header or the path. " if "Signature" in body else ""
            )
            raise CheckFailed(f"it answered {status} to a valid upload. {advice}The answer: {body[:200]}")

    async def returns_checksum(self) -> None:
        """Check that HEAD returns the SHA-256, on which WAYBILL_VERIFY=store relies."""
        head = await self._storage.head(self.key, with_sha256=True)
        if head is None:
            raise CheckFailed(
                f"HEAD finds no object, because {self._settings.public_endpoint_url} accepted no upload. "
                "Correct the failed checks above first."
            )
        if head.sha256 == SHA256:
            return
        if self._settings.verify == "store":
            raise CheckFailed(
                "it does not, so workers read every object in spite of WAYBILL_VERIFY=store. Set "
                "WAYBILL_VERIFY=always, or use a store that returns it."
            )
        raise CheckNote("it does not, so WAYBILL_VERIFY=store would have no effect with this store.")

    async def refuses_second(self) -> None:
        """Check If-None-Match, which protects a verified object from a URL that is still valid."""
        status, _ = await self._put(self._upload(), CONTENT)
        self._expect_refusal(status, "a second upload to the same URL, in spite of If-None-Match: *")

    async def serves_download(self) -> None:
        """Check the response headers that a presigned GET overrides."""
        wanted = 'attachment; filename="doctor.txt"'
        link = self._presigner.get(self.key, disposition=wanted, content_type="text/plain", ttl=60)
        async with self._session.get(link.url) as response:
            body = await response.read()
            found = response.headers.get("Content-Disposition")
            encoding = response.headers.get("Content-Encoding")
        if response.status != 200 or body != CONTENT:
            raise CheckFailed(
                f"it answered {response.status} or returned wrong content, so downloads fail. Check the "
                "store and any proxy before it."
            )
        if found != wanted or not response.headers.get("Content-Type", "").startswith("text/plain"):
            raise CheckFailed(
                "it ignores response-content-disposition or response-content-type (Content-Disposition: "
                f"{found!r}), so downloads lose their names and safe types. Use another store."
            )
        if encoding not in {None, "identity"}:
            raise CheckFailed(
                f"it adds Content-Encoding {encoding!r}, so a browser saves other bytes than were stored. "
                "Disable compression in the store, or in the proxy before it."
            )

    def allows(self, origin: str) -> Callable[[], Awaitable[None]]:
        """Return a check of whether a browser lets pages of an origin upload and read downloads."""

        async def check() -> None:
            page = origin.replace("*", "5173" if origin.endswith(":*") else "page")
            headers = {
                "Origin": page,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
            }
            async with self._session.options(self._upload().url, headers=headers) as response:
                allowed = response.headers.get("Access-Control-Allow-Origin")
            if response.status >= 300 or allowed not in {"*", page}:
                raise CheckFailed(
                    f"the store refuses a CORS preflight from {page} (status {response.status}), so browsers "
                    "block uploads. Run `waybill init`, or, if the store has no CORS rules per bucket, set "
                    "its global ones."
                )
            link = self._presigner.get(self.key, disposition="a", content_type="a/b", ttl=60)
            async with self._session.get(link.url, headers={"Origin": page}) as response:
                exposed = response.headers.get("Access-Control-Expose-Headers", "")
            names = {name.strip().lower() for name in exposed.split(",")}
            missing = [name for name in EXPOSED_HEADERS if name.lower() not in names]
            if missing and "*" not in names:
                raise CheckNote(
                    f"they cannot read {', '.join(missing)}, which PDF viewers and players may need. Run "
                    "`waybill init`, or add these headers to the store's CORS rules."
                )

        return check

    def _upload(self, key: str | None = None) -> PresignedRequest:
        return self._presigner.put(
            key or self.key, size=len(CONTENT), content_type="text/plain", sha256=SHA256, ttl=60
        )

    def _another_key(self) -> str:
        self.keys.append(f"{self.key}-{len(self.keys)}")
        return self.keys[-1]

    async def _put(
        self, upload: PresignedRequest, body: bytes, more: dict[str, str] | None = None
    ) -> tuple[int, str]:
        # Send the host exactly as the URL has it, as other clients do: aiohttp would normalise it.
        headers = {"Host": urlsplit(upload.url).netloc, **upload.headers, **(more or {})}
        async with self._session.put(URL(upload.url, encoded=True), data=body, headers=headers) as response:
            return response.status, await response.text(errors="replace")

    @staticmethod
    def _expect_refusal(status: int, what: str) -> None:
        if status < 400:
            raise CheckFailed(
                f"it accepted {what}, so clients can store files that the API did not allow. Use another "
                "store."
            )
