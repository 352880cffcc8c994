"""Send a large file in parts: sign their URLs, list the parts that have arrived, assemble them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.files import part_sha256, repository, transitions
from waybill.files.model import File
from waybill.files.open_upload import MultipartPlan, ensure_open, extend, is_open, url_ttl
from waybill.files.part_plan import MAX_PARTS, PartPlan
from waybill.files.transitions import PENDING
from waybill.files.upload_request import Sha256
from waybill.platform.errors import InvalidInput, PartsMissing, ServiceUnavailable, WrongState
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW, IfMissing
from waybill.platform.presign import PresignedRequest, to_base64
from waybill.platform.principal import Principal
from waybill.platform.s3.multiparts import Part, PartsChangedError, UploadGoneError
from waybill.platform.s3.storage import ObjectHead
from waybill.platform.validation import Whole
from waybill.resources import Resources

#: The most part URLs in one response.
MAX_PARTS_OF_REQUEST = 100

#: How often the parts are listed again if they change while they are assembled.
ASSEMBLE_ATTEMPTS = 3

PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS), Whole]

_KEY = re.compile("[1-9][0-9]{0,3}|10000")


def _number_of_key(key: object) -> object:
    # A key in JSON is a string. Each part has one: neither "1.0" nor "01" is part 1.
    if not isinstance(key, str):
        return key
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"must be the number of a part, 1 to {MAX_PARTS}")
    return int(key)


PartKey = Annotated[int, Field(ge=1, le=MAX_PARTS), BeforeValidator(_number_of_key)]


def _distinct(numbers: list[int]) -> list[int]:
    if len(set(numbers)) != len(numbers):
        raise ValueError("must not name a part twice")
    return numbers


class PartsRequest(BaseModel):
    """The parts that a client will send."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    part_numbers: Annotated[list[PartNumber], AfterValidator(_distinct)] = Field(
        min_length=1,
        max_length=MAX_PARTS_OF_REQUEST,
        description="The numbers of the parts to sign URLs for. The first part is 1.",
        examples=[[1, 2]],
        json_schema_extra={"uniqueItems": True},
    )
    sha256: dict[PartKey, Sha256] | None = Field(
        default=None,
        max_length=MAX_PARTS_OF_REQUEST,
        description="The SHA-256 of each of these parts, in hexadecimal, by part number. The store then"
        " refuses other content. Give it for every part of a file or for none.",
        json_schema_extra={"propertyNames": {"pattern": f"^({_KEY.pattern})$"}},
    )


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """A presigned request that sends one part."""

    number: int
    request: PresignedRequest


@dataclass(frozen=True, slots=True)
class Progress:
    """The plan of a multipart upload and the parts that have arrived.

    A client can resume with the id alone.
    """

    multipart: MultipartPlan
    parts: Sequence[Part]


async def request_parts(
    resources: Resources, principal: Principal, file_id: str, parts_request: PartsRequest
) -> list[PresignedPart]:
    """Sign the PUTs of some parts, each for its exact length. Delays the expiry of the upload.

    Raises:
        FileNotFound: no such file of this owner.
        InvalidInput: a part does not exist, or checksums are given for some parts only.
        WrongState: the file is not sent in parts, or its upload is no longer open.
        ServiceUnavailable: MongoDB or the store is unavailable; a repeat is safe.
    """
    file = ensure_open(await repository.find(file_id, principal.owner))
    plan = _plan_of(file)
    if max(parts_request.part_numbers) > plan.part_count:
        raise InvalidInput({"partNumbers": f"must be 1 to {plan.part_count}"})
    sha256s = parts_request.sha256 or {}
    if sha256s and set(sha256s) != set(parts_request.part_numbers):
        raise InvalidInput({"sha256": "must be given for exactly the requested parts"})
    file = await _with_upload_id(resources, await extend(resources, file), with_sha256=bool(sha256s))
    if sha256s:
        await _store_sha256s(file, sha256s)
    ttl = url_ttl(resources.settings, file)
    return [
        PresignedPart(
            number,
            resources.presigner.part(
                file.object_key,
                file.upload_id or "",
                number,
                size=plan.length(number),
                sha256=sha256s.get(number),
                ttl=ttl,
            ),
        )
        for number in parts_request.part_numbers
    ]


async def list_parts(resources: Resources, principal: Principal, file_id: str) -> Progress:
    """Return the plan and the parts that the store holds. Raises the same errors as ``request_parts``."""
    file = ensure_open(await repository.find(file_id, principal.owner))
    plan = _plan_of(file)
    parts: Sequence[Part] = ()
    if file.upload_id is not None:
        try:
            parts = await _listed(resources, file, file.upload_id)
        except UploadGoneError:
            if await _object_of(resources, file) is not None:
                raise WrongState("All parts have arrived and are assembled. Complete the upload.") from None
    return Progress(MultipartPlan(plan.part_size, plan.part_count, file.upload_expires_at), parts)


