"""Public keys of a JWK Set (RFC 7517) that can verify the signature of a token."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

#: Bits. RFC 7518, 3.3 and 3.5 forbid shorter RSA keys.
MIN_RSA_BITS = 2048

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_EDDSA = frozenset({"EdDSA"})

#: The algorithms of each kind of key: its curve, or its type if it has none (RFC 7518, 3.1; RFC 8037, 3.1).
_ALGORITHMS = {
    "RSA": _RSA,
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": _EDDSA,
    "Ed448": _EDDSA,
}
_CURVES = {"RSA": (None,), "EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448")}
_PARSERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}

#: RFC 9864 gives each curve of EdDSA a name of its own; tokens say EdDSA.
_SYNONYMS = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and the algorithms whose signatures it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    key: Any


def parse_key_set(document: Any) -> tuple[list[PublicKey], list[str]]:
    """Return the usable keys of a JWK Set, and for each other entry why it is ignored (RFC 7517, 5).

    Raises:
        ValueError: the document is not a JWK Set, or has no usable key.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("the response is not a JWK Set: it has no array `keys`")
    keys: list[PublicKey] = []
    ignored: list[str] = []
    for entry in entries:
        try:
            keys.append(_parse(entry))
        except Exception as error:  # each library has its own exceptions for what an issuer can get wrong
            ignored.append(str(error) or repr(error))
    if not keys:
        raise ValueError(f"the JWK Set has no key that can verify a token; ignored: {ignored}")
    return keys, ignored


def _parse(entry: Any) -> PublicKey:
    """Return the key of one entry. Raises if it is not a public key for signatures that we understand."""
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    # Some issuers write null for what they leave out.
    entry = {name: value for name, value in entry.items() if value is not None}
    problem = next(_problems(entry), None)
    if problem is not None:
        raise ValueError(problem)
    kind = entry.get("crv", entry["kty"])
    key = _PARSERS[entry["kty"]].from_jwk(entry)
    if kind == "RSA" and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key of less than {MIN_RSA_BITS} bits")
    algorithms = _ALGORITHMS[kind]
    if "alg" in entry:
        algorithms &= {_SYNONYMS.get(entry["alg"], entry["alg"])}
    if not algorithms:
        raise ValueError("`alg` does not fit the kind of key")
    return PublicKey(entry.get("kid"), algorithms, key)


def _problems(entry: dict[str, Any]) -> Iterator[str]:
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(entry.get("kid", ""), str):
        yield "`kid` is not a string"
    if entry.get("use", "sig") != "sig":
        yield "`use` is not sig"
    if not isinstance(operations, list) or "verify" not in operations:
        yield "`key_ops` lacks verify"
    if "d" in entry:
        # Anyone who can read the set can sign with it.
        yield "a private key"
    if entry.get("kty") not in _CURVES or entry.get("crv") not in _CURVES[entry["kty"]]:
        yield "an unknown `kty` or `crv`"
