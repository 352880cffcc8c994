"""The REST operations on the caller's usage."""

from datetime import date
from typing import Self

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.rest.operation import json_answer, operation
from waybill.files.file_json import Schema
from waybill.files.usage import repository
from waybill.files.usage.repository import MAX_TYPES
from waybill.files.usage.service import Usage, get_usage, get_usage_history
from waybill.platform.principal import Principal

# A field has the name `date`, which hides the type.
Day = date


class UsageAnswer(Schema):
    """The caller's usage, in bytes."""

    used: int = Field(description="The total size of COMPLETED files.")
    reserved: int = Field(description="The total size of uploads that are open or being verified.")
    limit: int | None = Field(description="The quota; null if there is none.")
    files: int = Field(description="The number of COMPLETED files.")

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """Return the JSON model of a usage."""
        return cls(used=usage.used, reserved=usage.reserved, limit=usage.limit, files=usage.files)


class DayUsage(Schema):
    """The usage of files that were COMPLETED on one day."""

    date: Day = Field(description="The day in UTC.", examples=["2026-11-24"])
    size: int = Field(ge=0, description="Size in bytes.")
    files: int = Field(ge=1)


class TypeUsage(Schema):
    """The usage of files of one type."""

    type: str = Field(description="The family of content types: `image` of `image/png`.", examples=["image"])
    size: int = Field(ge=0, description="Size in bytes.")
    files: int = Field(ge=1)


class HistoryAnswer(Schema):
    """The usage of the caller's COMPLETED files, by day and by type."""

    days: list[DayUsage] = Field(description="The earliest first. Only days with files that still exist.")
    types: list[TypeUsage] = Field(description="The largest first.", max_length=MAX_TYPES)

    @classmethod
    def of(cls, history: repository.UsageHistory) -> Self:
        """Return the JSON model of a history."""
        return cls(
            days=[DayUsage(date=day, size=sum_.size, files=sum_.files) for day, sum_ in history.days.items()],
            types=[
                TypeUsage(type=family, size=sum_.size, files=sum_.files)
                for family, sum_ in history.types.items()
            ],
        )


@operation("getUsage", answers={200: UsageAnswer}, errors=())
async def get_own_usage(request: Request, principal: Principal) -> Response:
    """Get the caller's usage and quota."""
    return json_answer(UsageAnswer.of(await get_usage(request.state.resources.settings, principal)))


@operation("getUsageHistory", answers={200: HistoryAnswer}, errors=())
async def get_own_history(request: Request, principal: Principal) -> Response:
    """Get the usage of the caller's COMPLETED files, by day and by type."""
    return json_answer(HistoryAnswer.of(await get_usage_history(principal)))
