"""The REST operations on what the caller's files take."""

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

# A field is called `date`, which hides the type.
Day = date


class UsageAnswer(Schema):
    """What the caller's files take, in bytes."""

    used: int = Field(description="By COMPLETED files.")
    reserved: int = Field(description="By uploads that are open or being verified.")
    limit: int | None = Field(description="Null where there is no quota.")
    files: int = Field(description="How many files are COMPLETED.")

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """Usage as clients see it."""
        return cls(used=usage.used, reserved=usage.reserved, limit=usage.limit, files=usage.files)


class DayUsage(Schema):
    """What files take that were COMPLETED on one day."""

    date: Day = Field(description="In UTC.", examples=["2026-11-24"])
    size: int = Field(ge=0, description="Bytes.")
    files: int = Field(ge=1)


class TypeUsage(Schema):
    """What files of one type take."""

    type: str = Field(description="The family of content types: `image` of `image/png`.", examples=["image"])
    size: int = Field(ge=0, description="Bytes.")
    files: int = Field(ge=1)


class HistoryAnswer(Schema):
    """What the caller's COMPLETED files take, by day and by type."""

    days: list[DayUsage] = Field(
        description="The earliest first; only days on which files were completed that are still there."
    )
    types: list[TypeUsage] = Field(description="The largest first.", max_length=MAX_TYPES)

    @classmethod
    def of(cls, history: repository.UsageHistory) -> Self:
        """A history as clients see it."""
        return cls(
            days=[DayUsage(date=day, size=sum_.size, files=sum_.files) for day, sum_ in history.days.items()],
            types=[
                TypeUsage(type=family, size=sum_.size, files=sum_.files)
                for family, sum_ in history.types.items()
            ],
        )


@operation("getUsage", answers={200: UsageAnswer}, errors=())
async def get_own_usage(request: Request, principal: Principal) -> Response:
    """Tell what the caller's files take, and may take."""
    return json_answer(UsageAnswer.of(await get_usage(request.state.resources.settings, principal)))


@operation("getUsageHistory", answers={200: HistoryAnswer}, errors=())
async def get_own_history(request: Request, principal: Principal) -> Response:
    """Tell what the caller's COMPLETED files take, by day and by type."""
    return json_answer(HistoryAnswer.of(await get_usage_history(principal)))
