"""The REST operations: parse, call, render."""

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api.errors import EXCEPTION_HANDLERS
from api.rest.operation import openapi, operation
from api.rest.schemas import DownloadLink, DownloadQuery, File, FilePage, ListQuery, UploadAnswer
from waybill.lifecycle import Status
from waybill.principal import Principal
from waybill.usecases.complete import complete_upload
from waybill.usecases.delete import delete_file
from waybill.usecases.download import download_file
from waybill.usecases.read import get_file, list_files
from waybill.usecases.request import UploadDraft, request_upload


@operation(
    "requestUpload",
    body=UploadDraft,
    answers={201: UploadAnswer, 200: UploadAnswer},
    errors=("invalid_input", "file_too_large", "request_too_large", "unsupported_media_type"),
)
async def request_one(request: Request, principal: Principal, draft: UploadDraft) -> Response:
    """Announce an upload and get the URL to send it to."""
    requested = await request_upload(request.state.resources, principal, draft)
    status = 200 if requested.upload is None else 201
    # Without a host: the client's own Host header is nothing to repeat, and a proxy may have changed it.
    location = {"Location": request.url_for("file", id=requested.file.file_id).path}
    return _json(UploadAnswer.of(requested), status, location if status == 201 else None)


@operation(
    "completeUpload",
    answers={202: File, 200: File},
    errors=("file_not_found", "object_missing", "wrong_state"),
)
async def complete_one(request: Request, principal: Principal) -> Response:
    """Say that the bytes were sent, and have them verified. Safe to repeat."""
    file = await complete_upload(request.state.resources, principal, request.path_params["id"])
    return _json(File.of(file), 202 if file.status is Status.PROCESSING else 200)


@operation("listFiles", query=ListQuery, answers={200: FilePage}, errors=("invalid_input",))
async def list_many(request: Request, principal: Principal, query: ListQuery) -> Response:
    """List files that are not deleted, newest first."""
    page = await list_files(
        principal, limit=query.limit, cursor=query.cursor, statuses=query.status, name=query.name
    )
    return _json(FilePage.of(page))


@operation("getFile", answers={200: File}, errors=("file_not_found",))
async def get_one(request: Request, principal: Principal) -> Response:
    """Get one file, deleted ones included."""
    return _json(File.of(await get_file(principal, request.path_params["id"])))


@operation(
    "downloadFile",
    query=DownloadQuery,
    answers={200: DownloadLink, 307: None},
    errors=("file_not_found", "wrong_state", "invalid_input"),
)
async def download_one(request: Request, principal: Principal, query: DownloadQuery) -> Response:
    """Get a URL for the bytes of a COMPLETED file."""
    download = await download_file(
        request.state.resources, principal, request.path_params["id"], query.disposition
    )
    return RedirectResponse(download.url) if query.redirect else _json(DownloadLink.of(download))


@operation("deleteFile", answers={202: File}, errors=("file_not_found",))
async def delete_one(request: Request, principal: Principal) -> Response:
    """Delete a file: the record at once, the object soon after. Safe to repeat."""
    return _json(
        File.of(await delete_file(request.state.resources, principal, request.path_params["id"])), 202
    )


class OneFile(HTTPEndpoint):
    """One path with two methods: as two routes each would deny the other in its 405."""

    get = staticmethod(get_one)
    delete = staticmethod(delete_one)


class UploadRequest(HTTPEndpoint):
    """An endpoint of its own, or other methods would take its path for a file's."""

    post = staticmethod(request_one)


def create_rest() -> Starlette:
    """The application to mount at /api/v1."""

    async def show_openapi(request: Request) -> Response:
        return JSONResponse(openapi(rest))

    rest = Starlette(
        routes=[
            Route("/openapi.json", show_openapi),
            Route("/files/upload-request", UploadRequest),
            Route("/files", list_many, methods=["GET"]),
            Route("/files/{id}", OneFile, name="file"),
            Route("/files/{id}/complete", complete_one, methods=["POST"]),
            Route("/files/{id}/download", download_one, methods=["GET"]),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    rest.router.redirect_slashes = False  # to a host that the client has named
    return rest


def _json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(by_alias=True), status, headers, media_type="application/json")
