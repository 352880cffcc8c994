"""A client of Waybill.

    from waybill.client import Client

    with Client("https://files.example.com", token) as waybill:
        file = waybill.upload("film.mp4")
        waybill.download(file.id, "copy.mp4")

``AsyncClient`` is the same for asyncio. Neither needs settings or servers of its own, nor logs anything.
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
from waybill.client.many import UploadOutcome
from waybill.client.models import Announced, Event, File, Multipart, Upload, Usage
from waybill.client.observer import Observer
from waybill.files.lifecycle import Status

__all__ = [
    "Announced",
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
    "UploadOutcome",
    "Usage",
    "WrongState",
]
