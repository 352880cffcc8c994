"""The only client of the object store's own API. Presigned URLs are made elsewhere, without it."""

from waybill.storage.bucket import EXPOSED_HEADERS
from waybill.storage.deletion import ObjectKeptError
from waybill.storage.multiparts import Part, PartsChangedError, UploadGoneError
from waybill.storage.objects import (
    ObjectHead,
    Storage,
    StoredObject,
    open_storage,
)
from waybill.storage.outage import StoreTimeout
from waybill.storage.reading import ObjectChangedError, ObjectGoneError, UnsignedHeadersError

__all__ = [
    "EXPOSED_HEADERS",
    "ObjectChangedError",
    "ObjectGoneError",
    "ObjectHead",
    "ObjectKeptError",
    "Part",
    "PartsChangedError",
    "Storage",
    "StoreTimeout",
    "StoredObject",
    "UnsignedHeadersError",
    "UploadGoneError",
    "open_storage",
]
