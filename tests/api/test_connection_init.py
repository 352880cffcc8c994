"""Where a client may put its token in `connection_init`."""

from typing import Any

import pytest

from api.graphql.connection_init import authorization_of


@pytest.mark.parametrize(
    ("payload", "authorization"),
    [
        ({"Authorization": "Bearer x"}, "Bearer x"),
        ({"authorization": "Bearer x"}, "Bearer x"),
        ({"headers": {"Authorization": "Bearer x"}}, "Bearer x"),
        ({"headers": {"authorization": "Bearer x"}}, "Bearer x"),
        ({"authToken": "x"}, "Bearer x"),
        ({"token": "x"}, "Bearer x"),
        ({"accessToken": "Bearer x"}, "Bearer x"),
        ({"Authorization": "Bearer x", "headers": {"Authorization": "Bearer y"}, "token": "z"}, "Bearer x"),
        ({"Authorization": 1, "token": "z"}, ""),
        ({"headers": {"Authorization": ["Bearer x"]}}, ""),
        ({"token": None}, ""),
        ({"headers": "Bearer x"}, None),
        ({"headers": {}}, None),
        ({}, None),
    ],
)
def test_a_token_is_found_in_the_usual_places(payload: dict[str, Any], authorization: str | None) -> None:
    assert authorization_of(payload) == authorization
