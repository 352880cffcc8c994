"""`waybill doctor`: check on a scratch object that the servers behave as Waybill requires."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import aiohttp
from dramatiq.brokers.redis import RedisBroker

from cli.check_results import CheckFailed, CheckNote
from cli.doctor_deep import compare_all
from cli.doctor_multipart import MultipartChecks
from cli.doctor_redis import RedisChecks
from cli.doctor_store import StoreChecks, compare_clock
from cli.doctor_upload_key import check_upload_key
from cli.error_message import error_message
from cli.quiet import silence_logs
from cli.scratch import Scratch
from waybill.platform.errors import WaybillError
from waybill.platform.mongo import connection
from waybill.platform.settings import load_settings
from waybill.resources import Resources, open_resources, redis_client


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check: passed, failed with a problem, or passed with a note."""

    check: str
    problem: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        mark = "FAIL" if self.problem else "note" if self.note else "ok  "
        return f"{mark}  {self.check}" + "".join(f": {text}" for text in (self.problem, self.note) if text)


async def run_doctor(*, deep: bool = False) -> bool:
    """Print one line for each check; return whether all of them passed.

    Args:
        deep: also compare all records with all objects.

    Raises:
        SettingsError, ServiceUnavailable: the checks cannot start.
    """
    silence_logs()
    settings = load_settings()
    broker = RedisBroker(client=redis_client(settings), middleware=[])
    healthy = True
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        open_resources(settings, broker) as resources,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        async for result in run_checks(resources, session):
            healthy = healthy and result.problem is None
            print(result, flush=True)
        if deep:
            healthy = await compare_all(resources.storage) and healthy
    return healthy


async def run_checks(resources: Resources, session: aiohttp.ClientSession) -> AsyncIterator[CheckResult]:
    """Run all checks. The order matters: a refusal means something only after a valid upload was accepted."""
    scratch = Scratch(resources, session)
    store = StoreChecks(scratch)
    multipart = MultipartChecks(scratch)
    redis = RedisChecks(resources.settings.redis_url.get_secret_value())
    checks: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("MongoDB answers, and its clock agrees with this machine's", _mongodb_clock),
        ("a majority of MongoDB's members acknowledges writes", connection.check_majority),
        ("Redis is a primary of a supported version, and not a cluster", redis.kind),
        ("Redis accepts writes, including those of scripts", redis.accepts_writes),
        ("Redis refuses writes when it is full, and evicts nothing", redis.evicts_nothing),
        ("the bucket exists at the internal endpoint", resources.storage.ping),
        ("the store's clock agrees with this machine's", store.clock),
        ("the public endpoint accepts a presigned upload", store.accepts_upload),
        ("the store refuses an upload with a wrong signature", store.refuses_signature),
        ("the store refuses an upload whose length is not the signed one", store.refuses_length),
        ("the store refuses an upload whose type is not the signed one", store.refuses_type),
        ("the store refuses content whose SHA-256 is not the signed one", store.refuses_checksum),
        ("the store returns the SHA-256 that it verified", store.returns_checksum),
        ("the store refuses a second upload to the same URL", store.refuses_second),
        ("the store ignores or refuses an unsigned copy header", store.refuses_copy),
        ("the bucket is not public, also not by an unsigned ACL header", store.refuses_acl),
        ("the store refuses, drops or reports other unsigned headers", store.reports_unsigned_headers),
        ("the store adds no headers to an object", store.adds_no_headers),
        ("a download has the signed name, type and encoding", store.serves_download),
        ("an upload in parts can be sent, listed and completed", multipart.assembles),
        ("the store refuses a part whose length is not the signed one", multipart.refuses_length),
        ("the store refuses a part whose SHA-256 is not the signed one", multipart.refuses_checksum),
        ("the store ignores or refuses an unsigned copy header of a part", multipart.refuses_copy),
        ("the open uploads of a key can be listed and aborted", multipart.aborts),
    ]
    if resources.settings.s3_upload_access_key is not None:
        checks.append(
            ("the upload key can neither read, list nor delete", partial(check_upload_key, scratch))
        )
    checks += [
        (f"pages of {origin} may use the store", store.allows(origin))
        for origin in resources.settings.cors_origins
    ]
    try:
        for name, check in checks:
            try:
                await check()
            except CheckNote as remark:
                yield CheckResult(name, note=str(remark))
            except (CheckFailed, WaybillError) as error:
                yield CheckResult(name, error_message(error))
            except (aiohttp.ClientError, TimeoutError) as error:
                address = resources.settings.public_endpoint_url
                yield CheckResult(
                    name,
                    f"{address} does not answer ({error!r}). Check WAYBILL_S3_PUBLIC_ENDPOINT_URL and that "
                    "this machine can reach it.",
                )
            except Exception as error:  # the server's own message, such as that a key is wrong
                yield CheckResult(
                    name, f"{error}. Check the address, the key and the rights in the settings."
                )
            else:
                yield CheckResult(name)
    finally:
        await scratch.delete()


async def _mongodb_clock() -> None:
    compare_clock(await connection.database_time(), "MongoDB")
