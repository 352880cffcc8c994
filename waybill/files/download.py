"""Sign the download URL of a verified file."""

from waybill.files import repository
from waybill.files.disposition import Disposition, content_disposition
from waybill.files.lifecycle import Status
from waybill.platform.errors import WrongState
from waybill.platform.presign import PresignedRequest
from waybill.platform.principal import Principal
from waybill.resources import Resources


async def download_file(
    resources: Resources,
    principal: Principal,
    file_id: str,
    disposition: Disposition = Disposition.ATTACHMENT,
    *,
    is_head: bool = False,
) -> PresignedRequest:
    """Sign a GET, or a HEAD with ``is_head``, for a COMPLETED file. What may be inline is in ``disposition``.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the file is deleted or not COMPLETED; of a DUPLICATE the error names the file to take.
    """
    file = await repository.find(file_id, principal.owner)
    facts = {"id": file_id, "fileStatus": file.status.value}
    if file.deleted_at is not None:
        raise WrongState("The file is deleted.", **facts)
    if file.status is Status.DUPLICATE:
        original = await repository.find(str(file.duplicate_of), principal.owner)
        advice = "Download the one that duplicateOf names."
        if original.deleted_at is not None:
            advice = "Its original is deleted, and the content with it. Upload it again."
        raise WrongState(f"The file is a duplicate. {advice}", duplicateOf=original.file_id, **facts)
    if file.status is not Status.COMPLETED:
        raise WrongState(f"Only a COMPLETED file can be downloaded, this one is {file.status}.", **facts)
    return resources.presigner.get(
        file.object_key,
        disposition=content_disposition(file.name, file.content_type, disposition),
        content_type=file.content_type,
        ttl=resources.settings.download_url_ttl,
        is_head=is_head,
    )
