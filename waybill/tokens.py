"""Making tokens for people and scripts. Trusting them is the API's affair."""

from datetime import UTC, datetime, timedelta

import jwt

ADMIN_SCOPE = "waybill:admin"

#: The owner of what is uploaded from the embedded stack's pages and from the line that `waybill up` prints.
DEMO_OWNER = "demo"


def make_token(
    secret: str,
    owner: str,
    *,
    lifetime: timedelta,
    admin: bool = False,
    issuer: str | None = None,
    audience: str | None = None,
    max_lifetime: int | None = None,
) -> str:
    """Return a JWT (HS256) that names ``owner`` as its subject.

    Args:
        admin: whether it opens the dashboard too.
        max_lifetime: seconds that the service accepts; a longer ``lifetime`` is shortened.
    """
    now = datetime.now(UTC)
    if max_lifetime is not None:
        lifetime = min(lifetime, timedelta(seconds=max_lifetime))
    claims: dict[str, object] = {"sub": owner, "iat": now, "exp": now + lifetime}
    if admin:
        claims["scope"] = ADMIN_SCOPE
    if issuer is not None:
        claims["iss"] = issuer
    if audience is not None:
        claims["aud"] = audience
    return jwt.encode(claims, secret, algorithm="HS256")
