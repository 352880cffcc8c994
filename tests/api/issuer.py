"""A token issuer: its keys, its tokens, and an HTTP server that serves the keys."""

import asyncio
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED448_KEY = ed448.Ed448PrivateKey.generate()


def public(key: Any, **members: Any) -> dict[str, Any]:
    """Return the JWK of a private key's public half."""
    kinds: dict[type, Any] = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((each for kind, each in kinds.items() if isinstance(key, kind)), OKPAlgorithm)
    jwk: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    # PyJWT writes `key_ops` itself, which most issuers do not.
    jwk.pop("key_ops", None)
    return {**jwk, **members}


PUBLIC = [
    public(RSA_KEY, kid="rsa", alg="RS256", use="sig"),
    public(EC_KEY, kid="ec", alg="ES256", use="sig"),
]


def key_set(*keys: Any) -> bytes:
    """Return a JWK Set of these entries."""
    return json.dumps({"keys": keys}).encode()


GOOD = key_set(*PUBLIC)


class Issuer:
    """An HTTP server that answers with ``status`` and ``body``, and counts requests."""

    def __init__(self) -> None:
        self.body = GOOD
        self.status = "200 OK"
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = 0
        self.asked_again = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, as soon as ``hold`` is set."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.asked == 2:
            self.asked_again.set()
        await self.hold.wait()
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        await writer.drain()
        writer.close()


def signed(kid: str | None = "rsa", key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
    """Return a token of alice; without a key it is that of ``kid`` in ``PUBLIC``."""
    if key is None:
        key, algorithm = (EC_KEY, "ES256") if kid == "ec" else (RSA_KEY, "RS256")
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({"sub": "alice", **claims}, key, algorithm=algorithm, headers=headers)
