"""Handle event notifications of the store: complete an upload whose object has arrived."""

import structlog

from waybill.files import repository
from waybill.files.complete import begin_verification
from waybill.files.open_upload import is_open
from waybill.platform.s3.object_key import made_for
from waybill.resources import Resources

log = structlog.get_logger(__name__)


async def handle_storage_event(resources: Resources, bucket: str, key: str) -> None:
    """Complete the PENDING file of an object. Does nothing if there is none.

    The event proves nothing: it may be repeated, late, early, or about an object that is not ours. Only the
    store's own answer counts. Parts are never assembled here, because only their client knows whether they
    are final. But if a call crashed after it assembled them, the event completes the upload.

    Raises:
        ServiceUnavailable: MongoDB or the store is unavailable; a repeat is safe.
    """
    if bucket != resources.settings.s3_bucket or made_for(key) is None:
        log.debug("event ignored: not an object of ours")
        return
    file = (await repository.find_by_keys([key])).get(key)
    if file is None:
        log.debug("event ignored: no such file")
        return
    file_id = file.file_id
    if not is_open(file):
        log.debug("event ignored: not an upload that is open", file_id=file_id)
        return
    head = await resources.storage.head(file.object_key)
    if head is None:
        log.debug("event ignored: the object is not there", file_id=file_id)
        return
    if await begin_verification(resources, file, head) is not None:
        log.info("completed by the store's event", file_id=file_id)
