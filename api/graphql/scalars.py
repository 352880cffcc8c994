"""Scalars that GraphQL lacks."""

from datetime import date, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError, IntValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from waybill.platform.times import parse_rfc3339, rfc3339

BigInt = NewType("BigInt", int)


def _parse_value(value: object) -> int:
    # JSON has one type of number: 5.0 is the integer 5, also for GraphQL's own Int.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # A bool is an int in Python. Other floats and texts are not integers.
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError("BigInt must be an integer, written as a JSON number.")
    return value


def _parse_literal(node: ValueNode, _variables: object = None) -> int:
    if not isinstance(node, IntValueNode):
        raise GraphQLError("BigInt must be an integer.", nodes=node)
    try:
        return int(node.value)
    except ValueError:  # Python reads only some thousand digits
        raise GraphQLError("BigInt has too many digits.", nodes=node) from None


def _parse_time(value: object) -> datetime:
    try:
        if isinstance(value, str):
            return parse_rfc3339(value)
    except ValueError:
        pass
    raise GraphQLError("DateTime must be a text such as 2026-11-23T13:28:49.424Z.")


def _parse_date(value: object) -> date:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError("Date must be a text such as 2026-11-23.")


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer of any size, as a JSON number. File sizes can be larger than Int, which has"
        " 32 bits.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=int,
        parse_value=_parse_value,
        parse_literal=_parse_literal,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day in UTC (RFC 3339, full-date).",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time (RFC 3339). Responses have UTC and milliseconds.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=rfc3339,
        parse_value=_parse_time,
    ),
}
