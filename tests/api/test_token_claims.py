"""The claims that a service demands of every token."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest

from api.auth import Authenticator
from waybill.platform.errors import Unauthenticated
from waybill.platform.settings import TokenSettings
from waybill.platform.tokens import TokenRules, make_token

SECRET = "a-secret-of-thirty-two-bytes-or-more"


def token(**claims: Any) -> str:
    return jwt.encode({"sub": "alice", **claims}, SECRET, algorithm="HS256")


async def reason(settings: dict[str, Any], claims: dict[str, Any]) -> str | None:
    """Return why a token with these claims is refused, or None if it is accepted."""
    authenticator = Authenticator(TokenSettings.model_validate({"jwt_secret": SECRET, **settings}))
    try:
        await authenticator.principal_of(token(**claims))
    except Unauthenticated as error:
        return error.message
    return None


NOW = int(time.time())
HOUR = {"exp": NOW + 3600}
DEMANDS_EXP = {"jwt_require_exp": True}
AT_MOST_AN_HOUR = {"jwt_max_lifetime": 3600}
OURS = {"jwt_audience": "waybill", "jwt_issuer": "https://id.example.com/"}


@pytest.mark.parametrize(
    ("settings", "claims", "why"),
    [
        ({}, {}, None),
        (DEMANDS_EXP, HOUR, None),
        (DEMANDS_EXP, {}, "lacks the claim exp"),
        (DEMANDS_EXP, {"exp": None}, "lacks the claim exp"),
        (AT_MOST_AN_HOUR, HOUR, None),
        (AT_MOST_AN_HOUR, {"iat": NOW, **HOUR}, None),
        (AT_MOST_AN_HOUR, {}, "lacks the claim exp"),
        (AT_MOST_AN_HOUR, {"exp": NOW + 7200}, "lifetime"),
        (AT_MOST_AN_HOUR, {"exp": 10**300}, "lifetime"),
        # What counts is for how long it was made, not how much of that is left.
        (AT_MOST_AN_HOUR, {"iat": NOW - 7200, **HOUR}, "lifetime"),
        (OURS, {"aud": "waybill", "iss": "https://id.example.com/"}, None),
        (OURS, {"aud": ["other", "waybill"], "iss": "https://id.example.com/"}, None),
        (OURS, {"aud": "other", "iss": "https://id.example.com/"}, "another audience"),
        (OURS, {"aud": 7, "iss": "https://id.example.com/"}, "another audience"),
        (OURS, {"iss": "https://id.example.com/"}, "lacks the claim aud"),
        (OURS, {"aud": "waybill"}, "lacks the claim iss"),
        (OURS, {"aud": "waybill", "iss": "https://id.example.com"}, "another issuer"),
    ],
)
async def test_demanded_claims(settings: dict[str, Any], claims: dict[str, Any], why: str | None) -> None:
    refused = await reason(settings, claims)
    if why is None:
        assert refused is None
    else:
        assert refused is not None
        assert why in refused
        # What the service demands instead is for its administrator to say.
        assert not any(str(value) in refused for value in settings.values())


async def test_our_own_tokens_are_not_longer_than_the_service_accepts() -> None:
    """Those of `waybill token` and of the embedded stack's pages."""
    made = make_token(SECRET, "alice", lifetime=timedelta(days=1), rules=TokenRules(max_lifetime=3600))
    authenticator = Authenticator(TokenSettings.model_validate({"jwt_secret": SECRET, **AT_MOST_AN_HOUR}))
    assert (await authenticator.principal_of(made)).owner == "alice"
