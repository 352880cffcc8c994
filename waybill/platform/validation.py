"""Validate the models of requests, and convert their errors to InvalidInput."""

from typing import TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from waybill.platform.errors import InvalidInput

D = TypeVar("D", bound=BaseModel)


def _whole(number: object) -> object:
    # JSON has one type of number. Some languages write the integer 5 as 5.0.
    return int(number) if isinstance(number, float) and number.is_integer() else number


Whole = BeforeValidator(_whole)


def parse(model: type[D], fields: dict[str, object]) -> D:
    """Return a model from unchecked fields, which have the names that clients use.

    Raises:
        InvalidInput: fields are wrong; names each of them.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid_input(error) from None


def invalid_input(error: ValidationError) -> InvalidInput:
    """Return the problems that a model found as InvalidInput. It never repeats the input."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return InvalidInput(
        {
            ".".join(str(part) for part in problem["loc"]) or "body": problem["msg"].removeprefix(
                "Value error, "
            )
            for problem in problems
        }
    )
