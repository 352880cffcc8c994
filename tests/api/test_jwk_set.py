"""Which keys of a JWK Set (RFC 7517) verify which tokens."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from api.auth import Authenticator
from tests.api.issuer import (
    EC_KEY,
    ED448_KEY,
    ED25519_KEY,
    OTHER_RSA_KEY,
    P384_KEY,
    RSA_KEY,
    Issuer,
    key_set,
    public,
    signed,
)
from waybill.platform.errors import ServiceUnavailable, SettingsError, Unauthenticated
from waybill.platform.settings import TokenSettings, load_token_settings

GOOD_KEY = public(RSA_KEY, kid="rsa")
X25519 = {"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}

#: Entries that must be ignored, in a set that also has a good key (RFC 7517, 5).
NOT_UNDERSTOOD: dict[str, Any] = {
    "string": "a string",
    "null": None,
    "number": 7,
    "array": [],
    "empty": {},
    "kid is an array": {**GOOD_KEY, "kid": ["a"]},
    "kid is a number": {**GOOD_KEY, "kid": 7},
    "kty is an array": {**GOOD_KEY, "kty": ["RSA"]},
    "kty is unknown": {"kty": "AKP", "kid": "pq", "pub": "AA"},
    "n is a number": {**GOOD_KEY, "n": 7},
    "n is no base64url": {**GOOD_KEY, "n": "!"},
    "n is empty": {**GOOD_KEY, "n": ""},
    "no point of the curve": {**public(EC_KEY), "y": public(EC_KEY)["x"]},
    "crv is unknown": {**public(EC_KEY), "crv": "P-999"},
    "crv is an object": {**public(EC_KEY), "crv": {}},
    "alg is an array": {**GOOD_KEY, "alg": ["RS256"]},
    "key_ops is an object": {**GOOD_KEY, "key_ops": {}},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
    "key agreement": X25519,
}

#: Members of a key that must not verify, though it is a good one otherwise.
NOT_FOR_SIGNATURES: dict[str, dict[str, Any]] = {
    "use enc": {"use": "enc"},
    "use unknown": {"use": "other"},
    "key_ops without verify": {"key_ops": ["encrypt", "wrapKey"]},
    "key_ops empty": {"key_ops": []},
    "key_ops is a string": {"key_ops": "verify"},
    "use and key_ops disagree": {"use": "enc", "key_ops": ["verify"]},
    "alg of encryption": {"alg": "RSA-OAEP-256"},
    "another alg": {"alg": "RS512"},
    "alg of another kind of key": {"alg": "ES256"},
    "private": RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True),
}

TOKENS_AND_KEYS = {
    "RS256": RSA_KEY,
    "RS384": RSA_KEY,
    "RS512": RSA_KEY,
    "PS256": RSA_KEY,
    "PS384": RSA_KEY,
    "PS512": RSA_KEY,
    "ES256": EC_KEY,
    "ES384": P384_KEY,
    "EdDSA": ED25519_KEY,
}


@pytest.mark.parametrize("entry", NOT_UNDERSTOOD)
async def test_an_entry_that_is_not_understood_is_ignored(
    authenticator: Authenticator, issuer: Issuer, entry: str
) -> None:
    issuer.body = key_set(NOT_UNDERSTOOD[entry], GOOD_KEY, NOT_UNDERSTOOD[entry])
    assert (await authenticator.principal_of(signed("rsa"))).owner == "alice"
    issuer.body = key_set(NOT_UNDERSTOOD[entry])
    with pytest.raises(ServiceUnavailable):
        await Authenticator(TokenSettings(jwks_url=issuer.url)).principal_of(signed("rsa"))


@pytest.mark.parametrize("members", NOT_FOR_SIGNATURES)
async def test_a_key_for_something_else_verifies_nothing(
    authenticator: Authenticator, issuer: Issuer, members: str
) -> None:
    issuer.body = key_set({**GOOD_KEY, **NOT_FOR_SIGNATURES[members]}, public(EC_KEY, kid="ec"))
    for kid in ("rsa", None):
        with pytest.raises(Unauthenticated):
            await authenticator.principal_of(signed(kid, RSA_KEY, "RS256"))
    assert (await authenticator.principal_of(signed("ec"))).owner == "alice"


async def test_members_that_are_null_are_as_if_left_out(authenticator: Authenticator, issuer: Issuer) -> None:
    issuer.body = key_set(public(RSA_KEY, kid=None, use=None, key_ops=None, alg=None, d=None))
    assert (await authenticator.principal_of(signed(None))).owner == "alice"


async def test_keys_without_a_kid_do_not_hide_one_another(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    issuer.body = key_set(public(RSA_KEY), public(EC_KEY), public(OTHER_RSA_KEY))
    for key, algorithm in ((RSA_KEY, "RS256"), (OTHER_RSA_KEY, "RS256"), (EC_KEY, "ES256")):
        assert (await authenticator.principal_of(signed(None, key, algorithm))).owner == "alice"
    assert issuer.asked == 1


async def test_keys_of_one_kid_do_not_hide_one_another(authenticator: Authenticator, issuer: Issuer) -> None:
    """RFC 7517, 4.5 allows it for keys of different kinds."""
    issuer.body = key_set(*(public(key, kid="1") for key in (RSA_KEY, EC_KEY, OTHER_RSA_KEY)))
    for key, algorithm in ((RSA_KEY, "RS256"), (OTHER_RSA_KEY, "RS256"), (EC_KEY, "ES256")):
        assert (await authenticator.principal_of(signed("1", key, algorithm))).owner == "alice"


async def test_a_token_need_not_name_its_key(authenticator: Authenticator, issuer: Issuer) -> None:
    """RFC 7515, 4.1.4."""
    issuer.body = key_set(public(OTHER_RSA_KEY, kid="1"), public(RSA_KEY, kid="2"), public(EC_KEY, kid="3"))
    for key, algorithm in ((RSA_KEY, "RS256"), (EC_KEY, "ES256")):
        assert (await authenticator.principal_of(signed(None, key, algorithm))).owner == "alice"
    with pytest.raises(Unauthenticated):
        await authenticator.principal_of(signed("other", RSA_KEY, "RS256"))


@pytest.mark.parametrize("bits", [1024, 2048])
async def test_short_rsa_keys_verify_nothing(authenticator: Authenticator, issuer: Issuer, bits: int) -> None:
    """RFC 7518, 3.3."""
    key = rsa.generate_private_key(65537, bits)
    issuer.body = key_set(public(key, kid="x"), public(EC_KEY, kid="ec"))
    if bits < 2048:
        with pytest.warns(match="below"), pytest.raises(Unauthenticated):
            await authenticator.principal_of(signed("x", key, "RS256"))
    else:
        assert (await authenticator.principal_of(signed("x", key, "RS256"))).owner == "alice"


@pytest.mark.parametrize("algorithm", TOKENS_AND_KEYS)
async def test_algorithms_are_those_of_the_setting(issuer: Issuer, algorithm: str) -> None:
    key = TOKENS_AND_KEYS[algorithm]
    token = signed("x", key, algorithm)
    issuer.body = key_set(public(key, kid="x"), public(ED448_KEY, kid="y"))
    only = Authenticator(TokenSettings(jwks_url=issuer.url, jwt_algorithms=algorithm))
    assert (await only.principal_of(token)).owner == "alice"
    others = ",".join(each for each in TOKENS_AND_KEYS if each != algorithm)
    with pytest.raises(Unauthenticated, match="alg"):
        await Authenticator(TokenSettings(jwks_url=issuer.url, jwt_algorithms=others)).principal_of(token)
    by_default = Authenticator(TokenSettings(jwks_url=issuer.url))
    if algorithm in {"RS256", "ES256"}:
        assert (await by_default.principal_of(token)).owner == "alice"
    else:
        with pytest.raises(Unauthenticated, match="alg"):
            await by_default.principal_of(token)


async def test_both_curves_of_eddsa_are_taken(issuer: Issuer) -> None:
    issuer.body = key_set(public(ED25519_KEY, alg="Ed25519"), public(ED448_KEY, alg="EdDSA"))
    authenticator = Authenticator(TokenSettings(jwks_url=issuer.url, jwt_algorithms="EdDSA"))
    for key in (ED25519_KEY, ED448_KEY):
        assert (await authenticator.principal_of(signed(None, key, "EdDSA"))).owner == "alice"


@pytest.mark.parametrize("value", ["none", "HS256", "RS256,HS512", "rs256", " , "])
def test_algorithms_without_a_public_key_are_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_ALGORITHMS", value)
    with pytest.raises(SettingsError, match="WAYBILL_JWT_ALGORITHMS"):
        load_token_settings()


async def test_a_set_with_a_byte_order_mark_is_read(authenticator: Authenticator, issuer: Issuer) -> None:
    issuer.body = json.dumps({"keys": [GOOD_KEY]}).encode("utf-8-sig")
    assert (await authenticator.principal_of(signed("rsa"))).owner == "alice"
