"""Sign the download URL of a verified file."""

from waybill.files import contents, repository
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
    """Sign a GET, or a HEAD with ``is_head``, for a verified file, under its own name and type.

    ``disposition.py`` lists the types that can be inline.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the file is deleted, or neither COMPLETED nor DUPLICATE.
    """
    file = await repository.find(file_id, principal.owner)
    facts = {"id": file_id, "fileStatus": file.status.value}
    if file.deleted_at is not None:
        raise WrongState("The file is deleted. Restore it to download it.", **facts)
    holder = await contents.find_holder(file.owner, file.sha256) if file.status is Status.DUPLICATE else file
    if holder is None:
        raise WrongState("The content of this file no longer exists. Upload it again.", **facts)
    if file.status not in {Status.COMPLETED, Status.DUPLICATE}:
        raise WrongState(
            f"Only a COMPLETED or DUPLICATE file can be downloaded. This one is {file.status}.", **facts
        )
    return resources.presigner.get(
        holder.object_key,
        disposition=content_disposition(file.name, file.content_type, disposition),
        content_type=file.content_type,
        ttl=resources.settings.download_url_ttl,
        is_head=is_head,
    )
