"""Which tokens open the door."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from tests.service import Service


def unsigned(claims: dict[str, Any]) -> str:
    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def secret_of(service: Service) -> str:
    assert service.settings.jwt_secret is not None
    return service.settings.jwt_secret.get_secret_value()


@pytest.fixture(
    params=[
        "none",
        "garbage",
        "huge",
        "other secret",
        "expired",
        "not yet valid",
        "no subject",
        "empty subject",
        "number for a subject",
        "subject too long",
        "alg none",
        "alg HS512",
        "no signature",
        "basic",
    ]
)
def bad_header(request: pytest.FixtureRequest, service: Service) -> str | None:
    """Authorization headers that must not be trusted."""
    secret = secret_of(service)
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"sub": "alice", "exp": now + timedelta(hours=1)}

    def signed(**changes: Any) -> str:
        merged = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return f"Bearer {jwt.encode(merged, secret, algorithm='HS256')}"

    headers: dict[str, str | None] = {
        "none": None,
        "garbage": "Bearer garbage",
        "huge": f"Bearer {signed(padding='x' * 20_000)}",
        "other secret": f"Bearer {jwt.encode(claims, 'another-secret-of-thirty-two-bytes!')}",
        "expired": signed(exp=now - timedelta(minutes=1)),
        "not yet valid": signed(nbf=now + timedelta(minutes=1)),
        "no subject": signed(sub=None),
        "empty subject": signed(sub=""),
        "number for a subject": "Bearer " + jwt.api_jws.encode(b'{"sub": 7}', secret, algorithm="HS256"),
        "subject too long": signed(sub="a" * 256),
        "alg none": f"Bearer {unsigned({'sub': 'alice'})}",
        "alg HS512": f"Bearer {jwt.encode(claims, secret * 2, algorithm='HS512')}",
        "no signature": signed().rpartition(".")[0] + ".",
        "basic": "Basic YWxpY2U6c2VjcmV0",
    }
    return headers[request.param]


async def test_a_bad_token_is_401_on_both_faces(service: Service, bad_header: str | None) -> None:
    headers = {} if bad_header is None else {"Authorization": bad_header}
    async with httpx.AsyncClient(base_url=service.address, headers=headers) as client:
        rest = await client.get("/api/v1/files")
        graphql = await client.post("/graphql", json={"query": "{ files { edges { cursor } } }"})
    for response in (rest, graphql):
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
    assert rest.json()["code"] == "unauthenticated"
    assert graphql.json()["errors"][0]["extensions"]["code"] == "unauthenticated"


async def test_a_good_token_names_the_owner(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        assert (await client.get("/api/v1/files")).status_code == 200
