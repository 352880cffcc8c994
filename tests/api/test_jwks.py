"""Tokens that an identity provider has signed, and a provider that has a bad day."""

import asyncio
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from api import auth, jwks
from api.auth import Authenticator
from api.jwt_verifier import LEEWAY_SECONDS
from tests.api.issuer import EC_KEY, GOOD, OTHER_RSA_KEY, PUBLIC, RSA_KEY, Issuer, key_set, public, signed
from waybill.platform.errors import ServiceUnavailable, Unauthenticated


@pytest.mark.parametrize("kid", ["rsa", "ec"])
async def test_a_token_of_the_issuer_is_trusted(authenticator: Authenticator, kid: str) -> None:
    assert (await authenticator.principal_of(signed(kid))).owner == "alice"


async def test_keys_are_fetched_once(authenticator: Authenticator, issuer: Issuer) -> None:
    await asyncio.gather(*(authenticator.principal_of(signed()) for _ in range(20)))
    assert issuer.asked == 1


@pytest.mark.parametrize("kid", ["made-up-{}", "rsa", None])
async def test_forged_tokens_cannot_make_us_ask_each_time(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, kid: str | None
) -> None:
    """One request for each interval, whether they name keys that do not exist or one that does."""
    now = time.monotonic()
    monkeypatch.setattr(jwks, "monotonic", lambda: now)
    for interval in (1, 2):
        for number in range(20):
            with pytest.raises(Unauthenticated):
                await authenticator.principal_of(
                    signed(kid and kid.format(number), OTHER_RSA_KEY, "RS256", jti=str(number))
                )
        assert issuer.asked == interval
        now += jwks.MIN_INTERVAL_SECONDS + 0.1


async def test_a_slow_issuer_does_not_hold_up_keys_that_are_known(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await authenticator.principal_of(signed())
    monkeypatch.setattr(jwks, "MIN_INTERVAL_SECONDS", -1)
    monkeypatch.setattr(jwks, "FRESH_SECONDS", -1)
    issuer.hold.clear()
    waiting = [asyncio.create_task(authenticator.principal_of(signed(f"k{number}"))) for number in range(9)]
    await issuer.asked_again.wait()
    assert (await authenticator.principal_of(signed())).owner == "alice"
    assert not any(task.done() for task in waiting)
    issuer.hold.set()
    refusals = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(refusal) for refusal in refusals} == {Unauthenticated}
    assert issuer.asked == 2


@pytest.mark.parametrize("kid", ["rsa", "ec", None])
async def test_a_key_that_is_published_after_a_refusal_is_soon_trusted(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, kid: str | None
) -> None:
    """A new kid, a new key with an old kid, a new key without one."""
    token = signed(kid, OTHER_RSA_KEY, "RS256")
    issuer.body = key_set(PUBLIC[1])
    now = time.monotonic()
    monkeypatch.setattr(jwks, "monotonic", lambda: now)
    with pytest.raises(Unauthenticated):
        await authenticator.principal_of(token)
    new = public(OTHER_RSA_KEY) if kid is None else public(OTHER_RSA_KEY, kid=kid)
    issuer.body = key_set(new)
    with pytest.raises(Unauthenticated):
        await authenticator.principal_of(token)
    now += 2
    assert (await authenticator.principal_of(token)).owner == "alice"


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
    monkeypatch.setattr(
        jwks, "monotonic", lambda: now + jwks.MAX_AGE_SECONDS + 60 + jwks.MIN_INTERVAL_SECONDS + 1
    )
    assert (await authenticator.principal_of(token)).owner == "alice"


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
    token = signed(exp=int(time.time()) + 2 - LEEWAY_SECONDS)
    assert (await authenticator.principal_of(token)).owner == "alice"
    await until_refused(authenticator, token)


async def test_a_token_that_was_trusted_ends_with_its_key(
    authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed("rsa")
    assert (await authenticator.principal_of(token)).owner == "alice"
    monkeypatch.setattr(jwks, "MIN_INTERVAL_SECONDS", -1)
    monkeypatch.setattr(jwks, "FRESH_SECONDS", -1)
    issuer.body = key_set(*PUBLIC[1:])
    await until_refused(authenticator, token)


async def test_only_so_many_tokens_are_remembered(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 2)
    tokens = [signed(jti=str(number)) for number in range(4)]
    for token in [*tokens, *tokens]:
        assert (await authenticator.principal_of(token)).owner == "alice"
    assert len(authenticator._known) == 2