async def assemble(resources: Resources, file: File) -> ObjectHead | None:
    """Assemble a file's parts into one object, from the store's list of parts.

    Safe to repeat, also in parallel.

    Returns:
        The head of the object, or None if the object was removed again.

    Raises:
        PartsMissing: not all parts have arrived in their full length.
        ServiceUnavailable: the store is unavailable, or parts keep changing; a repeat is safe.
    """
    plan = _plan_of(file)
    everything = range(1, plan.part_count + 1)
    if file.upload_id is None:
        raise PartsMissing(file.file_id, everything)
    multiparts = resources.storage.multiparts
    for _ in range(ASSEMBLE_ATTEMPTS):
        try:
            held = {part.number: part for part in await _listed(resources, file, file.upload_id)}
            lacking = [
                number
                for number in everything
                if number not in held or held[number].size != plan.length(number)
            ]
            if lacking:
                # Another call may be assembling them: a store may remove parts one by one meanwhile.
                head = await resources.storage.head(file.object_key)
                if head is None:
                    raise PartsMissing(file.file_id, lacking)
                return head
            parts = await _with_sha256(file, [held[number] for number in everything])
            await multiparts.assemble(file.object_key, file.upload_id, parts)
        except PartsChangedError:
            continue
        except UploadGoneError:
            head = await _object_of(resources, file)
            if head is None:
                raise PartsMissing(file.file_id, everything) from None
            return head
        return await resources.storage.head(file.object_key)
    raise ServiceUnavailable("The object store")


async def _listed(resources: Resources, file: File, upload_id: str) -> Sequence[Part]:
    parts = await resources.storage.multiparts.parts(file.object_key, upload_id)
    if file.upload_missed_at is not None:
        await transitions.change(file, {"upload_id": upload_id}, upload_missed_at=None)
    return parts


async def _object_of(resources: Resources, file: File) -> ObjectHead | None:
    """Return the object of an upload that the store no longer knows, or None if the upload is lost.

    Another call may have assembled the object, or one that crashed after it. If there is no object, the store
    has dropped the upload, and the next request for parts begins another.

    Raises:
        ServiceUnavailable: the store knows neither the upload nor the object. Then all parts are lost, so the
            store must report it again after VERIFY_RETRY_DELAY.
    """
    head = await resources.storage.head(file.object_key)
    if head is None and is_open(file):
        this = {**PENDING, "upload_id": file.upload_id}
        missed_at = file.upload_missed_at
        if missed_at is None:
            await transitions.change(file, this, upload_missed_at=IfMissing(NOW))
            raise ServiceUnavailable("The object store")
        pause = timedelta(seconds=resources.settings.verify_retry_delay)
        if await connection.database_time() < missed_at + pause:
            raise ServiceUnavailable("The object store")
        await transitions.change(
            file, {**this, "upload_missed_at": missed_at}, upload_id=None, upload_missed_at=None
        )
    return head


def _plan_of(file: File) -> PartPlan:
    if file.part_plan is None:
        raise WrongState("This file is sent by one PUT, not in parts.", id=file.file_id)
    return file.part_plan


async def _with_upload_id(resources: Resources, file: File, *, with_sha256: bool) -> File:
    """Return the file with a multipart upload at the store. The first request for parts begins the upload."""
    multiparts = resources.storage.multiparts
    while file.upload_id is None:
        upload_id = await multiparts.begin(file.object_key, file.content_type, with_sha256=with_sha256)
        begun = await transitions.change(
            file, {**PENDING, "upload_id": None}, upload_id=upload_id, has_part_sha256=with_sha256
        )
        if begun is None:
            # Another request was first, or the file is no longer open. After a crash here the purge aborts
            # it.
            await multiparts.abort(file.object_key, upload_id)
        file = begun or ensure_open(await repository.find(file.file_id))
    if file.has_part_sha256 != with_sha256:
        given = "with" if file.has_part_sha256 else "without"
        raise InvalidInput(
            {"sha256": f"must be given for all parts or none; the first parts were requested {given} it"}
        )
    return file


async def _store_sha256s(file: File, sha256s: Mapping[int, str]) -> None:
    """Store the checksums, because S3 requires them at the end and not every store lists them."""
    await part_sha256.store_part_sha256s(file, sha256s)
    stored = await part_sha256.find_part_sha256s(file, sha256s)
    changed = [number for number, sha256 in sha256s.items() if stored[number] != sha256]
    if changed:
        raise InvalidInput(
            {"sha256": f"part {changed[0]} was requested with another SHA-256, which cannot change"}
        )


async def _with_sha256(file: File, parts: Sequence[Part]) -> Sequence[Part]:
    if not file.has_part_sha256 or all(part.sha256 for part in parts):
        return parts
    stored = await part_sha256.find_part_sha256s(file)
    return [replace(part, sha256=part.sha256 or to_base64(stored[part.number])) for part in parts]
