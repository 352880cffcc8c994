"""The GraphQL API against its own schema."""

from collections.abc import Callable


def test_graphql_answers_with_data_or_an_outcome(fuzz: Callable[[str, str], None]) -> None:
    fuzz("graphql.toml", "/graphql")
