"""The API's responses as Python objects. Times are aware and in UTC, sizes in bytes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from waybill.client.errors import UnexpectedAnswer
from waybill.files.lifecycle import Status, is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file and the status of its upload."""

    id: str
    name: str
    size: int
    content_type: str
    #: Empty at the top, otherwise a path with a slash at its end.
    folder: str
    metadata: Mapping[str, str]
    status: Status
    sha256: str | None
    #: Of a DUPLICATE: the COMPLETED file that holds the content.
    duplicate_of: str | None
    failure_reason: str | None
    created_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None
    purged_at: datetime | None
    #: The JSON of the API. A newer server may add fields.
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    #: For ``update(if_match=...)``. Only ``get`` and ``update`` return it.
    etag: str | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_json(cls, answer: Mapping[str, Any], etag: str | None = None) -> Self:
        """A file out of its JSON."""
        with expected_fields():
            return cls(
                id=answer["id"],
                name=answer["name"],
                size=answer["size"],
                content_type=answer["contentType"],
                # Servers of earlier releases have neither.
                folder=answer.get("folder", ""),
                metadata=answer.get("metadata", {}),
                status=Status(answer["status"]),
                sha256=answer["sha256"],
                duplicate_of=answer["duplicateOf"],
                failure_reason=answer["failureReason"],
                created_at=datetime.fromisoformat(answer["createdAt"]),
                completed_at=_time(answer["completedAt"]),
                deleted_at=_time(answer["deletedAt"]),
                purged_at=_time(answer["purgedAt"]),
                raw=answer,
                etag=etag,
            )

    @property
    def path(self) -> str:
        """Its folder and name: ``photos/2026/beach.jpg``."""
        return self.folder + self.name

    @property
    def is_over(self) -> bool:
        """Whether its upload has ended: verified or not, or deleted."""
        return is_final(self.status) or self.deleted_at is not None

    @property
    def is_verified(self) -> bool:
        """Whether its content is stored, so that it can be downloaded."""
        return self.status in {Status.COMPLETED, Status.DUPLICATE} and self.deleted_at is None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. ``next_cursor`` is None on the last page."""

    files: Sequence[File]
    next_cursor: str | None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create a page from its JSON."""
        with expected_fields():
            return cls([File.from_json(item) for item in answer["items"]], answer["nextCursor"])


@dataclass(frozen=True, slots=True)
class Usage:
    """The space that the owner's files use, in bytes. ``limit`` is None without a quota."""

    used: int
    reserved: int
    limit: int | None
    files: int

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create usage from its JSON."""
        with expected_fields():
            return cls(answer["used"], answer["reserved"], answer["limit"], answer["files"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The move or deletion of a folder, and how far it is."""

    id: str
    #: MOVE_FOLDER or DELETE_FOLDER.
    kind: str
    folder: str
    #: Of a move: the new path.
    to: str | None
    #: PENDING, RUNNING, DONE or FAILED.
    status: str
    #: How many files are moved or deleted, and how many there are. None until they are counted.
    done: int
    total: int | None
    failure_reason: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create an operation from its JSON."""
        with expected_fields():
            return cls(
                id=answer["id"],
                kind=answer["kind"],
                folder=answer["folder"],
                to=answer["to"],
                status=answer["status"],
                done=answer["done"],
                total=answer["total"],
                failure_reason=answer["failureReason"],
                raw=answer,
            )

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status not in {"PENDING", "RUNNING"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A presigned request to the object store. It must have exactly these headers."""

    method: str
    # The URL is a secret, so it must not appear in logs or tracebacks.
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create a presigned request from its JSON."""
        with expected_fields():
            headers = dict(answer["headers"])
            # Without the length, aiohttp would send the stream in chunks. Older servers list it as a header.
            if "contentLength" in answer:
                headers["Content-Length"] = str(answer["contentLength"])
            return cls(
                answer["method"],
                answer["url"],
                headers,
                datetime.fromisoformat(answer["expiresAt"]),
            )


@dataclass(frozen=True, slots=True)
class Multipart:
    """The part plan of a file. Parts are numbered from 1, and all but the last have ``part_size`` bytes."""

    part_size: int
    part_count: int

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create a part plan from its JSON."""
        with expected_fields():
            return cls(answer["partSize"], answer["partCount"])


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """A file and how to send it: ``upload``, ``multipart``, or neither if its content is stored."""

    file: File
    upload: Upload | None
    multipart: Multipart | None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create a grant from its JSON."""
        with expected_fields():
            upload, multipart = answer["upload"], answer["multipart"]
            return cls(
                File.from_json(answer["file"]),
                None if upload is None else Upload.from_json(upload),
                None if multipart is None else Multipart.from_json(multipart),
            )

    @property
    def is_open(self) -> bool:
        """Whether the content must be sent."""
        return self.upload is not None or self.multipart is not None


@dataclass(frozen=True, slots=True)
class StoredParts:
    """The part plan of an upload, and the size of each stored part by number."""

    plan: Multipart
    sizes: Mapping[int, int]

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Create the progress from its JSON."""
        with expected_fields():
            parts: Sequence[Mapping[str, Any]] = answer["parts"]
            return cls(Multipart.from_json(answer), {part["partNumber"]: part["size"] for part in parts})


@dataclass(frozen=True, slots=True)
class Event:
    """A file after a change, and the id of the event.

    An event without a file means that earlier changes may be missing: list the files to get them.
    """

    file: File | None
    id: str | None = None


@contextmanager
def expected_fields() -> Iterator[None]:
    """Raise UnexpectedAnswer if a field is missing or has another type."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(
            f"The response is not one of a Waybill server ({type(error).__name__}: {error}). Check the "
            "address."
        ) from error


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
