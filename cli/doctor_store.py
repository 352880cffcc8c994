"""The checks of `waybill doctor` on single objects of the store."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cli.check_results import CheckFailed, CheckNote
from cli.scratch import CONTENT, SHA256, Scratch
from waybill.platform.s3.bucket import EXPOSED_HEADERS
from waybill.platform.settings import Settings

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


def copy_advice(settings: Settings) -> str:
    """Return what to do about a store that copies for an unsigned header."""
    if settings.s3_upload_access_key is None:
        return (
            "Set WAYBILL_S3_UPLOAD_ACCESS_KEY and WAYBILL_S3_UPLOAD_SECRET_KEY to a key that may put objects "
            "only, which closes this (`waybill init` prints its policy), or update the store."
        )
    return "Limit the upload key to s3:PutObject: `waybill init` prints the policy."


class StoreChecks:
    """The checks of presigned requests at the public endpoint.

    ``accepts_upload`` comes first: after it, a refusal means what the check has changed.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.key = scratch.new_key()
        self._scratch = scratch
        self._settings = scratch.resources.settings
        self._storage = scratch.resources.storage
        self._presigner = scratch.resources.presigner
        self._session = scratch.session

    async def clock(self) -> None:
        """Check the clock, by which the store judges whether a signature has expired."""
        async with self._session.get(self._settings.public_endpoint_url) as response:
            date = response.headers.get("Date")
        if date is not None:
            compare_clock(parsedate_to_datetime(date), "the store")

    async def accepts_upload(self) -> None:
        """Check that a presigned upload works, and that API and workers find its object."""
        answer = await self._scratch.put(self._scratch.upload(self.key))
        if answer.status != 200:
            advice = (
                "Check whether a proxy changes the Host header or the path. "
                if "Signature" in answer.body
                else ""
            )
            raise CheckFailed(
                f"it answered {answer.status} to a valid upload. {advice}The answer: {answer.body[:200]}"
            )
        if await self._storage.head(self.key) is None:
            raise CheckFailed(
                f"it accepted an upload, but {self._settings.s3_endpoint_url} does not have the object. "
                "WAYBILL_S3_ENDPOINT_URL and WAYBILL_S3_PUBLIC_ENDPOINT_URL must lead to the same store."
            )
        self._scratch.accepts_uploads = True

    async def refuses_signature(self) -> None:
        """Check that the store checks signatures, without which all other refusals mean nothing."""
        key = self._scratch.new_key()
        upload = self._scratch.upload(key)
        forged = replace(upload, url=f"{upload.url[:-8]}{'0' * 8}")
        await self._scratch.expect_refusal(await self._scratch.put(forged), "a wrong signature", key)

    async def refuses_length(self) -> None:
        """Check that a client cannot store more bytes than the signed Content-Length."""
        key = self._scratch.new_key()
        # Without a checksum, which would refuse these bytes too.
        upload = self._presigner.put(key, size=len(CONTENT), content_type="text/plain", sha256=None, ttl=60)
        answer = await self._scratch.put(upload, CONTENT + b"!")
        await self._scratch.expect_refusal(answer, "a body longer than the signed Content-Length", key)

    async def refuses_type(self) -> None:
        """Check that a client cannot store another Content-Type than the signed one."""
        key = self._scratch.new_key()
        answer = await self._scratch.put(self._scratch.upload(key), more={"Content-Type": "text/html"})
        await self._scratch.expect_refusal(answer, "another Content-Type than the signed one", key)

    async def refuses_checksum(self) -> None:
        """Check that a client cannot store other content than the signed SHA-256 allows."""
        key = self._scratch.new_key()
        answer = await self._scratch.put(self._scratch.upload(key), CONTENT[::-1])
        await self._scratch.expect_refusal(answer, "content whose SHA-256 is not the signed one", key)

    async def refuses_second(self) -> None:
        """Check If-None-Match, which protects a verified object from a URL that is still valid."""
        answer = await self._scratch.put(self._scratch.upload(self.key))
        await self._scratch.expect_refusal(
            answer, "a second upload to the same URL, in spite of If-None-Match: *"
        )

    async def refuses_copy(self) -> None:
        """Check that an unsigned header does not turn an upload into a copy of another object."""
        self._scratch.require_uploads()
        source = {"x-amz-copy-source": f"/{self._settings.s3_bucket}/{self.key}"}
        answer = await self._scratch.put(self._scratch.upload(self._scratch.new_key()), more=source)
        if "CopyObjectResult" in answer.body:
            raise CheckFailed(
                "it copied an object for an unsigned x-amz-copy-source, so every client that may upload can "
                f"read all objects. {copy_advice(self._settings)}"
            )

    async def refuses_acl(self) -> None:
        """Check that an unsigned header does not make an object public."""
        self._scratch.require_uploads()
        if await self._is_public(self.key):
            raise CheckFailed(
                "it answers a download without a signature, so everyone can read all objects. Remove public "
                "access from the bucket, or use another store."
            )
        key = self._scratch.new_key()
        await self._scratch.put(self._scratch.upload(key), more={"x-amz-acl": "public-read"})
        if await self._is_public(key):
            raise CheckFailed(
                "it made an object public for an unsigned x-amz-acl, so clients can publish files. Disable "
                "ACLs for the bucket."
            )

    async def reports_unsigned_headers(self) -> None:
        """Check that HEAD reports headers that a client added, because verification then fails the file."""
        self._scratch.require_uploads()
        for name, value in ADDED_HEADERS.items():
            key = self._scratch.new_key()
            answer = await self._scratch.put(self._scratch.upload(key), more={name: value})
            if answer.status >= 400:
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
        self._scratch.require_uploads()
        head = await self._storage.head(self.key)
        if head is not None and head.unsigned_headers:
            raise CheckFailed(
                f"it adds {', '.join(head.unsigned_headers)}, which verification does not allow, so every "
                "file would end FAILED. Remove the header in the configuration of the store, or of the "
                "proxy before it."
            )

    async def returns_checksum(self) -> None:
        """Check that HEAD returns the SHA-256, on which WAYBILL_VERIFY=store relies."""
        self._scratch.require_uploads()
        head = await self._storage.head(self.key, with_sha256=True)
        if head is not None and head.sha256 == SHA256:
            return
        if self._settings.verify == "store":
            raise CheckFailed(
                "it does not, so workers read every object in spite of WAYBILL_VERIFY=store. Set "
                "WAYBILL_VERIFY=always, or use a store that returns it."
            )
        raise CheckNote("it does not, so WAYBILL_VERIFY=store would have no effect with this store.")

    async def serves_download(self) -> None:
        """Check the response headers that a presigned GET overrides."""
        self._scratch.require_uploads()
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

    async def _is_public(self, key: str) -> bool:
        url = self._scratch.upload(key).url.partition("?")[0]
        async with self._session.get(url) as response:
            return response.status == 200

    def allows(self, origin: str) -> Callable[[], Awaitable[None]]:
        """Return a check of whether a browser lets pages of an origin upload and read downloads."""

        async def check() -> None:
            page = origin.replace("*", "5173" if origin.endswith(":*") else "page")
            headers = {
                "Origin": page,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
            }
            url = self._scratch.upload(self.key).url
            async with self._session.options(url, headers=headers) as response:
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
