"""What `waybill doctor` proves of the object store, on a scratch object."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from cli.findings import Complaint, Remark
from waybill.platform.presign import PresignedRequest
from waybill.platform.s3.bucket import EXPOSED_HEADERS
from waybill.platform.settings import Settings
from waybill.resources import Resources

#: Outside the prefix of files, so that it is not taken for a file.
SCRATCH = "doctor/"
CONTENT = b"A waybill travels with the paperwork."
SHA256 = hashlib.sha256(CONTENT).hexdigest()
#: What a client may add to an upload, of which verification must hear.
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


def compare_clock(time: datetime, whose: str) -> None:
    """Raise Complaint if a server's time is too far from ours."""
    skew = abs(time - datetime.now(UTC))
    if skew > MAX_SKEW:
        raise Complaint(f"{whose} is {skew.total_seconds():.0f} s apart from this machine. Run NTP on both.")


class StoreChecks:
    """What presigned requests do and do not do at the public endpoint."""

    def __init__(self, resources: Resources, session: aiohttp.ClientSession) -> None:
        self.key = f"{SCRATCH}{secrets.token_hex(16)}"
        #: What may be in the bucket afterwards.
        self.keys = [self.key]
        self._settings: Settings = resources.settings
        self._storage = resources.storage
        self._presigner = resources.presigner
        self._session = session

    async def clock(self) -> None:
        """Signatures die, and leases of the store's own begin, by its clock."""
        async with self._session.get(self._settings.public_endpoint_url) as response:
            date = response.headers.get("Date")
        if date is not None:
            compare_clock(parsedate_to_datetime(date), "The store")

    async def refuses_length(self) -> None:
        """A signed Content-Length bounds what a client can store."""
        status, _ = await self._put(self._upload(), CONTENT + b"!", {"Content-Length": str(len(CONTENT) + 1)})
        self._expect_refusal(status, "a body that is longer than was signed")

    async def refuses_checksum(self) -> None:
        """A signed SHA-256 binds the content before it is stored."""
        status, _ = await self._put(self._upload(), CONTENT[::-1])
        self._expect_refusal(status, "other content than its SHA-256 was signed for")

    async def refuses_copy(self) -> None:
        """An unsigned header must not turn an upload into a copy of somebody's object."""
        source = {"x-amz-copy-source": f"/{self._settings.s3_bucket}/{self.key}"}
        _, body = await self._put(self._upload(self._another_key()), CONTENT, source)
        if "CopyObjectResult" in body:
            raise Complaint("it did: whoever may upload can read every object. Update the store.")

    async def refuses_acl(self) -> None:
        """An unsigned header must not let the world read what was uploaded."""
        key = self._another_key()
        await self._put(self._upload(key), CONTENT, {"x-amz-acl": "public-read"})
        url = self._upload(key).url.partition("?")[0]
        async with self._session.get(url) as response:
            if response.status == 200:
                raise Complaint("it did: anybody can read such uploads. Switch ACLs off for the bucket.")

    async def shows_unsigned_headers(self) -> None:
        """What a client adds to an upload is refused here, or makes its file FAILED."""
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
                raise Complaint(
                    f"it keeps {name} without naming it in answers to HEAD: a client can change what others "
                    "download. Use another store."
                )

    async def adds_no_headers(self) -> None:
        """What verification takes for a client's must not come from the store."""
        head = await self._storage.head(self.key)
        if head is not None and head.unsigned_headers:
            raise Complaint(
                f"it adds {', '.join(head.unsigned_headers)}, which a client may not: every file would be "
                "FAILED. Switch off what adds it, in the store or in a proxy before it."
            )

    async def takes_upload(self) -> None:
        """The one request that clients live by."""
        status, body = await self._put(self._upload(), CONTENT)
        if status != 200:
            advice = "Does a proxy change the Host header, or the path?" if "Signature" in body else ""
            raise Complaint(f"it answered {status}. {advice} {body[:200]}")

    async def tells_checksum(self) -> None:
        """What is believed where the store is to verify; the refusal of other content is the other half."""
        head = await self._storage.head(self.key, with_sha256=True)
        if head is None:
            raise Complaint(f"{self._settings.public_endpoint_url} took no upload that could be looked at.")
        if head.sha256 == SHA256:
            return
        if self._settings.verify == "store":
            raise Complaint(
                "it does not, so every object is read all the same. Set WAYBILL_VERIFY=always, or use a "
                "store that does."
            )
        raise Remark("it does not, so WAYBILL_VERIFY=store would gain nothing here.")

    async def refuses_second(self) -> None:
        """If-None-Match keeps a live URL from replacing what was verified."""
        status, _ = await self._put(self._upload(), CONTENT)
        self._expect_refusal(status, "a second upload, in spite of If-None-Match: *")

    async def gives_download(self) -> None:
        """Browsers use the overrides of a signed GET."""
        wanted = 'attachment; filename="doctor.txt"'
        link = self._presigner.get(self.key, disposition=wanted, content_type="text/plain", ttl=60)
        async with self._session.get(link.url) as response:
            body = await response.read()
            found = response.headers.get("Content-Disposition")
            encoding = response.headers.get("Content-Encoding")
        if response.status != 200 or body != CONTENT:
            raise Complaint(f"it answered {response.status}, or other bytes than were stored.")
        if found != wanted or not response.headers.get("Content-Type", "").startswith("text/plain"):
            raise Complaint(f"it answered Content-Disposition {found!r}: names and safe types would be lost.")
        if encoding not in {None, "identity"}:
            raise Complaint(f"it answered Content-Encoding {encoding!r}: a browser would save other bytes.")

    def allows(self, origin: str) -> Callable[[], Awaitable[None]]:
        """A check that a browser would let a page of that origin upload."""

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
                raise Complaint(
                    f"a preflight from {page} was answered {response.status}. Run `waybill init`, or set the "
                    "store's own CORS rules where it has none per bucket."
                )
            link = self._presigner.get(self.key, disposition="a", content_type="a/b", ttl=60)
            async with self._session.get(link.url, headers={"Origin": page}) as response:
                exposed = response.headers.get("Access-Control-Expose-Headers", "")
            names = {name.strip().lower() for name in exposed.split(",")}
            missing = [name for name in EXPOSED_HEADERS if name.lower() not in names]
            if missing and "*" not in names:
                raise Remark(
                    f"they cannot read {', '.join(missing)}, which PDF viewers and players may need. Run "
                    "`waybill init`, or add them to the store's own CORS rules."
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
        # The host as the URL spells it, because that is what other clients send: ours would mend it.
        headers = {"Host": urlsplit(upload.url).netloc, **upload.headers, **(more or {})}
        async with self._session.put(URL(upload.url, encoded=True), data=body, headers=headers) as response:
            return response.status, await response.text(errors="replace")

    @staticmethod
    def _expect_refusal(status: int, what: str) -> None:
        if status < 400:
            raise Complaint(f"it took {what}. Waybill cannot promise anything on this store: use another.")
