"""`waybill doctor`: proves, on a scratch object, that what we rely on is so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from dramatiq.brokers.redis import RedisBroker

from cli.deep import compare_all
from cli.doctor_redis import RedisChecks
from cli.doctor_store import StoreChecks, compare_clock
from cli.findings import Complaint, Remark
from waybill.platform.errors import WaybillError
from waybill.platform.mongo import connection
from waybill.platform.settings import load_settings
from waybill.resources import Resources, open_resources, redis_client


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
        ("a majority of MongoDB's members acknowledges writes", connection.check_majority),
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
        ("the store does not publish an object for a header that was not signed", store.refuses_acl),
        ("the store refuses, drops or shows what else was not signed", store.shows_unsigned_headers),
        ("the store adds no headers of its own to an object", store.adds_no_headers),
        ("a download has the name, type and encoding that were signed", store.gives_download),
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
        for key in store.keys:
            with suppress(Exception):  # a store that let nothing in has nothing to give back
                await resources.storage.delete(key)


async def _mongodb_clock() -> None:
    compare_clock(await connection.database_time(), "MongoDB")
