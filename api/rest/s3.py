"""The control requests of a multipart upload in the S3 protocol, for libraries that use S3 directly.

Create, list, complete and abort run our own use-cases. Parts are sent straight to the store, with the URLs of
``requestParts``. UploadId and Key are the file's id, so that those of the store stay internal.

Source: Amazon S3 API Reference, CreateMultipartUpload, ListParts, CompleteMultipartUpload,
AbortMultipartUpload, "Error responses".
"""

from collections.abc import Awaitable, Callable, Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.requests import Request
from starlette.responses import Response

from api.body import discard_body
from api.errors import STATUS, headers_of
from api.operation_metrics import measured
from waybill.files.abort import abort_upload
from waybill.files.complete import complete_upload
from waybill.files.parts import list_parts
from waybill.platform.errors import InvalidInput, WaybillError
from waybill.platform.principal import Principal

#: A client lists up to 10,000 parts when it completes.
MAX_PART_LIST_BYTES = 1024**2

Handler = Callable[[Request, Principal, str], Awaitable[Response]]


async def s3_control(request: Request) -> Response:
    """Serve one control request of the upload ``{id}``. Errors are XML too."""
    name, handler = _operation_of(request)
    try:
        return await measured("s3", name, _answer(request, handler))
    except WaybillError as error:
        body = _xml("Error", {"Code": error.code, "Message": error.message})
        return _xml_response(body, STATUS[error.code].value, headers_of(error.code, error.context))


async def _answer(request: Request, handler: Handler) -> Response:
    principal = await request.state.authenticator.principal(request)
    await request.state.resources.rate_limit.admit(principal.owner)
    return await handler(request, principal, request.path_params["id"])


def _operation_of(request: Request) -> tuple[str, Handler]:
    # Exactly one parameter, so that no parameter with a meaning in S3 is ignored.
    query = request.query_params.multi_items()
    if request.method == "POST" and query == [("uploads", "")]:
        return "createMultipartUpload", _create
    if query == [("uploadId", request.path_params["id"])]:
        return _OF_AN_UPLOAD.get(request.method, _UNKNOWN)
    return _UNKNOWN


async def _create(request: Request, principal: Principal, file_id: str) -> Response:
    # The upload at the store begins with the first part, and only once.
    await list_parts(request.state.resources, principal, file_id)
    return _xml_response(_xml("InitiateMultipartUploadResult", {"Key": file_id, "UploadId": file_id}))


async def _list(request: Request, principal: Principal, file_id: str) -> Response:
    progress = await list_parts(request.state.resources, principal, file_id)
    result = _xml("ListPartsResult", {"Key": file_id, "UploadId": file_id, "IsTruncated": "false"})
    for part in progress.parts:
        result.append(_xml("Part", {"PartNumber": part.number, "ETag": part.etag, "Size": part.size}))
    return _xml_response(result)


async def _complete(request: Request, principal: Principal, file_id: str) -> Response:
    # The client's list of parts is ignored, because the store's list counts.
    await discard_body(request, MAX_PART_LIST_BYTES)
    await complete_upload(request.state.resources, principal, file_id)
    location = f"{request.scope['root_path']}/files/{file_id}"
    return _xml_response(_xml("CompleteMultipartUploadResult", {"Location": location, "Key": file_id}))


async def _abort(request: Request, principal: Principal, file_id: str) -> Response:
    await abort_upload(request.state.resources, principal, file_id)
    return Response(status_code=204)


async def _refuse(request: Request, principal: Principal, file_id: str) -> Response:
    raise InvalidInput({"query": "must be `uploads`, of a POST, or `uploadId` with the id of the file"})


_UNKNOWN: tuple[str, Handler] = ("unknown", _refuse)
_OF_AN_UPLOAD: Mapping[str, tuple[str, Handler]] = {
    "GET": ("listParts", _list),
    "POST": ("completeMultipartUpload", _complete),
    "DELETE": ("abortMultipartUpload", _abort),
}


def _xml(name: str, values: Mapping[str, object]) -> Element:
    element = Element(name)
    for key, value in values.items():
        SubElement(element, key).text = str(value)
    return element


def _xml_response(body: Element, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(tostring(body, encoding="utf-8"), status, headers, media_type="application/xml")
