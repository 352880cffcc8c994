"""Make tokens for people and scripts. The API checks them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

ADMIN_SCOPE = "waybill:admin"

#: The owner of files that are uploaded on the pages of the embedded stack, or with the line that `waybill up`
#: prints.
DEMO_OWNER = "demo"
DEMO_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must contain in addition to a valid signature. ``max_lifetime`` is in seconds."""

    issuer: str | None = None
    audience: str | None = None
    max_lifetime: int | None = None


NO_RULES = TokenRules()


def make_token(
    secret: str, owner: str, *, lifetime: timedelta, admin: bool = False, rules: TokenRules = NO_RULES
) -> str:
    """Return a JWT (HS256) that names ``owner`` as its subject.

    Args:
        admin: whether it also opens the dashboard.
        rules: the service's rules for tokens. A ``lifetime`` that they do not allow is shortened.
    """
    now = datetime.now(UTC)
    if rules.max_lifetime is not None:
        lifetime = min(lifetime, timedelta(seconds=rules.max_lifetime))
    claims: dict[str, object] = {"sub": owner, "iat": now, "exp": now + lifetime}
    if admin:
        claims["scope"] = ADMIN_SCOPE
    if rules.issuer is not None:
        claims["iss"] = rules.issuer
    if rules.audience is not None:
        claims["aud"] = rules.audience
    return jwt.encode(claims, secret, algorithm="HS256")


def make_demo_token(secret: str, rules: TokenRules) -> str:
    """Return a token for the demo owner of an embedded stack.

    It is valid for a day, if the rules allow that.
    """
    return make_token(secret, DEMO_OWNER, lifetime=DEMO_LIFETIME, rules=rules)
