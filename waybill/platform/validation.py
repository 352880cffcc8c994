"""What models of requests have in common: they are validated here, and their errors become ours."""

from typing import TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from waybill.platform.errors import InvalidInput

D = TypeVar("D", bound=BaseModel)


def _whole(number: object) -> object:
    # JSON has one kind of number: 5.0 is the integer 5, and some languages write it so.
    return int(number) if isinstance(number, float) and number.is_integer() else number


Whole = BeforeValidator(_whole)


def parse(draft: type[D], fields: dict[str, object]) -> D:
    """Validate loose fields, named as clients name them.

    Raises:
        InvalidInput: names each wrong field.
    """
    try:
        return draft.model_validate(fields)
    except ValidationError as error:
        raise invalid_input(error) from None


def invalid_input(error: ValidationError) -> InvalidInput:
    """What a model found, in the words of our own error. Never repeats the input."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return InvalidInput(
        {
            ".".join(str(part) for part in problem["loc"]) or "body": problem["msg"].removeprefix(
                "Value error, "
            )
            for problem in problems
        }
    )
