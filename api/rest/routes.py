"""The REST operations: parse, call, render."""

import asyncio
import json
from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from api.body import JSON
from api.rest.batch import complete_several, delete_several, request_several
from api.rest.document import openapi
from api.rest.events import create_ticket, follow
from api.rest.folder_operations import OPERATION_PATHS
from api.rest.folders import FOLDER_PATHS
from api.rest.operation import ByMethod, Paths, json_answer, operation
from api.rest.s3 import s3_control
from api.rest.schemas import (
    DownloadLink,
    DownloadQuery,
    FilePage,
    ListQuery,
    Parts,
    PartUploads,
    UpdateHeaders,
    UploadAnswer,
    UploadHeaders,
)
from api.rest.usage import get_own_history, get_own_usage
from api.rest.webhooks import WEBHOOK_PATHS
from api.routing import with_exact_paths
from waybill.files import model
from waybill.files.complete import complete_upload
from waybill.files.delete import delete_file
from waybill.files.download import download_file
from waybill.files.etag import etag_of_json
from waybill.files.file_json import File
from waybill.files.lifecycle import Status
from waybill.files.listing.list_files import count_files, list_files
from waybill.files.parts import PartsRequest, list_parts, request_parts
from waybill.files.read import get_file
from waybill.files.refresh import refresh_upload
from waybill.files.request import request_upload
from waybill.files.restore import restore_file
from waybill.files.update import MERGE_PATCH, FileChanges, update_file
from waybill.files.upload_request import UploadRequest
from waybill.platform.principal import Principal


@operation(
    "requestUpload",
    body=UploadRequest,
    headers=UploadHeaders,
    answers={201: UploadAnswer, 200: UploadAnswer},
    errors=(
        *("invalid_input", "file_too_large", "quota_exceeded", "idempotency_conflict"),
        *("wrong_state", "request_too_large", "unsupported_media_type"),
    ),
)
async def request_one(request: Request, principal: Principal, body: UploadRequest) -> Response:
    """Request an upload, and get the URL to send the bytes to."""
    key = request.headers.get("idempotency-key")
    requested = await request_upload(request.state.resources, principal, body, key)
    status = 201 if requested.upload or requested.multipart else 200
    # Without a host, because the Host header is the client's, and a proxy may have changed it.
    location = {"Location": f"{request.scope['root_path']}/files/{requested.file.file_id}"}
    return json_answer(UploadAnswer.of(requested), status, location if status == 201 else None)


@operation("refreshUpload", answers={200: UploadAnswer}, errors=("file_not_found", "wrong_state"))
async def refresh_one(request: Request, principal: Principal) -> Response:
    """Get a new URL for an open upload, and delay its expiry."""
    file_id = request.path_params["id"]
    return json_answer(UploadAnswer.of(await refresh_upload(request.state.resources, principal, file_id)))


@operation(
    "requestParts",
    body=PartsRequest,
    answers={200: PartUploads},
    errors=(
        *("file_not_found", "wrong_state", "store_unsupported"),
        *("invalid_input", "unsupported_media_type", "request_too_large"),
    ),
)
async def request_some_parts(request: Request, principal: Principal, body: PartsRequest) -> Response:
    """Get the URLs to send some parts to. Safe to repeat: a part that is sent again replaces the first."""
    file_id = request.path_params["id"]
    return json_answer(PartUploads.of(await request_parts(request.state.resources, principal, file_id, body)))


@operation("listParts", answers={200: Parts}, errors=("file_not_found", "wrong_state", "store_unsupported"))
async def list_arrived_parts(request: Request, principal: Principal) -> Response:
    """List the parts that have arrived. With the id alone a client can resume an upload."""
    progress = await list_parts(request.state.resources, principal, request.path_params["id"])
    return json_answer(Parts.of_progress(progress))


@operation(
    "completeUpload",
    answers={202: File, 200: File},
    errors=("file_not_found", "object_missing", "parts_missing", "wrong_state", "store_unsupported"),
)
async def complete_one(request: Request, principal: Principal) -> Response:
    """Complete an upload whose bytes were sent, and begin its verification. Safe to repeat."""
    file = await complete_upload(request.state.resources, principal, request.path_params["id"])
    return json_answer(File.of(file), 202 if file.status is Status.PROCESSING else 200)


@operation("listFiles", query=ListQuery, answers={200: FilePage}, errors=("invalid_input",))
async def list_many(request: Request, principal: Principal, query: ListQuery) -> Response:
    """List files that are not deleted, the newest first by default."""
    page = await list_files(principal, query)
    return json_answer(FilePage.of(page, await count_files(principal, query) if query.total_count else None))


