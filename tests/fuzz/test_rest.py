"""The REST API against its own OpenAPI document."""

from collections.abc import Callable


def test_rest_answers_as_its_document_says(fuzz: Callable[[str, str], None]) -> None:
    fuzz("rest.toml", "/api/v1/openapi.json")
