"""The OpenAPI document."""

import httpx
import pytest
from openapi_spec_validator import validate

OPERATIONS = {
    ("/files/upload-request", "post"): {"200", "201", "401", "413", "415", "422", "429", "503"},
    ("/files", "get"): {"200", "401", "422", "429", "503"},
    ("/files/{id}", "get"): {"200", "401", "404", "429", "503"},
    ("/files/{id}", "delete"): {"202", "401", "404", "429", "503"},
    ("/files/{id}/complete", "post"): {"200", "202", "401", "404", "409", "429", "503"},
    ("/files/{id}/download", "get"): {"200", "307", "401", "404", "409", "422", "429", "503"},
}


@pytest.fixture
async def document(anonymous: httpx.AsyncClient) -> dict[str, object]:
    response = await anonymous.get("/api/v1/openapi.json")
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


async def test_the_document_is_valid_openapi_3_1(document: dict[str, object]) -> None:
    assert str(document["openapi"]).startswith("3.1.")
    validate(document)


async def test_each_operation_tells_all_its_answers(document: dict[str, object]) -> None:
    paths: dict[str, dict[str, dict[str, dict[str, object]]]] = document["paths"]  # type: ignore[assignment]
    found = {
        (path, method): set(operation["responses"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert found == OPERATIONS


async def test_errors_are_problem_documents(document: dict[str, object]) -> None:
    paths: dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]] = document["paths"]  # type: ignore[assignment]
    for methods in paths.values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                kinds = set(answer.get("content", {}))  # type: ignore[call-overload]
                if int(status) >= 400:
                    assert kinds == {"application/problem+json"}
                elif status != "307":
                    assert kinds == {"application/json"}


async def test_the_models_that_validate_are_the_models_that_are_shown(document: dict[str, object]) -> None:
    components: dict[str, dict[str, dict[str, object]]] = document["components"]  # type: ignore[assignment]
    draft = components["schemas"]["UploadDraft"]
    assert draft["additionalProperties"] is False
    assert draft["required"] == ["name", "size"]
    assert draft["properties"]["size"]["minimum"] == 0  # type: ignore[index]
    assert draft["properties"]["name"]["maxLength"] == 255  # type: ignore[index]
