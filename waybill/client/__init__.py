"""A client of Waybill.

    from waybill.client import Client

    with Client("https://files.example.com", token) as waybill:
        file = waybill.upload("film.mp4")
        waybill.download(file.id, "copy.mp4")

``AsyncClient`` has the same methods for asyncio. Neither needs settings, and neither logs.
"""

from waybill.client.blocking import Client
from waybill.client.client import AsyncClient
from waybill.client.errors import (
    ApiError,
    ClientError,
    ContentChanged,
    FileNotFound,
    FileTooLarge,
    Forbidden,
    IdempotencyConflict,
    InvalidInput,
    NotVerified,
    ObjectMissing,
    OperationFailed,
    PartsMissing,
    PreconditionFailed,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    StoreRefused,
    Unauthenticated,
    UnexpectedAnswer,
    Unreachable,
    WrongState,
)
from waybill.client.models import Event, File, Multipart, Operation, Upload, UploadGrant, Usage
from waybill.client.observer import Observer
from waybill.client.upload_many import UploadOutcome
from waybill.files.lifecycle import Status

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientError",
    "ContentChanged",
    "Event",
    "File",
    "FileNotFound",
    "FileTooLarge",
    "Forbidden",
    "IdempotencyConflict",
    "InvalidInput",
    "Multipart",
    "NotVerified",
    "ObjectMissing",
    "Observer",
    "Operation",
    "OperationFailed",
    "PartsMissing",
    "PreconditionFailed",
    "QuotaExceeded",
    "RateLimited",
    "ServiceUnavailable",
    "Status",
    "StoreRefused",
    "Unauthenticated",
    "UnexpectedAnswer",
    "Unreachable",
    "Upload",
    "UploadGrant",
    "UploadOutcome",
    "Usage",
    "WrongState",
]