@operation("getFile", answers={200: File}, errors=("file_not_found",), has_etag=True)
async def get_one(request: Request, principal: Principal) -> Response:
    """Get one file, also if it is deleted."""
    return _tagged(await get_file(principal, request.path_params["id"]))


@operation(
    "updateFile",
    body=FileChanges,
    headers=UpdateHeaders,
    media_types=(MERGE_PATCH, JSON),
    answers={200: File},
    has_etag=True,
    errors=(
        *("file_not_found", "wrong_state", "precondition_failed", "invalid_input"),
        *("request_too_large", "unsupported_media_type"),
    ),
)
async def update_one(request: Request, principal: Principal, file_changes: FileChanges) -> Response:
    """Update the name, content type, folder or metadata of a file that is not deleted. Safe to repeat."""
    settings, file_id = request.state.resources.settings, request.path_params["id"]
    if_match = ", ".join(request.headers.getlist("if-match")) if "if-match" in request.headers else None
    return _tagged(await update_file(settings, principal, file_id, file_changes, if_match))


@operation(
    "downloadFile",
    query=DownloadQuery,
    answers={200: DownloadLink, 307: None},
    errors=("file_not_found", "wrong_state", "invalid_input"),
)
async def download_one(request: Request, principal: Principal, query: DownloadQuery) -> Response:
    """Get a URL for the bytes of a COMPLETED or DUPLICATE file."""
    download = await download_file(
        request.state.resources,
        principal,
        request.path_params["id"],
        query.disposition,
        is_head=request.method == "HEAD",
    )
    return RedirectResponse(download.url) if query.redirect else json_answer(DownloadLink.of(download))


@operation("deleteFile", answers={202: File}, errors=("file_not_found",))
async def delete_one(request: Request, principal: Principal) -> Response:
    """Delete a file: its record at once, its object later. Safe to repeat."""
    return json_answer(
        File.of(await delete_file(request.state.resources, principal, request.path_params["id"])), 202
    )


@operation("restoreFile", answers={200: File}, errors=("file_not_found", "wrong_state", "quota_exceeded"))
async def restore_one(request: Request, principal: Principal) -> Response:
    """Restore a deleted file from the trash, until its purge begins. Safe to repeat."""
    file_id = request.path_params["id"]
    return json_answer(File.of(await restore_file(request.state.resources, principal, file_id)))


def _tagged(file: model.File) -> Response:
    # The ETag is made of the body, so the body is written once.
    shown = File.of(file).model_dump_json(by_alias=True)
    return Response(shown, headers={"ETag": etag_of_json(shown)}, media_type=JSON)


#: The most frequent paths come first, because the router tries them in this order. But `upload-request`,
#: `events` and `batch` must be before `{id}`, which would match them.
PATHS: Paths = {
    "/files/upload-request": {"POST": request_one},
    "/files/events": {"GET": follow},
    "/files/events/ticket": {"POST": create_ticket},
    "/files/{id}": {"GET": get_one, "PATCH": update_one, "DELETE": delete_one},
    "/files": {"GET": list_many},
    "/files/batch/upload-request": {"POST": request_several},
    "/files/batch/complete": {"POST": complete_several},
    "/files/batch/delete": {"POST": delete_several},
    "/files/{id}/complete": {"POST": complete_one},
    "/files/{id}/download": {"GET": download_one},
    "/files/{id}/parts": {"GET": list_arrived_parts, "POST": request_some_parts},
    "/files/{id}/upload-url": {"POST": refresh_one},
    "/files/{id}/restore": {"POST": restore_one},
    "/usage": {"GET": get_own_usage},
    "/usage/history": {"GET": get_own_history},
    **FOLDER_PATHS,
    **OPERATION_PATHS,
    **WEBHOOK_PATHS,
}


def create_rest() -> Router:
    """Return the router of /api/v1."""
    routes = [Route(path, ByMethod(operations)) for path, operations in PATHS.items()]
    shown = Route("/openapi.json", show_openapi)
    # Not in the OpenAPI document, because they are S3's requests and responses.
    s3 = Route("/files/{id}/s3", s3_control, methods=["GET", "POST", "DELETE"])
    # Without redirects, because they would go to the client's Host header.
    return Router(with_exact_paths([*routes, s3, shown]), redirect_slashes=False)


async def show_openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(await asyncio.to_thread(openapi_json), media_type="application/json")


@cache
def openapi_json() -> bytes:
    """Return the OpenAPI document as JSON. Cached, because it takes a tenth of a second."""
    return json.dumps(openapi(PATHS), separators=(",", ":"), ensure_ascii=False).encode()
