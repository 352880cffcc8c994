"""The check of `waybill doctor` on the key that signs uploads: it can put objects and parts, and no more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cli.check_results import CheckFailed
from cli.scratch import SCRATCH_PREFIX, Scratch
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.errors import code_of_cause
from waybill.platform.s3.storage import Storage, open_storage


async def check_upload_key(scratch: Scratch) -> None:
    """Check that the key which signs uploads can neither read, list nor delete.

    That it can put objects and parts was proven by the uploads of earlier checks.
    """
    scratch.require_uploads()
    main = scratch.resources.storage
    settings = scratch.resources.settings
    key = scratch.new_key()
    await scratch.put(scratch.upload(key))
    head = await main.head(key)
    if head is None:
        raise CheckFailed("the object to try it on is missing. Repeat the check.")
    upload_key = {
        "s3_access_key": settings.s3_upload_access_key,
        "s3_secret_key": settings.s3_upload_secret_key,
    }
    allowed = []
    async with open_storage(settings.model_copy(update=upload_key)) as storage:
        if await _is_allowed(storage.stream(key, head.etag)):
            allowed.append("read objects")
        if await _is_allowed(storage.pages(SCRATCH_PREFIX)):
            allowed.append("list the bucket")
        if await _is_allowed(_deletion(storage, key)) or await main.head(key) is None:
            allowed.append("delete objects")
    if allowed:
        raise CheckFailed(
            f"WAYBILL_S3_UPLOAD_ACCESS_KEY can also {', '.join(allowed)}, so a presigned upload may do more "
            "than upload. Limit this key to s3:PutObject: `waybill init` prints the policy."
        )


async def _deletion(storage: Storage, key: str) -> AsyncGenerator[None, None]:
    await storage.delete(key)
    yield


async def _is_allowed(act: AsyncGenerator[object, None]) -> bool:
    """Return whether the store allows the request that the first item of ``act`` needs."""
    try:
        async with aclosing(act) as items:
            async for _ in items:
                break
    except ServiceUnavailable as error:
        if code_of_cause(error) != "AccessDenied":
            raise
        return False
    return True
