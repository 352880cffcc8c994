"""Tokens that an identity provider has signed, and a provider that has a bad day."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from api import auth, jwks
from api.auth import LEEWAY, Authenticator
from waybill.errors import ServiceUnavailable, Unauthenticated
from waybill.settings import Settings

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = [
    {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "alg": "RS256", "use": "sig"},
    {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "alg": "ES256", "use": "sig"},
]
GOOD = json.dumps({"keys": PUBLIC}).encode()


class Issuer:
    """An HTTP server that answers as it is told, and counts."""

    def __init__(self) -> None:
        self.body = GOOD
        self.status = "200 OK"
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = 0
        self.asked_again = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.asked == 2:
            self.asked_again.set()
        await self.hold.wait()
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    yield issuer
    issuer.hold.set()
    server.close()


@pytest.fixture
def authenticator(issuer: Issuer) -> Authenticator:
    settings = Settings(
        mongodb_url="mongodb://x",  # type: ignore[arg-type]
        redis_url="redis://x",  # type: ignore[arg-type]
        s3_endpoint_url="http://x",
        s3_bucket="bucket",
        s3_access_key="x",
        s3_secret_key="x",  # type: ignore[arg-type]
        jwks_url=issuer.url,
    )
    return Authenticator(settings)


def signed(kid: str | None = "rsa", **claims: Any) -> str:
    key, algorithm = (EC_KEY, "ES256") if kid == "ec" else (RSA_KEY, "RS256")
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({"sub": "alice", **claims}, key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize("kid", ["rsa", "ec"])
async def test_a_token_of_the_issuer_is_trusted(authenticator: Authenticator, kid: str) -> None:
    assert (await authenticator.principal_of(signed(kid))).owner == "alice"


async def test_keys_are_fetched_once(authenticator: Authenticator, issuer: Issuer) -> None:
    await asyncio.gather(*(authenticator.principal_of(signed()) for _ in range(20)))
    assert issuer.asked == 1


async def test_unknown_keys_do_not_make_us_ask_each_time(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await authenticator.principal_of(signed(f"unknown-{number}"))
    assert issuer.asked == 1


async def test_a_slow_issuer_does_not_hold_up_keys_that_are_known(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await authenticator.principal_of(signed())
    monkeypatch.setattr(jwks, "PAUSE", -1)
    monkeypatch.setattr(jwks, "FRESH", -1)
    issuer.hold.clear()
    waiting = [asyncio.create_task(authenticator.principal_of(signed(f"k{number}"))) for number in range(9)]
    await issuer.asked_again.wait()
    assert (await authenticator.principal_of(signed())).owner == "alice"
    assert not any(task.done() for task in waiting)
    issuer.hold.set()
    refusals = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(refusal) for refusal in refusals} == {Unauthenticated}
    assert issuer.asked == 2


async def test_a_changed_key_is_found(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.body = json.dumps({"keys": PUBLIC[1:]}).encode()
    await authenticator.principal_of(signed("ec"))
    monkeypatch.setattr(jwks, "PAUSE", -1)
    issuer.body = GOOD
    assert (await authenticator.principal_of(signed("rsa"))).owner == "alice"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Oops", GOOD),
        ("200 OK", b"<html>"),
        ("200 OK", b"\xff\xfe\x00"),
        ("200 OK", b"[]"),
        ("200 OK", b'{"keys": []}'),
        ("200 OK", b"[" * 100_000),
        ("200 OK", b" " * 300_000),
        ("302 Found", b""),
    ],
)
async def test_a_broken_issuer_is_no_fault_of_the_token(
    authenticator: Authenticator, issuer: Issuer, status: str, body: bytes
) -> None:
    issuer.status, issuer.body = status, body
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await authenticator.principal_of(signed())
    assert issuer.asked == 1


async def test_keys_are_not_trusted_for_ever_while_the_issuer_is_down(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed()
    assert (await authenticator.principal_of(token)).owner == "alice"
    issuer.status = "500 Oops"
    now = time.monotonic()
    monkeypatch.setattr(jwks, "monotonic", lambda: now + jwks.MAX_AGE_SECONDS - 60)
    assert (await authenticator.principal_of(token)).owner == "alice"
    monkeypatch.setattr(jwks, "monotonic", lambda: now + jwks.MAX_AGE_SECONDS + 60)
    # Neither one that was checked before, nor another.
    for each in (token, signed("ec"), token):
        with pytest.raises(ServiceUnavailable):
            await authenticator.principal_of(each)
    issuer.status = "200 OK"
    monkeypatch.setattr(jwks, "monotonic", lambda: now + jwks.MAX_AGE_SECONDS + 60 + jwks.PAUSE + 1)
    assert (await authenticator.principal_of(token)).owner == "alice"


async def test_the_only_key_needs_no_name(authenticator: Authenticator, issuer: Issuer) -> None:
    nameless = {name: value for name, value in PUBLIC[0].items() if name != "kid"}
    issuer.body = json.dumps({"keys": [nameless]}).encode()
    assert (await authenticator.principal_of(signed(None))).owner == "alice"


def confused(kid: str | None) -> str:
    """A token "signed" with what everybody knows: the public key, taken for a secret."""
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256"} | ({} if kid is None else {"kid": kid})
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, {"sub": "alice"})]
    signature = hmac.new(public, b".".join(parts), "sha256").digest()
    return b".".join([*parts, base64url_encode(signature)]).decode()


@pytest.mark.parametrize("kid", ["rsa", "ec", None])
async def test_keys_and_algorithms_are_not_mixed_up(authenticator: Authenticator, kid: str | None) -> None:
    for token in (
        confused(kid),
        jwt.encode({"sub": "alice"}, EC_KEY, algorithm="ES256", headers={"kid": "rsa"}),
        jwt.encode({"sub": "alice"}, RSA_KEY, algorithm="RS256", headers={"kid": "ec"}),
    ):
        with pytest.raises(Unauthenticated):
            await authenticator.principal_of(token)


async def until_refused(authenticator: Authenticator, token: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            await authenticator.principal_of(token)
        except Unauthenticated:
            return
        assert time.monotonic() < deadline, "it is still trusted"
        await asyncio.sleep(0.05)


async def test_a_token_that_was_trusted_ends_when_it_says_so(authenticator: Authenticator) -> None:
    token = signed(exp=int(time.time()) + 2 - LEEWAY)
    assert (await authenticator.principal_of(token)).owner == "alice"
    await until_refused(authenticator, token)


async def test_a_token_that_was_trusted_ends_with_its_key(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed("rsa")
    assert (await authenticator.principal_of(token)).owner == "alice"
    monkeypatch.setattr(jwks, "PAUSE", -1)
    monkeypatch.setattr(jwks, "FRESH", -1)
    issuer.body = json.dumps({"keys": PUBLIC[1:]}).encode()
    await until_refused(authenticator, token)


async def test_only_so_many_tokens_are_remembered(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_KNOWN", 2)
    tokens = [signed(jti=str(number)) for number in range(4)]
    for token in [*tokens, *tokens]:
        assert (await authenticator.principal_of(token)).owner == "alice"
    assert len(authenticator._known) == 2
