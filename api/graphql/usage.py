"""The types of what the caller's files take."""

from collections.abc import Sequence
from datetime import date
from typing import Self

import strawberry

from api.graphql.scalars import BigInt
from waybill.files.usage import repository, service
from waybill.files.usage.repository import MAX_TYPES

# A field is called `date`, which hides the type.
Day = date


@strawberry.type(description="What the caller's files take, in bytes.")
class Usage:
    used: BigInt = strawberry.field(description="By COMPLETED files.")
    reserved: BigInt = strawberry.field(description="By uploads that are open or being verified.")
    limit: BigInt | None = strawberry.field(description="Null where there is no quota.")
    files: int = strawberry.field(description="How many files are COMPLETED.")

    @classmethod
    def of(cls, usage: service.Usage) -> Self:
        return cls(
            used=BigInt(usage.used),
            reserved=BigInt(usage.reserved),
            limit=None if usage.limit is None else BigInt(usage.limit),
            files=usage.files,
        )


@strawberry.type(description="What files take that were COMPLETED on one day.")
class DayUsage:
    date: Day = strawberry.field(description="In UTC.")
    size: BigInt = strawberry.field(description="Bytes.")
    files: int


@strawberry.type(description="What files of one type take.")
class TypeUsage:
    type: str = strawberry.field(description="The family of content types: `image` of `image/png`.")
    size: BigInt = strawberry.field(description="Bytes.")
    files: int


@strawberry.type(description="What the caller's COMPLETED files take, by day and by type.")
class UsageHistory:
    days: Sequence[DayUsage] = strawberry.field(
        description="The earliest first; only days on which files were completed that are still there."
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
