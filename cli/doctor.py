"""`waybill doctor`: proves, on a scratch object, that what we rely on is so."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from dramatiq.brokers.redis import RedisBroker

from cli.deep import compare_all
from cli.doctor_redis import RedisChecks
from cli.findings import Complaint, Remark
from waybill import documents
from waybill.errors import WaybillError
from waybill.presign import PresignedRequest
from waybill.resources import Resources, open_resources, redis_client
from waybill.settings import Settings, load_settings

#: Outside of the prefix that files live under, so that nobody takes it for one of them.
SCRATCH = "doctor/"
CONTENT = b"A waybill travels with the paperwork."
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MAX_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was proven, or what was found and what to change, or what is merely so."""

    check: str
    problem: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        mark = "FAIL" if self.problem else "note" if self.note else "ok  "
        return f"{mark}  {self.check}" + "".join(f": {text}" for text in (self.problem, self.note) if text)


async def run_doctor(*, deep: bool = False) -> bool:
    """Print one line for each check; return whether all of them passed.

    Args:
        deep: Compare all records with all objects as well.

    Raises:
        SettingsError, ServiceUnavailable: it cannot even begin.
    """
    settings = load_settings()
    broker = RedisBroker(client=redis_client(settings), middleware=[])
    healthy = True
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        open_resources(settings, broker) as resources,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        async for finding in examine(resources, session):
            healthy = healthy and finding.problem is None
            print(finding, flush=True)
        if deep:
            healthy = await compare_all(resources.storage) and healthy
    return healthy


async def examine(resources: Resources, session: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    """All checks, in the order in which one makes sense after the other."""
    store = StoreChecks(resources, session)
    redis = RedisChecks(resources.settings.redis_url.get_secret_value())
    checks: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("MongoDB answers, and its clock agrees with ours", _mongodb_clock),
        ("Redis is a primary, in a version that we know, and no cluster", redis.kind),
        ("Redis takes writes, and those of scripts", redis.takes_writes),
        ("Redis refuses when it is full, and evicts nothing", redis.forgets_nothing),
        ("the bucket is there, by the internal endpoint", resources.storage.ping),
        ("the store's clock agrees with ours", store.clock),
        ("the store refuses an upload of another length", store.refuses_length),
        ("the store refuses content of another SHA-256", store.refuses_checksum),
        ("the public endpoint takes an upload signed for it", store.takes_upload),
        ("the store tells the SHA-256 that it has verified", store.tells_checksum),
        ("the store refuses a second upload to the same URL", store.refuses_second),
        ("the store does not copy an object for a header that was not signed", store.refuses_copy),
        ("a download has the name and type that were signed", store.gives_download),
    ]
    checks += [
        (f"pages of {origin} may use the store", store.allows(origin))
        for origin in resources.settings.cors_origins
    ]
    try:
        for name, check in checks:
            try:
                await check()
            except Remark as remark:
                yield Finding(name, note=str(remark))
            except (Complaint, WaybillError) as error:
                yield Finding(name, str(error))
            except (aiohttp.ClientError, TimeoutError) as error:
                address = resources.settings.public_endpoint_url
                yield Finding(name, f"{address} does not answer ({error!r}). Is it reachable from here?")
            except Exception as error:  # in the server's own words, such as that a key is wrong
                yield Finding(name, str(error))
            else:
                yield Finding(name)
    finally:
        for key in (store.key, store.copy_key):
            with suppress(Exception):  # a store that let nothing in has nothing to give back
                await resources.storage.delete(key)


async def _mongodb_clock() -> None:
    _compare(await documents.database_time(), "MongoDB")


def _compare(time: datetime, whose: str) -> None:
    skew = abs(time - datetime.now(UTC))
    if skew > MAX_SKEW:
        raise Complaint(f"{whose} is {skew.total_seconds():.0f} s apart from this machine. Run NTP on both.")


class StoreChecks:
    """What presigned requests do and do not do at the public endpoint."""

    def __init__(self, resources: Resources, session: aiohttp.ClientSession) -> None:
        self.key = f"{SCRATCH}{secrets.token_hex(16)}"
        self.copy_key = f"{self.key}-copy"
        self._settings: Settings = resources.settings
        self._storage = resources.storage
        self._presigner = resources.presigner
        self._session = session

    async def clock(self) -> None:
        """Signatures die, and leases of the store's own begin, by its clock."""
        async with self._session.get(self._settings.public_endpoint_url) as response:
            date = response.headers.get("Date")
        if date is not None:
            _compare(parsedate_to_datetime(date), "The store")

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
        _, body = await self._put(self._upload(self.copy_key), CONTENT, source)
        if "CopyObjectResult" in body:
            raise Complaint("it did: whoever may upload can read every object. Update the store.")

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
        """The overrides of a signed GET are what browsers go by."""
        wanted = 'attachment; filename="doctor.txt"'
        link = self._presigner.get(self.key, disposition=wanted, content_type="text/plain", ttl=60)
        async with self._session.get(link.url) as response:
            body = await response.read()
            found = response.headers.get("Content-Disposition")
        if response.status != 200 or body != CONTENT:
            raise Complaint(f"it answered {response.status}, or other bytes than were stored.")
        if found != wanted or not response.headers.get("Content-Type", "").startswith("text/plain"):
            raise Complaint(f"it answered Content-Disposition {found!r}: names and safe types would be lost.")

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

        return check

    def _upload(self, key: str | None = None) -> PresignedRequest:
        return self._presigner.put(
            key or self.key, size=len(CONTENT), content_type="text/plain", sha256=SHA256, ttl=60
        )

    async def _put(
        self, upload: PresignedRequest, body: bytes, more: dict[str, str] | None = None
    ) -> tuple[int, str]:
        async with self._session.put(
            upload.url, data=body, headers={**upload.headers, **(more or {})}
        ) as response:
            return response.status, await response.text(errors="replace")

    @staticmethod
    def _expect_refusal(status: int, what: str) -> None:
        if status < 400:
            raise Complaint(f"it took {what}. Waybill cannot promise anything on this store: use another.")
