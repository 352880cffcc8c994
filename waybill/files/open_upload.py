"""Open uploads: what a client needs to send the bytes, and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.transitions import PENDING
from waybill.platform.errors import WrongState
from waybill.platform.presign import PresignedRequest
from waybill.platform.settings import Settings
from waybill.resources import Resources

#: The longest time from the upload-request during which an upload may be open, also if it is refreshed.
MAX_OPEN_TIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MultipartPlan:
    """How to send a file in parts. The URLs of the parts are signed on request."""

    part_size: int
    part_count: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """What a client needs to send the bytes: one PUT, or parts, or neither if there is nothing to send."""

    file: File
    upload: PresignedRequest | None = None
    multipart: MultipartPlan | None = None


def grant_upload(resources: Resources, file: File) -> UploadGrant:
    """Return what a client needs to send the bytes: a signed PUT, or the plan of the parts."""
    if file.part_plan is not None:
        plan = file.part_plan
        return UploadGrant(
            file, multipart=MultipartPlan(plan.part_size, plan.part_count, file.upload_expires_at)
        )
    upload = resources.presigner.put(
        file.object_key,
        size=file.size,
        content_type=file.content_type,
        sha256=file.declared_sha256,
        ttl=url_ttl(resources.settings, file),
    )
    return UploadGrant(file, upload)


def url_ttl(settings: Settings, file: File) -> int:
    """Return the seconds for which a URL signed now is valid. It never outlives ``upload_expires_at``."""
    left = file.upload_expires_at - datetime.now(UTC)
    return max(1, min(settings.upload_url_ttl, round(left.total_seconds())))


def lifetime(settings: Settings, *, is_multipart: bool) -> timedelta:
    """Return how long an upload stays open after its request or its latest refresh."""
    return timedelta(seconds=settings.multipart_ttl if is_multipart else settings.upload_url_ttl)


async def extend(resources: Resources, file: File) -> File:
    """Delay the expiry of a PENDING file. Raises WrongState if it is no longer open or too old."""
    ensure_open(file)
    settings = resources.settings
    now = datetime.now(UTC)
    until = min(
        now + lifetime(settings, is_multipart=file.part_plan is not None), file.created_at + MAX_OPEN_TIME
    )
    if until <= now:
        raise WrongState(
            f"The upload was requested {MAX_OPEN_TIME.days} days ago. Request a new one.", id=file.file_id
        )
    # Never earlier than before, because a client may already have URLs with the later expiry.
    until = max(until, file.upload_expires_at)
    extended = await transitions.change(
        file,
        PENDING,
        upload_expires_at=until,
        expire_at=until + timedelta(seconds=settings.upload_grace),
    )
    return extended or ensure_open(await repository.find(file.file_id))


def is_open(file: File) -> bool:
    """Return whether the upload is neither completed, expired nor deleted."""
    return file.status is Status.PENDING and file.deleted_at is None


def ensure_open(file: File) -> File:
    """Return the file, if its upload is neither completed, expired nor deleted.

    Raises:
        WrongState: it is one of these.
    """
    if is_open(file):
        return file
    facts = {"id": file.file_id, "fileStatus": file.status.value}
    if file.deleted_at is not None:
        raise WrongState("The file is deleted. Request a new upload.", **facts)
    if file.status is Status.EXPIRED:
        raise WrongState(
            "The upload has expired, because it was not completed in time. Request a new one.", **facts
        )
    raise WrongState("The upload is already completed. Request a new one to send other bytes.", **facts)
