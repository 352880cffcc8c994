"""Which tokens open the door."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from tests.service import Service

OTHER_SECRET = "another-secret-of-thirty-two-bytes!"


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any]) -> str:
    return f"{part(json.dumps(header).encode())}.{part(b'{}')}."


def secret_of(service: Service) -> str:
    assert service.settings.jwt_secret is not None
    return service.settings.jwt_secret.get_secret_value()


#: What a refusal says of each header.
REASONS = {
    "none": "Send a token",
    "basic": "Send a token",
    "garbage": "not a JWT",
    "nested": "not a JWT",
    "huge": "longer than",
    "other secret": "signature is wrong",
    "no signature": "signature is wrong",
    # A caller without a good signature learns nothing about the claims.
    "expired, other secret": "signature is wrong",
    "expired": "(exp)",
    "not yet valid": "not valid yet",
    "no subject": "lacks the claim sub",
    "empty subject": "(sub)",
    "number for a subject": "(sub)",
    "subject too long": "(sub)",
    "exp is no number": "malformed",
    "exp is infinite": "malformed",
    "claims are nested": "malformed",
    "alg none": "(alg)",
    "alg HS512": "(alg)",
    "alg is an array": "(alg)",
    "RS256": "(alg)",
}


def headers_of(service: Service) -> dict[str, str | None]:
    """Authorization headers that must not be trusted."""
    secret = secret_of(service)
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"sub": "alice", "exp": now + timedelta(hours=1)}

    def signed(**changes: Any) -> str:
        merged = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return f"Bearer {jwt.encode(merged, secret, algorithm='HS256')}"

    def raw(payload: bytes) -> str:
        return "Bearer " + jwt.api_jws.encode(payload, secret, algorithm="HS256")

    expired = {**claims, "exp": now - timedelta(minutes=1)}
    return {
        "none": None,
        "basic": "Basic YWxpY2U6c2VjcmV0",
        "garbage": "Bearer garbage",
        "nested": f"Bearer {part(b'[' * 4000)}.{part(b'{}')}.{part(b'x')}",
        "huge": f"Bearer {signed(padding='x' * 9_000)}",
        "other secret": f"Bearer {jwt.encode(claims, OTHER_SECRET)}",
        "no signature": signed().rpartition(".")[0] + ".",
        "expired, other secret": f"Bearer {jwt.encode(expired, OTHER_SECRET)}",
        "expired": signed(exp=now - timedelta(minutes=1)),
        "not yet valid": signed(nbf=now + timedelta(minutes=1)),
        "no subject": signed(sub=None),
        "empty subject": signed(sub=""),
        "number for a subject": raw(b'{"sub": 7}'),
        "subject too long": signed(sub="a" * 256),
        "exp is no number": signed(exp="soon"),
        "exp is infinite": raw(b'{"sub": "alice", "exp": 1e999}'),
        "claims are nested": raw(b'{"sub": "alice", "x": ' + b"[" * 4000),
        "alg none": f"Bearer {unsigned({'alg': 'none', 'typ': 'JWT'})}",
        "alg HS512": f"Bearer {jwt.encode(claims, secret * 2, algorithm='HS512')}",
        "alg is an array": f"Bearer {unsigned({'alg': ['HS256']})}",
        "RS256": f"Bearer {unsigned({'alg': 'RS256'})}",
    }


@pytest.mark.parametrize("case", REASONS)
async def test_a_bad_token_is_401_in_both_apis(service: Service, case: str) -> None:
    """And the answer says why, without what the token itself says."""
    header = headers_of(service)[case]
    headers = {} if header is None else {"Authorization": header}
    async with httpx.AsyncClient(base_url=service.address, headers=headers) as client:
        rest = await client.get("/api/v1/files")
        graphql = await client.post("/graphql", json={"query": "{ files { edges { cursor } } }"})
    for response in (rest, graphql):
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
    assert rest.json()["code"] == "unauthenticated"
    error = graphql.json()["errors"][0]
    assert error["extensions"]["code"] == "unauthenticated"
    assert REASONS[case] in rest.json()["detail"]
    assert error["message"] == rest.json()["detail"]
    assert "alice" not in rest.text


async def test_two_tokens_are_refused_in_both_apis(service: Service, owner: str) -> None:
    """What stands before us may check the one, and we the other."""
    headers = [("Authorization", f"Bearer {service.token(name)}") for name in (owner, "another")]
    async with httpx.AsyncClient(base_url=service.address, headers=headers) as client:
        rest = await client.get("/api/v1/files")
        graphql = await client.post("/graphql", json={"query": "{ changeId }"})
    assert [rest.status_code, graphql.status_code] == [401, 401]


async def test_a_good_token_names_the_owner(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        assert (await client.get("/api/v1/files")).status_code == 200
