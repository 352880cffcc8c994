"""The types of the caller's usage."""

from collections.abc import Sequence
from datetime import date
from typing import Self

import strawberry

from api.graphql.scalars import BigInt
from waybill.files.usage import repository, service
from waybill.files.usage.repository import MAX_TYPES

# A field has the name `date`, which hides the type.
Day = date


@strawberry.type(description="The caller's usage, in bytes.")
class Usage:
    used: BigInt = strawberry.field(description="The total size of COMPLETED files.")
    reserved: BigInt = strawberry.field(
        description="The total size of uploads that are open or being verified."
    )
    limit: BigInt | None = strawberry.field(description="The quota; null if there is none.")
    files: int = strawberry.field(description="The number of COMPLETED files.")

    @classmethod
    def of(cls, usage: service.Usage) -> Self:
        return cls(
            used=BigInt(usage.used),
            reserved=BigInt(usage.reserved),
            limit=None if usage.limit is None else BigInt(usage.limit),
            files=usage.files,
        )


@strawberry.type(description="The usage of files that were COMPLETED on one day.")
class DayUsage:
    date: Day = strawberry.field(description="The day in UTC.")
    size: BigInt = strawberry.field(description="Size in bytes.")
    files: int


@strawberry.type(description="The usage of files of one type.")
class TypeUsage:
    type: str = strawberry.field(description="The family of content types: `image` of `image/png`.")
    size: BigInt = strawberry.field(description="Size in bytes.")
    files: int


@strawberry.type(description="The usage of the caller's COMPLETED files, by day and by type.")
class UsageHistory:
    days: Sequence[DayUsage] = strawberry.field(
        description="The earliest first. Only days with files that still exist."
    )
    types: Sequence[TypeUsage] = strawberry.field(description=f"The largest first, up to {MAX_TYPES}.")

    @classmethod
    def of(cls, history: repository.UsageHistory) -> Self:
        return cls(
            days=[
                DayUsage(date=day, size=BigInt(sum_.size), files=sum_.files)
                for day, sum_ in history.days.items()
            ],
            types=[
                TypeUsage(type=family, size=BigInt(sum_.size), files=sum_.files)
                for family, sum_ in history.types.items()
            ],
        )
